"""Images by address: fetched once, gone on with, checked; against a server on loopback."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput, NotFound, TimedOut, Unreachable
from mngr.model.notes import Remark
from mngr.simcloud import tls
from mngr.vms import download
from mngr.vms.images import YOUNG_S, Images
from mngr.vms.urls import Allowed
from support import shop as shops
from support.shop import Shop
from support.wire import SkippingClock

#: Raw, with a beginning that is nothing else.
BODY = bytes(512) + os.urandom(200 * 1024 - 512)
OTHER = bytes(512) + os.urandom(150 * 1024 - 512)
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def shop() -> Iterator[Shop]:
    with shops.open_shop() as one:
        one.files["/a.img"] = (BODY, '"v1"')
        yield one


@pytest.fixture
def clock() -> SkippingClock:
    return SkippingClock(lambda seconds: None)


@pytest.fixture
def images(tmp_path: Path, clock: SkippingClock) -> Images:
    return made(tmp_path, clock)


def made(folder: Path, clock: Clock, allowed: Allowed = shops.HERE, **more: Any) -> Images:
    return Images(folder / "images", allowed, clock, shops.lookup, **more)


def test_it_is_fetched_once_and_kept_by_its_digest(shop: Shop, images: Images) -> None:
    steps: list[Any] = []
    path = images.get(shop.url("/a.img"), SHA256, steps.append)
    assert path.name == f"{SHA256}.img"
    assert path.read_bytes() == BODY
    assert path.stat().st_mode & 0o777 == 0o444
    assert "fetching" in str(steps)
    assert images.get(shop.url("/a.img"), SHA256.upper()) == path
    assert len(shop.asked) == 1
    [image] = images.all()
    assert (image.sha256, image.format, image.size, image.disk) == (SHA256, "raw", len(BODY), len(BODY))
    assert image.urls == (shop.url("/a.img"),)


def test_however_many_ask_at_once_it_comes_once(shop: Shop, tmp_path: Path) -> None:
    images = made(tmp_path, SYSTEM)
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: images.get(shop.url("/a.img"), SHA256), range(8)))
    assert len(paths) == 1
    assert len(shop.asked) == 1


def test_one_image_of_two_addresses_is_one_file(shop: Shop, images: Images) -> None:
    shop.files["/b.img"] = (BODY, "")
    assert images.get(shop.url("/a.img"), SHA256) == images.get(shop.url("/b.img"), SHA256)
    assert len(shop.asked) == 1  # the digest says enough


def test_a_cut_connection_is_gone_on_with(shop: Shop, images: Images) -> None:
    shop.cuts = [1000, 50_000]
    assert images.get(shop.url("/a.img"), SHA256).read_bytes() == BODY
    assert [headers.get("range") for _, headers in shop.asked] == [None, "bytes=1000-", "bytes=51000-"]
    assert all(headers["accept-encoding"] == "identity" for _, headers in shop.asked)


def test_so_is_one_by_another_process(shop: Shop, tmp_path: Path, clock: SkippingClock) -> None:
    shop.cuts = [1000, 0, 0, 0, 0]
    with pytest.raises(Unreachable, match="can't fetch"):
        made(tmp_path, clock).get(shop.url("/a.img"), SHA256)
    shop.cuts = []
    assert made(tmp_path, clock).get(shop.url("/a.img"), SHA256).read_bytes() == BODY
    assert shop.asked[-1][1]["range"] == "bytes=1000-"


@pytest.mark.parametrize("etag", ["", 'W/"v1"'])
def test_without_a_strong_etag_it_begins_anew(shop: Shop, images: Images, etag: str) -> None:
    shop.files["/a.img"] = (BODY, etag)
    shop.cuts = [1000]
    assert images.get(shop.url("/a.img"), SHA256).read_bytes() == BODY
    assert [headers.get("range") for _, headers in shop.asked] == [None, None]


def test_a_server_that_knows_no_ranges(shop: Shop, images: Images) -> None:
    shop.plain, shop.cuts = True, [1000]
    assert images.get(shop.url("/a.img"), SHA256).read_bytes() == BODY


def test_a_file_that_changes_in_the_middle_comes_whole(
    shop: Shop, tmp_path: Path, clock: SkippingClock
) -> None:
    shop.cuts = [1000, 0, 0, 0, 0]
    with pytest.raises(Unreachable):
        made(tmp_path, clock).get(shop.url("/a.img"), SHA256)
    shop.cuts, shop.files["/a.img"] = [], (OTHER, '"v2"')
    digest = hashlib.sha256(OTHER).hexdigest()
    assert made(tmp_path, clock).get(shop.url("/a.img"), digest).read_bytes() == OTHER


def test_a_server_without_a_length(shop: Shop, images: Images) -> None:
    shop.sized = False
    assert images.get(shop.url("/a.img"), SHA256).read_bytes() == BODY


def test_a_busy_server_is_asked_again(shop: Shop, images: Images, clock: SkippingClock) -> None:
    shop.answers = [503, 429, 500]
    assert images.get(shop.url("/a.img"), SHA256).read_bytes() == BODY
    shop.answers = [503] * 4
    shop.files["/b.img"] = (OTHER, "")
    with pytest.raises(Unreachable, match="HTTP 503"):
        images.get(shop.url("/b.img"), hashlib.sha256(OTHER).hexdigest())


def test_another_digest_leaves_nothing(shop: Shop, images: Images, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=SHA256):
        images.get(shop.url("/a.img"), "0" * 64)
    assert images.all() == []
    assert [path.name for path in (tmp_path / "images").iterdir() if path.suffix in (".img", ".part")] == []


def test_no_file_there(shop: Shop, images: Images) -> None:
    with pytest.raises(NotFound, match="404"):
        images.get(shop.url("/no.img"), SHA256)


def test_it_is_not_bigger_than_allowed(shop: Shop, tmp_path: Path, clock: SkippingClock) -> None:
    for shop.sized in (True, False):
        with pytest.raises(InvalidInput, match="too big"):
            made(tmp_path, clock, Allowed(private=True, most_bytes=len(BODY) - 1)).get(
                shop.url("/a.img"), SHA256
            )
    assert not list((tmp_path / "images").glob("*.part"))


def test_private_addresses_are_refused_also_where_one_is_sent_on(
    shop: Shop, tmp_path: Path, clock: SkippingClock
) -> None:
    with pytest.raises(InvalidInput, match="public Internet"):
        made(tmp_path, clock, Allowed()).get(shop.url("/a.img"), SHA256)
    assert shop.asked == []
    hosts = Allowed(private=True, hosts=("images.test",))
    shop.moved["/moved"] = shop.url("/a.img", host="other.test")
    with pytest.raises(InvalidInput, match=r"other\.test"):
        made(tmp_path, clock, hosts).get(shop.url("/moved"), SHA256)
    shop.moved["/moved"] = "file:///etc/hostname"
    with pytest.raises(InvalidInput, match="file"):
        made(tmp_path, clock, hosts).get(shop.url("/moved"), SHA256)
    shop.moved["/moved"] = "a.img"
    assert made(tmp_path, clock, hosts).get(shop.url("/moved"), SHA256).read_bytes() == BODY


def test_who_is_sent_in_circles_stops(shop: Shop, images: Images) -> None:
    shop.moved["/moved"] = "/moved"
    with pytest.raises(InvalidInput, match="sends on"):
        images.get(shop.url("/moved"), SHA256)


@pytest.mark.parametrize("name", ["images.test", "elsewhere.test"])
def test_by_https_the_certificate_is_of_the_name_that_was_asked_for(
    tmp_path: Path, clock: SkippingClock, name: str
) -> None:
    import ssl

    (tmp_path / "tls").mkdir()
    certified = tls.make(tmp_path / "tls", ["images.test"])
    with shops.open_shop(certified.context) as shop:
        shop.files["/a.img"] = (BODY, '"v1"')
        images = made(tmp_path, clock, verify=ssl.create_default_context(cafile=str(certified.ca)))
        url = shop.url("/a.img", host=name, scheme="https")
        if name == "images.test":
            assert images.get(url).read_bytes() == BODY
            assert shop.asked[0][1]["host"] == f"images.test:{shop.port}"
        else:
            with pytest.raises(Unreachable, match=r"elsewhere\.test|certificate"):
                images.get(url)


def test_without_a_digest_the_server_is_asked_whether_it_has_another(
    tmp_path: Path, clock: SkippingClock
) -> None:
    import ssl

    (tmp_path / "tls").mkdir()
    certified = tls.make(tmp_path / "tls", ["images.test"])
    images = made(tmp_path, clock, verify=ssl.create_default_context(cafile=str(certified.ca)))
    notes: list[Any] = []
    with shops.open_shop(certified.context) as shop:
        shop.files["/a.img"] = (BODY, '"v1"')
        url = shop.url("/a.img", scheme="https")
        first = images.get(url)
        assert images.get(url) == first
        assert shop.asked[-1][1]["if-none-match"] == '"v1"'
        shop.files["/a.img"] = (OTHER, '"v2"')
        second = images.get(url)
        assert second.read_bytes() == OTHER
        assert first.read_bytes() == BODY  # VMs are laid over it
        assert images.get(url, SHA256) == first  # by its digest it is here
    assert images.get(url, progress=notes.append) == second
    [note] = [one for one in notes if isinstance(one, Remark)]
    assert "the image that is here is used" in note.text


@pytest.fixture
def secure(tmp_path: Path, clock: SkippingClock) -> Iterator[tuple[Shop, Images]]:
    """By https, where an image needs no digest."""
    import ssl

    (tmp_path / "tls").mkdir()
    certified = tls.make(tmp_path / "tls", ["images.test"])
    with shops.open_shop(certified.context) as shop:
        shop.files["/a.img"] = (BODY, '"v1"')
        yield shop, made(tmp_path, clock, verify=ssl.create_default_context(cafile=str(certified.ca)))


def test_a_refresh_that_breaks_leaves_the_image_that_is_here(secure: tuple[Shop, Images]) -> None:
    shop, images = secure
    url = shop.url("/a.img", scheme="https")
    first = images.get(url)
    shop.files["/a.img"], shop.cuts = (OTHER, '"v2"'), [1000, 0, 0, 0, 0, 0]
    assert images.get(url) == first
    shop.cuts = [0] * 8
    assert images.get(url) == first
    shop.cuts = []
    assert images.get(url).read_bytes() == OTHER
    assert shop.asked[-1][1]["range"] == "bytes=1000-"


def test_a_wrong_digest_does_not_make_an_address_forget(secure: tuple[Shop, Images]) -> None:
    shop, images = secure
    url = shop.url("/a.img", scheme="https")
    first = images.get(url)
    with pytest.raises(InvalidInput, match="SHA-256"):
        images.get(url, "0" * 64)
    assert [one.path for one in images.all()] == [str(first)]
    assert images.get(url) == first
    assert shop.asked[-1][1]["if-none-match"] == '"v1"'


def test_an_image_whose_address_moved_on_is_listed_and_goes_in_its_time(
    secure: tuple[Shop, Images], clock: SkippingClock
) -> None:
    shop, images = secure
    url = shop.url("/a.img", scheme="https")
    first = images.get(url)
    shop.files["/a.img"] = (OTHER, '"v2"')
    second = images.get(url)
    assert {one.path for one in images.all()} == {str(first), str(second)}
    clock.sleep(YOUNG_S + 60)
    assert [one.path for one in images.prune([str(second)])] == [str(first)]
    assert not first.with_suffix(".json").exists()
    assert images.get(url) == second


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_drips_its_headers_is_left_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    import ssl

    (tmp_path / "tls").mkdir()
    certified = tls.make(tmp_path / "tls", ["images.test"])
    images = made(tmp_path, SYSTEM, verify=ssl.create_default_context(cafile=str(certified.ca)))
    monkeypatch.setattr(download, "LIMIT_S", 0.5)
    with shops.open_shop(certified.context if scheme == "https" else None) as shop:
        shop.files["/a.img"], shop.drips = (BODY, ""), 400
        with pytest.raises(TimedOut, match="didn't come within"):
            images.get(shop.url("/a.img", scheme=scheme), SHA256)
        assert len(shop.asked) == 1
        assert shop.dripped < shop.drips  # it wasn't waited for to the end


def qcow2(path: Path, *options: str) -> bytes:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *options, str(path), "1M"], check=True)
    return path.read_bytes()


def test_an_image_that_points_to_other_files_is_refused(shop: Shop, images: Images, tmp_path: Path) -> None:
    (tmp_path / "base").write_bytes(bytes(4096))
    backed = qcow2(tmp_path / "backed.qcow2", "-F", "raw", "-b", str(tmp_path / "base"))
    data = qcow2(tmp_path / "data.qcow2", "-o", f"data_file={tmp_path / 'data'}")
    for body in (backed, data):
        shop.files["/q.img"] = (body, "")
        with pytest.raises(InvalidInput, match="names other files"):
            images.get(shop.url("/q.img"), hashlib.sha256(body).hexdigest())
    whole = qcow2(tmp_path / "whole.qcow2")
    shop.files["/q.img"] = (whole, "")
    images.get(shop.url("/q.img"), hashlib.sha256(whole).hexdigest())
    assert [(one.format, one.disk) for one in images.all()] == [("qcow2", 1 << 20)]


def test_what_nobody_needs_goes_after_a_while(
    shop: Shop, images: Images, tmp_path: Path, clock: SkippingClock
) -> None:
    shop.files["/b.img"] = (OTHER, "")
    first = images.get(shop.url("/a.img"), SHA256)
    second = images.get(shop.url("/b.img"), hashlib.sha256(OTHER).hexdigest())
    shop.files["/c.img"], shop.cuts = (BODY + OTHER, '"v1"'), [1000, 0, 0, 0, 0]
    with pytest.raises(Unreachable):
        images.get(shop.url("/c.img"), "1" * 64)
    assert images.prune([]) == []
    clock.sleep(YOUNG_S + 60)
    assert [one.path for one in images.prune([str(first)])] == [str(second)]
    assert first.exists()
    assert not list((tmp_path / "images").glob("*.part"))
    assert [one.path for one in images.all()] == [str(first)]
    shop.cuts = []
    assert images.get(shop.url("/b.img"), hashlib.sha256(OTHER).hexdigest()) == second


@pytest.mark.parametrize("digest", ["x", "0" * 63, "0" * 65, "g" * 64, "../" * 22])
def test_what_is_no_digest_is_refused(shop: Shop, images: Images, digest: str) -> None:
    with pytest.raises(InvalidInput):
        images.get(shop.url("/a.img"), digest)
    assert shop.asked == []
