"""VMs of templates and of addresses, through the command line: the image is fetched once, checked, and kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

from support import shop as shops
from support.vms import Place

SIZE = ["--memory", "64", "--vcpus", "1", "--disk", "1", "--network", "user", "--no-wait"]


def test_an_image_by_its_address(place: Place, blank: Path) -> None:
    body = blank.read_bytes()
    digest = hashlib.sha256(body).hexdigest()
    place.env["VM_PROVISIONER_PRIVATE_IMAGES"] = "true"
    with shops.open_shop() as shop:
        shop.files["/blank.img"] = (body, '"v1"')
        url = shop.url("/blank.img", host="127.0.0.1")
        image = ["--image", url, "--sha256", digest]
        assert (
            "not " + "0" * 64
            in place.mngr("create", "one", "--image", url, "--sha256", "0" * 64, *SIZE, code=2).stderr
        )
        assert "sha256" in place.mngr("create", "one", "--image", url, *SIZE, code=2).stderr.lower()
        place.mngr("create", "one", "--image", str(blank), "--sha256", digest, *SIZE, code=2)
        shop.asked.clear()
        vm = place.told("create", "one", *image, *SIZE)["vm"]
        assert vm["spec"]["image"].endswith(f"images/{digest}.img")
        assert place.told("create", "one", *image, *SIZE)["made"] is False
        place.mngr("create", "two", *image, *SIZE)
        assert [path for path, _ in shop.asked] == ["/blank.img"]
        refused = place.mngr("create", "one", "--image", url + "?2", "--sha256", digest, *SIZE, code=4).stderr
        assert "image_url" in refused
    assert [one["needed"] for one in place.told("image", "list")["images"]] == [True]
    place.mngr("delete", "one", "--yes")
    place.mngr("delete", "two", "--yes")


def test_a_template_s_values_count_where_none_are_given(place: Place, blank: Path) -> None:
    body = blank.read_bytes()
    place.env["VM_PROVISIONER_PRIVATE_IMAGES"] = "true"
    folder = Path(place.env["MNGR_HOME"]) / "templates"
    folder.mkdir(parents=True)
    with shops.open_shop() as shop:
        shop.files["/blank.img"] = (body, '"v1"')
        (folder / "tiny.toml").write_text(
            f'image = "{shop.url("/blank.img", host="127.0.0.1")}"\nsha256 = "{hashlib.sha256(body).hexdigest()}"\n'
            'packages = ["htop"]\nuser = "me"\nmemory = 64\nvcpus = 1\ndisk = 1\n'
        )
        words = ["--template", "tiny", "--network", "user", "--no-wait"]
        spec = place.told("create", "one", *words)["vm"]["spec"]
        assert (spec["memory_mib"], spec["vcpus"], spec["disk_gib"], spec["user"]) == (64, 1, 1, "me")
        assert place.told("create", "one", *words)["made"] is False
        assert b'"packages": ["htop"]' in Path(place.told("show", "one")["vm"]["disks"][1]).read_bytes()
        other = place.told("create", "two", *words, "--memory", "128", "--image", str(blank))["vm"]["spec"]
        assert (other["memory_mib"], other["image"], other["image_url"]) == (128, str(blank), "")
        place.mngr("create", "three", *words, "--user-data", str(blank), code=2)
    for name in ("one", "two"):
        place.mngr("delete", name, "--yes")


def test_templates_are_listed_shown_and_checked(place: Place) -> None:
    folder = Path(place.env["MNGR_HOME"]) / "templates"
    folder.mkdir(parents=True)
    (folder / "bad.toml").write_text('image = "https://x/y"\nmemroy = 7\n')
    (folder / "debian-12.toml").write_text('image = "https://example.org/mine.img"\n')
    assert "did you mean memory?" in place.mngr("template", "list", code=5).stderr
    told = place.told("template", "list", code=5)
    assert [one["name"] for one in told["templates"]] == ["debian-12", "debian-13", "ubuntu-24.04"]
    assert [one["name"] for one in told["errors"]] == ["bad"]
    assert place.told("template", "show", "debian-12")["template"]["image"] == "https://example.org/mine.img"
    assert "did you mean debian-13?" in place.mngr("template", "show", "debian-14", code=3).stderr
    assert "did you mean memory?" in place.mngr("create", "one", "--template", "bad", code=2).stderr
    assert "nothing to boot" in place.mngr("create", "one", code=2).stderr
    place.mngr("template", "show", "../debian-12", code=3)
