"""How images are kept and how their packages are reached; making them is what the docker tests do."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mngr.simcloud.images import apt, recipes
from mngr.simcloud.images.cache import folder, key, locked, whole
from mngr.simcloud.images.work import side_by_side, step
from mngr.simcloud.machines.base import Unavailable


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MNGR_CACHE", str(tmp_path))
    return tmp_path


def test_a_changed_recipe_has_another_key() -> None:
    assert key("a", "bc") == key("a", b"bc")
    assert len({key("a", "bc"), key("ab", "c"), key("abc"), key()}) == 4


def test_a_file_is_written_whole_or_not_at_all() -> None:
    path = folder() / "image.tar"

    def fail() -> None:
        with whole(path) as part:
            part.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(folder().iterdir()) == []
    with whole(path) as part:
        part.write_text("all of it")
    assert [file.name for file in folder().iterdir()] == ["image.tar"]


def test_one_maker_at_a_time(capfd: pytest.CaptureFixture[str]) -> None:
    with locked(), pytest.raises(TimeoutError, match="another process has been making images"), locked(0.1):
        pass
    assert "waiting for it" in capfd.readouterr().err
    with locked(0.1):
        pass


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("deb http://mirror/debian bookworm main contrib", True),
        ("# deb http://mirror/debian bookworm main", False),
        ("deb http://mirror/debian trixie main", False),
        ("deb http://mirror/ubuntu noble main", False),
        ("deb [signed-by=/etc/apt/keyrings/other.gpg] http://other/linux/debian bookworm main", False),
        ("Types: deb\nURIs: http://mirror/debian\nSuites: bookworm bookworm-updates\nComponents: main", True),
        (
            "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main",
            False,
        ),
    ],
)
def test_only_debians_own_sources_are_taken_over(tmp_path: Path, text: str, usable: bool) -> None:
    file = tmp_path / "some.sources"
    file.write_text(text)
    assert apt.usable(file, "bookworm") is usable


def test_every_file_of_the_recipes_is_there() -> None:
    for name in (
        "base.sh",
        "machine.sh",
        "install.sh",
        "trust.sh",
        "kernel.sh",
        "disk.sh",
        "boot.sh",
        "stages",
    ):
        assert recipes.file(name)


def test_a_failing_step_says_why() -> None:
    with pytest.raises(Unavailable, match="sh -c … failed: broken"):
        step("sh", "-c", "echo broken >&2; exit 3")


def test_the_first_failure_is_raised_when_all_have_ended() -> None:
    ended = threading.Event()

    def fail() -> None:
        raise Unavailable("no")

    with pytest.raises(Unavailable, match="no"):
        side_by_side(fail, lambda: (ended.wait(0.1), ended.set()))
    assert ended.is_set()
