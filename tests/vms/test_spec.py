"""What a VM may be called and made of: hostile values are refused at the door, and what passes is XML's text and no more."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mngr.model.errors import InvalidInput
from mngr.vms import domain, spec
from mngr.vms.domain import Made
from mngr.vms.spec import VmSpec, check, check_key, check_user_data, differences

UUID = "0f0e0d0c-0b0a-4009-8807-060504030201"
MADE = Made(
    UUID, "/disks/web-0f0e0d0c.qcow2", "/disks/web-0f0e0d0c.seed.img", "tcg", "there is no /dev/kvm", 20001
)
USUAL = VmSpec(name="web", image="/images/debian.qcow2")


def key(kind: str = "ssh-ed25519", comment: str = " me@here") -> str:
    body = len(kind).to_bytes(4, "big") + kind.encode() + bytes(range(40))
    return f"{kind} {base64.b64encode(body).decode()}{comment}"


#: What got past a door somewhere, once: XML, YAML, shells, paths, formats, control characters, numbers, homoglyphs.
HOSTILE = [
    "", " ", "  web", "web ", "a b", "-rf", "--image", ".", "..", "../x", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b",
    "C:\\x", "a//b", "%2e%2e%2f", "..%2fx", "a%00b", "a\0b", "\0", "a\nb", "a\rb", "\n", "a\tb", "\x1b[31m", "\x7f", "\x85",
    "\u2028", "\u202eabc", "\ufeffweb", "\ud800", "\ufffe", "\uffff", "ｗｅｂ", "wеb", "ß", "é", "𝔀eb", "😀", "İ",
    "<", ">", "&", "'", '"', "&lt;", "&amp;", "&#x41;", "&#0;", "]]>", "<![CDATA[x]]>", "<!--", "-->", "<?xml?>", "<x/>",
    "a'/><disk type='file'><source file='/etc/shadow'/></disk><x y='", '"/><interface type="user"/>',
    "</name><devices>", "</domain>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>", "&e;",
    "a: b", "a\n- b", "!!python/object", "*alias", "&anchor", "{}", "[]", "{{x}}", "{%x%}", "| x", "> x", "# x", "? x", "@x",
    "$(id)", "`id`", "${HOME}", "$HOME", ";id", "a;id", "a|id", "a&&id", "a||id", "a>b", "<(id)", "*", "?", "[a]", "~", "~root",
    "!x", "a=b", "%s", "%n", "{0}", "{name}", "\\n", "a,b", "a,hostfwd=tcp::22-:22", "a,format=raw", "a+b", "a:b", "a@b",
    "json:{}", "nbd://x", "fat:/", "http://x", "file:///etc/passwd", "//server/share", "con:x", "x" * 64, "x" * 300, "x" * 70000,
    "'; DROP TABLE vms; --", "1e9\n", "NaN\n", "null\n", "true\n", "none.", ".hidden", "_x.y", "-", "--", "---", "...",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:40])
def test_a_hostile_name_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="VM name"):
        check(msgspec.structs.replace(USUAL, name=value))


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:40])
def test_a_hostile_user_or_network_is_refused(value: str) -> None:
    if value:  # none is the image's own
        with pytest.raises(InvalidInput, match="user"):
            check(msgspec.structs.replace(USUAL, user=value))
    if value not in ("none.",):
        with pytest.raises(InvalidInput, match="network"):
            check(msgspec.structs.replace(USUAL, network=value))


def test_root_is_no_user_to_log_in_as() -> None:
    with pytest.raises(InvalidInput, match="root") as caught:
        check(msgspec.structs.replace(USUAL, user="root"))
    assert "another user" in caught.value.hint


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:40])
def test_a_hostile_key_is_refused_and_damaged_ones_too(value: str) -> None:
    for text in (value, f"ssh-rsa {value}", f"{key()}\nx{value}", f'command="{value}" {key()}'):
        with pytest.raises(InvalidInput):
            check_key(text)


@pytest.mark.parametrize(
    "value",
    [one for one in HOSTILE if not one.startswith("/")]
    + ["/a,b", "/a\nb", "/a/../b", "/\ud800", "/\x7f", "/" + "x" * 2000],
    ids=lambda value: ascii(value)[:40],
)
def test_a_hostile_path_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="image"):
        check(msgspec.structs.replace(USUAL, image=value))
    if value:
        with pytest.raises(InvalidInput, match="initrd"):
            check(msgspec.structs.replace(USUAL, kernel="/k", initrd=value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("memory_mib", one) for one in (0, -1, 63, 2**31, 10**30, True, 1.5, "2048", None)),
        *(("vcpus", one) for one in (0, -1, 513, 10**30, True, 1.0, "2", None)),
        *(("disk_gib", one) for one in (0, -1, 2**40, False, 2.5, "20", None)),
        *(("kernel_line", one) for one in ("a\nb", "a\0b", "é", "x" * 3000)),
        *(("user_data_sha256", one) for one in ("x", "A" * 64, "0" * 63, "0" * 65)),
        ("keys", (key(),) * 65),
        ("keys", (f" {key()}",)),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_out_of_range_is_refused(field: str, value: Any) -> None:
    more = {"kernel": "/k"} if field == "kernel_line" else {}
    with pytest.raises(InvalidInput):
        check(msgspec.structs.replace(USUAL, **{field: value}, **more))


def test_an_initrd_takes_a_kernel() -> None:
    for one in ({"initrd": "/i"}, {"kernel_line": "quiet"}):
        with pytest.raises(InvalidInput, match="without a kernel"):
            check(msgspec.structs.replace(USUAL, **one))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", sorted(spec.KEY_TYPES))
def test_keys_of_all_kinds_pass_without_the_blanks_around(kind: str) -> None:
    assert check_key(f"  {key(kind)}\n") == key(kind)


def test_a_private_key_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidInput, match="private key") as caught:
        check_key("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n")
    assert "b3Blb" not in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"#cloud-config\n{}\n", b"#!/bin/sh\n", b"\x1f\x8b\x08", b"Content-Type: multipart/mixed"]
)
def test_user_data_that_cloud_init_knows_passes(data: bytes) -> None:
    assert check_user_data(data) == data


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf#cloud-config\n",
        b"# cloud-config\n",
        b"runcmd: []\n",
        b"\n#cloud-config",
        b"#!" + b"x" * 1024**2,
    ],
)
def test_user_data_that_cloud_init_would_ignore_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        check_user_data(data)


def test_a_vm_s_hostname_is_one() -> None:
    assert [msgspec.structs.replace(USUAL, name=one).hostname for one in ("web", "my_vm", "a_")] == [
        "web",
        "my-vm",
        "a",
    ]


def test_differences_name_the_fields_and_no_key() -> None:
    other = msgspec.structs.replace(USUAL, vcpus=4, keys=(key(),))
    assert differences(USUAL, other) == ["vcpus is 2, not 4", "keys differs"]
    assert differences(USUAL, USUAL) == []


# --- XML ---

WORD = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)
PATH = (
    st.text(st.characters(codec="utf-8", exclude_characters=","), max_size=30)
    .filter(str.isprintable)
    .map(lambda text: f"/{text}")
)
SPECS = st.builds(
    VmSpec, name=WORD, image=PATH, memory_mib=st.integers(64, 65536), vcpus=st.integers(1, 64), disk_gib=st.integers(1, 900),
    network=st.sampled_from(["user", "default", "br0.7"]), kernel=PATH, initrd=PATH,
    kernel_line=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    keys=st.lists(st.text(max_size=20).filter(lambda text: text.isprintable() and text.strip() == text).map(lambda text: key(comment=f" {text}".rstrip())), max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(SPECS)
def test_what_passes_is_read_back_and_adds_no_element(wanted: VmSpec) -> None:
    try:
        check(wanted)
    except InvalidInput:
        return
    text = domain.write(wanted, MADE)
    assert domain.read(text).spec == wanted
    assert shape(text) == shape(domain.write(plain(wanted), MADE))


def plain(wanted: VmSpec) -> VmSpec:
    """The same with values that nobody could take for markup."""
    return VmSpec(
        name="web", image="/i", network=wanted.network, kernel="/k" if wanted.kernel else "",
        initrd="/r" if wanted.initrd else "", kernel_line="quiet" if wanted.kernel_line else "",
    )  # fmt: skip


def shape(text: str) -> list[tuple[str, list[str]]]:
    return [(one.tag, sorted(one.attrib)) for one in ET.fromstring(text).iter()]


@pytest.mark.parametrize(
    "value", [one for one in HOSTILE if one and "\ud800" not in one], ids=lambda value: ascii(value)[:40]
)
def test_a_value_that_got_past_the_door_would_still_be_text(value: str) -> None:
    """The writer by itself: no element comes of a value, and what can't stand in XML is refused."""
    bad = msgspec.structs.replace(USUAL, name=value, network=value, kernel=value, kernel_line=value)
    try:
        text = domain.write(bad, MADE)
    except ValueError:
        return
    usual = msgspec.structs.replace(USUAL, network="x", kernel="/k", kernel_line="quiet")
    assert shape(text) == shape(domain.write(usual, MADE))


def test_the_domain_says_what_it_is_made_of() -> None:
    wanted = msgspec.structs.replace(USUAL, network="user", memory_mib=512, vcpus=3)
    found = domain.read(domain.write(wanted, MADE))
    assert (found.name, found.uuid, found.memory_mib, found.vcpus) == ("web", UUID, 512, 3)
    assert (found.accel, found.reason, found.port, found.networks) == (
        "tcg",
        "there is no /dev/kvm",
        20001,
        ("user",),
    )
    assert found.disks == (MADE.disk, MADE.seed)
    assert MADE.mac == "52:54:00:0f:0e:0d"


def test_a_domain_of_somebody_else_s_has_no_spec() -> None:
    text = "<domain type='kvm'><name>x</name><memory unit='KiB'>1048576</memory><vcpu>2</vcpu></domain>"
    found = domain.read(text)
    assert (found.spec, found.memory_mib, found.accel, found.networks) == (None, 1024, "kvm", ())
    assert domain.read(domain.write(USUAL, MADE).replace("debian.qcow2", "\\x")).spec is None
