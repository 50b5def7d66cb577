import pytest

from mngr.model.errors import InvalidInput, Unreachable
from mngr.vms.urls import Allowed, addresses, check, is_public, parse

ANY = Allowed()


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://cloud.example.org/a/b.img", "cloud.example.org", 443, "/a/b.img"),
        ("HTTPS://Cloud.Example.org.:8443/a?x=1#frag", "cloud.example.org", 8443, "/a?x=1"),
        ("https://[2606:4700::1]/", "2606:4700::1", 443, "/"),
        ("https://example.org", "example.org", 443, "/"),
        ("https://example.org/a%20b/../c", "example.org", 443, "/a%20b/../c"),
    ],
)
def test_an_address_is_taken_apart(text: str, host: str, port: int, target: str) -> None:
    url = parse(text, ANY, checked=False)
    assert (url.host, url.port, url.target) == (host, port, target)
    assert parse(str(url), ANY, checked=False) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "/etc/passwd", "file:///etc/passwd", "ftp://example.org/a", "gopher://example.org/", "data:,x",
        "https://", "https:///a", "https://exa mple.org/", "https://example.org/a b", "https://example.org/\n", "https://example.org/ä",
        "https://example.org:0x50/", "https://example.org:99999/", "https://example.org:-1/", "https://[::1/", "https://-a.org/",
        "https://a..org/", "https://user@example.org/", "https://user:hunter2@example.org/", "https://example.org\\@other.org/",
        "https://exa_mple.org/", "https://" + "a" * 300 + ".org/", "https://example.org/" + "a" * 3000, "https://example.org/<x>",
        "http://example.org/a",
    ],
)  # fmt: skip
def test_what_is_no_good_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text, ANY, checked=False)
    assert "hunter2" not in str(caught.value)


def test_plain_http_takes_a_digest() -> None:
    assert parse("http://example.org/a", ANY, checked=True).port == 80


@pytest.mark.parametrize(
    ("host", "ok"),
    [("debian.org", True), ("cdn.debian.org", False), ("a.ubuntu.com", True), ("b.a.ubuntu.com", True), ("ubuntu.com", False),
     ("evilubuntu.com", False), ("debian.org.example.com", False)],
)  # fmt: skip
def test_only_hosts_on_the_list(host: str, ok: bool) -> None:
    allowed = Allowed(hosts=("Debian.org", "*.ubuntu.com"))
    if ok:
        assert parse(f"https://{host}/a", allowed, checked=False)
    else:
        with pytest.raises(InvalidInput, match="aren't fetched"):
            parse(f"https://{host}/a", allowed, checked=False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True), ("2606:4700::1", True), ("64:ff9b::101:101", True), ("2002:101:101::1", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.0.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False),
        ("fe80::1", False), ("fe80::1%eth0", False), ("fd00::1", False), ("ff02::1", False), ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False), ("64:ff9b::7f00:1", False), ("2002:7f00:1::1", False), ("2002:a9fe:a9fe::1", False),
        ("192.88.99.1", False), ("fec0::1", False), ("64:ff9b:1::101:101", False), ("::1.1.1.1", False), ("::ffff:0:1.1.1.1", False),
        ("::ffff:1.1.1.1", False), ("5f00::1", False), ("100::1", False), ("3fff::1", False), ("2001:db8::1", False),
        ("2001::1", False), ("2001:20::1", False), ("4000::1", False), ("2a01:4f8::1", True), ("3ffe::1", True),
        ("no address", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_a_name_is_refused_if_any_of_its_addresses_is_private() -> None:
    url = parse("https://example.org/a", ANY, checked=False)
    assert addresses(url, ANY, lambda host, port: ["1.1.1.1"]) == ["1.1.1.1"]
    with pytest.raises(InvalidInput, match=r"10\.0\.0\.7"):
        addresses(url, ANY, lambda host, port: ["1.1.1.1", "10.0.0.7"])
    assert addresses(url, Allowed(private=True), lambda host, port: ["10.0.0.7"]) == ["10.0.0.7"]


def test_a_number_that_is_an_address_by_another_spelling_is_seen_as_what_it_is() -> None:
    """Resolvers take `2130706433` and `127.1` for 127.0.0.1."""
    for spelling in ("2130706433", "127.1", "0x7f000001"):
        try:
            url = parse(f"https://{spelling}/", ANY, checked=False)
        except InvalidInput:
            continue
        with pytest.raises((InvalidInput, Unreachable)):
            addresses(url, ANY)


def test_a_name_that_is_not_known() -> None:
    def lookup(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(Unreachable, match="Name or service not known"):
        addresses(parse("https://example.org/", ANY, checked=False), ANY, lookup)


@pytest.mark.parametrize(
    "text",
    [
        "https://images.test:0/a", "https://127.1/a", "https://2130706433/a", "https://0x7f000001/a", "https://1.2.3.4.5/a",
        "https://a.0x1/a", "https://[v1.x]/a", "https://[fe80::1%25eth0]/a", "https://127.0.0.1/a", "https://[::1]/a",
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_address_is_known_without_a_look_at_a_name(text: str) -> None:
    with pytest.raises(InvalidInput):
        check(text, Allowed(), checked=False)
