"""A host whose state volume was removed by hand: its container still knows what is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.cli import Cli

from .conftest import RUN, clear, docker

NAME = f"test-lost-{RUN}"


def lose_state() -> None:
    docker("rm", "-f", f"mngr-state-{NAME}", check=False)
    docker("volume", "rm", f"mngr-state-{NAME}")


@pytest.fixture(scope="module")
def user(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    folder = tmp_path_factory.mktemp("lost")
    mngr = Cli(folder / "home")
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text(
        f'[providers.{NAME}]\nbackend = "docker"\ndefault_image = "{image}"\n'
    )
    try:
        mngr.run(
            "create", "a1", "--provider", NAME, "--no-code", "--no-connect", "--label", "team=x", "--idle-timeout", "777",
            "--max-lifetime", "7d", "--user", "nobody", "--", "sleep", "9999",
        )  # fmt: skip
        mngr.run("exec", "a1", "echo kept >work")
        yield mngr
        mngr.run("destroy", "@a1", "--yes")
        assert mngr.json("list")["hosts"] == []
    finally:
        clear(NAME)


@pytest.fixture
def before(user: Cli) -> dict[str, object]:
    """The host's row, as it is with its record."""
    return what_stays(user)


def what_stays(user: Cli) -> dict[str, object]:
    host = user.host("a1")
    kept = ("id", "name", "provider", "address", "ssh_port", "labels", "user")
    return {key: host[key] for key in kept} | {"idle": [host["idle"][key] for key in ("mode", "timeout_s")]}


def test_it_is_listed_with_its_agents_and_used(user: Cli, before: dict[str, object]) -> None:
    lose_state()
    host = user.host("a1")
    assert (host["state"], host["agents"], "its record is gone" in host["problem"]) == (
        "running",
        ["a1"],
        True,
    )
    assert user.run("exec", "a1", "cat work").stdout == "kept\n"
    done = user.json("gc", "--provider", NAME)
    assert "the record of host a1, written anew" in done[NAME]["finished"][0]
    assert user.host("a1")["problem"] is None
    assert what_stays(user) == before


def stop_before(user: Cli) -> None:
    lose_state()
    user.run("stop", "a1")


def stop_after(user: Cli) -> None:
    user.run("stop", "a1")
    lose_state()
    assert user.agent("a1")["state"] == "stopped"


@pytest.mark.parametrize("lose", [stop_before, stop_after])
def test_a_start_brings_the_work_back(
    user: Cli, before: dict[str, object], lose: Callable[[Cli], None]
) -> None:
    lose(user)
    user.run("start", "a1")
    assert user.agent("a1")["state"] in ("running", "waiting")
    assert user.run("exec", "a1", "id -un; cat work").stdout == "nobody\nkept\n"
    assert what_stays(user) == before
    assert user.host("a1")["problem"] is None


@pytest.mark.parametrize(
    "words",
    [
        ("snapshot", "create", "a1"),
        ("create", "a2@a1", "--provider", NAME, "--no-code", "--no-connect", "--", "sleep", "9"),
    ],
)
def test_what_changes_it_writes_the_record_anew(user: Cli, words: tuple[str, ...]) -> None:
    lose_state()
    user.run(*words)
    assert user.host("a1")["problem"] is None


def test_a_destroy_shows_its_agents_and_takes_all_of_it(user: Cli) -> None:
    lose_state()
    assert "with a1 (" in user.run("destroy", "@a1", "--dry-run").stdout
