"""Keys of another account, or none any more, in the environment; and machines that lost tags: as users type it, on fake machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mngr.testing.cli import Cli
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.fixtures import fakes
from mngr.testing.vultr import VultrWorld
from mngr.testing.world import cli, intents
from support.simcloud import send

__all__ = ["fakes"]


def start(fakes: Fakes) -> SimulatedCloud:
    return SimulatedCloud("vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env)


@pytest.fixture(scope="module")
def clouds(fakes: Fakes) -> Iterator[tuple[SimulatedCloud, SimulatedCloud]]:
    """Two accounts."""
    both = start(fakes), start(fakes)
    yield both
    for cloud in both:
        cloud.stop()


@pytest.fixture
def mngr(clouds: tuple[SimulatedCloud, SimulatedCloud], fakes: Fakes, tmp_path: Path) -> Iterator[Cli]:
    """A user with a host in the first account."""
    mngr = cli(VultrWorld(clouds[0], tmp_path, fakes))
    mngr.ok(
        "create", "one", "--provider", "vultr", "--yes", "--no-connect", "--no-code", "--", "sleep", "99999"
    )
    yield mngr
    mngr("destroy", "@one", "--yes", codes=(0, 3))
    assert not [line for line in clouds[0].bill()["lines"] if line["open"]]


@pytest.fixture
def other(clouds: tuple[SimulatedCloud, SimulatedCloud], fakes: Fakes, tmp_path: Path, mngr: Cli) -> Cli:
    """The same user, with the second account's key in the environment."""
    return cli(VultrWorld(clouds[1], tmp_path, fakes))


def files(home: Path) -> dict[str, bytes]:
    kinds = (
        "cache/vultr/*",
        "cache/names/*.json",
        "profile/providers/vultr/vultr/known_hosts/*",
        "journal/*.json",
    )
    return {
        str(path): path.read_bytes() if "cache/vultr" not in str(path) else b""
        for kind in kinds
        for path in home.glob(kind)
    }


def listed(mngr: Cli) -> Any:
    return mngr("list", "--format", "json", codes=(0, 5)).json()


def test_another_account_s_key_makes_nothing_vanish(mngr: Cli, other: Cli, tmp_path: Path) -> None:
    before = files(tmp_path / "home")
    done = other("list", codes=[5])
    assert "one.vultr" in done.out
    assert "doesn't know it" in done.out
    assert "last seen on 20" in done.out
    [host] = listed(other)["hosts"]
    assert host["name"] == "one"
    assert "doesn't know it" in host["problem"]
    assert [row["what"] for row in listed(other)["errors"]] == ["host one"]
    for verb in (["stop", "one"], ["destroy", "one", "--yes"], ["start", "@one"], ["gc"]):
        failed = other(*verb, codes=[5])
        assert "doesn't know it" in failed.err, failed
    assert other("exec", "one", "echo hi").out == "hi\n"
    assert files(tmp_path / "home") == before
    [back] = listed(mngr)["hosts"]
    assert (back["state"], back["problem"]) == ("running", None)
    assert listed(mngr)["errors"] == []


@pytest.mark.parametrize("key", ["WRONG", "EXPIRED-0000"])
def test_a_key_that_is_refused_makes_nothing_vanish(mngr: Cli, tmp_path: Path, key: str) -> None:
    before = files(tmp_path / "home")
    expired = Cli({**mngr.env, "VULTR_API_KEY": key}, mngr.cwd)
    done = expired("list", codes=[5])
    assert "one.vultr" in done.out
    for verb in (["destroy", "one", "--yes"], ["gc"]):
        assert expired(*verb).code == 5
    assert files(tmp_path / "home") == before


def test_a_create_that_was_killed_isn_t_taken_back_in_another_account(
    mngr: Cli, other: Cli, clouds: tuple[SimulatedCloud, SimulatedCloud], tmp_path: Path
) -> None:
    gate = clouds[0].gate("after_commit", method="POST", path="/instances")
    assert gate
    process = mngr.start("create", "two", "--provider", "vultr", "--yes", "--no-connect", "--no-code")
    clouds[0].held()
    process.kill()
    process.communicate()
    clouds[0].clear()
    assert "doesn't know it" in other("gc", codes=[5]).err
    again = ("create", "two", "--provider", "vultr", "--yes", "--no-connect", "--no-code")
    assert "doesn't know it" in other(*again, codes=[4]).err
    assert [one["kind"] for one in intents(tmp_path / "home").values()] == ["create"]
    assert [line for line in clouds[1].bill()["lines"] if line["open"]] == []
    rows = {row["name"]: row for row in listed(other)["hosts"]}
    assert rows["two"]["state"] == "unreachable"
    clouds[0].advance(60)
    mngr.ok("gc")
    assert intents(tmp_path / "home") == {}


def test_what_an_account_has_that_nobody_can_ask_any_more_is_forgotten_by_word(
    mngr: Cli, other: Cli, tmp_path: Path
) -> None:
    assert mngr("gc", "--forget", "one").code == 4
    assert mngr("gc", "--forget", "nosuch").code == 3
    assert "forgot one.vultr" in other("gc", "--forget", "one", codes=[0]).out
    assert listed(other) == {"agents": [], "hosts": [], "errors": []}
    [host] = listed(mngr)["hosts"]
    assert host["name"] == "one"


def retag(cloud: SimulatedCloud, lost: str) -> str:
    """Takes a tag off the account's instance, as anybody may on Vultr's page; the instance's label."""
    key = {"Authorization": f"Bearer {cloud.env['VULTR_API_KEY']}"}
    [machine] = send("GET", f"{cloud.url}/instances", None, key)[1]["instances"]
    tags = [tag for tag in machine["tags"] if not tag.startswith(lost)]
    assert send("PATCH", f"{cloud.url}/instances/{machine['id']}", {"tags": tags}, key)[0] < 300
    return machine["label"]


@pytest.mark.parametrize("lost", ["mngr-host-id", "mngr-provider", "mngr-"])
def test_a_machine_that_lost_tags_is_still_the_host_and_gc_puts_them_back(
    mngr: Cli, clouds: tuple[SimulatedCloud, SimulatedCloud], lost: str
) -> None:
    retag(clouds[0], lost)
    [host] = listed(mngr)["hosts"]
    assert (host["name"], host["state"]) == ("one", "running")
    assert "`mngr gc` puts them back" in host["problem"]
    assert "which it had lost" in mngr.ok("gc").out
    [host] = listed(mngr)["hosts"]
    assert (host["state"], host["problem"]) == ("running", None)


@pytest.mark.parametrize("lost", ["mngr-host-id", "mngr-"])
def test_another_computer_names_it_and_ends_it(
    mngr: Cli, clouds: tuple[SimulatedCloud, SimulatedCloud], fakes: Fakes, tmp_path: Path, lost: str
) -> None:
    label = retag(clouds[0], lost)
    second = cli(VultrWorld(clouds[0], tmp_path, fakes, home="elsewhere"))
    [host] = listed(second)["hosts"]
    assert (host["name"], host["state"]) == (label, "failed")
    assert f"`mngr destroy @{label} --unknown-agents` ends it" in host["problem"]
    assert f"`mngr destroy @{label} --unknown-agents` ends it" in second.ok("gc").out
    second.ok("destroy", f"@{label}", "--yes", "--unknown-agents")
    assert not [line for line in clouds[0].bill()["lines"] if line["open"]]
