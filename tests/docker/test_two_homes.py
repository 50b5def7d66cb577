"""Two MNGR_HOMEs with hosts of the same name on one daemon: names are a home's own, and ids tell hosts apart where both show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Cli

from .conftest import RUN, clear, docker

NAME = f"test-homes-{RUN}"


def home(folder: Path, image: str, *, every_laptop: bool = False) -> Cli:
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(
        f'[providers.{NAME}]\nbackend = "docker"\ndefault_image = "{image}"\nevery_laptop = {str(every_laptop).lower()}\n'
    )
    return Cli(folder)


def create(user: Cli, where: str, code: int = 0) -> str:
    words = (
        "--provider",
        NAME,
        "--no-code",
        "--no-connect",
        "--idle-mode",
        "disabled",
        "--",
        "sleep",
        "9999",
    )
    return user.run("create", where, *words, code=code).stderr


@pytest.fixture(scope="module")
def homes(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cli, Cli]]:
    folder = tmp_path_factory.mktemp("homes")
    mine, other = home(folder / "mine", image), home(folder / "other", image)
    try:
        create(mine, "a1@box")
        create(other, "a1@box")
        yield mine, other
    finally:
        clear(NAME)


@pytest.fixture
def all_shown(homes: tuple[Cli, Cli], image: str) -> Iterator[Cli]:
    """The first home, with `every_laptop`."""
    mine, _ = homes
    yield home(mine.home, image, every_laptop=True)
    home(mine.home, image)


def ids(user: Cli) -> set[str]:
    return {host["id"] for host in user.json("list")["hosts"]}


def test_each_home_sees_and_reaches_its_own(homes: tuple[Cli, Cli]) -> None:
    seen = []
    for number, user in enumerate(homes):
        seen.append(ids(user))
        user.run("exec", "a1@box", f"echo {number} >/root/whose")
        assert user.run("exec", "a1", "cat /root/whose").stdout == f"{number}\n"
        assert user.run("gc", "--dry-run").stdout.strip() == "nothing to do"
        assert user.run("ssh-config").stdout.count("  HostName ") == 1
    assert [len(some) for some in seen] == [1, 1]
    assert not seen[0] & seen[1]


def test_both_show_with_every_laptop_and_ids_tell_them_apart(homes: tuple[Cli, Cli], all_shown: Cli) -> None:
    both = ids(homes[1]) | ids(all_shown)
    assert len(both) == 2
    for typed in ("@box", f"@box.{NAME}"):
        refused = all_shown.run("destroy", typed, "--yes", code=4).stderr
        assert all(f"@{one}.{NAME}" in refused for one in both)
    said = {all_shown.run("exec", f"a1@{one}.{NAME}", "cat /root/whose").stdout for one in both}
    assert said == {"0\n", "1\n"}


def test_create_asks_which_of_two_hosts_before_anything_is_made(
    homes: tuple[Cli, Cli], all_shown: Cli
) -> None:
    def there() -> str:
        return docker("ps", "-aq", "--filter", f"label=mngr.provider={NAME}")

    before = there()
    refused = create(all_shown, "a2@box", code=4)
    both = ids(all_shown)
    assert "choose another name" in refused
    assert all(f"a2@{one}" in refused for one in both)
    assert there() == before
    [own] = ids(homes[1])
    create(all_shown, f"a2@{own}")
    assert {"a1", "a2"} == {agent["name"] for agent in homes[1].json("list")["agents"]}
    homes[1].run("destroy", "a2", "--yes")


def test_destroy_takes_the_own_one_only(homes: tuple[Cli, Cli]) -> None:
    mine, other = homes
    kept = ids(other)
    mine.run("destroy", "@box", "--yes")
    mine.run("gc")
    assert (ids(mine), ids(other)) == (set(), kept)
    assert other.run("exec", "a1", "hostname").stdout == "box\n"
    other.run("destroy", "@box", "--yes")
