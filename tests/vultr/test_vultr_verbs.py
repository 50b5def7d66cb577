"""Verbs that carry things between hosts and home, as users type them, on fake machines and a fake Docker daemon."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mngr.testing.cli import Cli, finish
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.fixtures import fakes
from mngr.testing.vultr import VultrWorld
from mngr.testing.world import cli

__all__ = ["fakes"]

SLEEP = ("--", "sleep", "100000")


@pytest.fixture(scope="module")
def cloud(fakes: Fakes) -> Iterator[SimulatedCloud]:
    fakes.start_docker()
    cloud = SimulatedCloud("vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env)
    yield cloud
    cloud.stop()


@pytest.fixture
def mngr(cloud: SimulatedCloud, fakes: Fakes, tmp_path: Path) -> Iterator[Cli]:
    """A user of both; all that was made is destroyed at the end."""
    mngr = cli(VultrWorld(cloud, tmp_path, fakes, settings={"GIT_CEILING_DIRECTORIES": str(tmp_path)}))
    yield mngr
    cloud.clear()
    hosts = [f"@{one['name']}.{one['provider']}" for one in listed(mngr)["hosts"]]
    if hosts:
        mngr.ok("destroy", "--yes", *hosts)
    assert not [line for line in cloud.bill()["lines"] if line["open"]]


def test_plans_are_completed_once_a_create_has_read_them(mngr: Cli) -> None:
    create = ("create", "x", "--provider", "vultr")
    mngr(*create, "-b", "--vps-plan=nosuch", "--dry-run", codes=(2,))
    line = " ".join(["mngr", *create, "-b", "--vps-plan=vc2-1c-1"])
    env = {"_MNGR_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_WORD": "vc2-1c-1"}
    assert finish(mngr.start(env=env), ()).out == "plain,vc2-1c-1gb\n"


def listed(mngr: Cli) -> Any:
    return mngr("list", "--format", "json", codes=(0, 5)).json()


def create(mngr: Cli, name: str, provider: str, *more: str) -> None:
    mngr.ok("create", name, "--provider", provider, "--yes", "--no-connect", *more, *SLEEP)


def snapshot(mngr: Cli, name: str, *more: str) -> str:
    return mngr.ok("snapshot", "create", name, *more, "--format", "json").json()["snapshot"]["id"]


def git(top: Path, *args: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", "-C", str(top), *who, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "code"
    top.mkdir()
    git(top, "init", "-q", "-b", "trunk", ".")
    (top / "one").write_text("one\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    return top


@pytest.mark.parametrize("other", ["docker", "vultr"])
def test_a_snapshot_becomes_a_host_of_either_provider_by_id_and_by_file(
    mngr: Cli, tmp_path: Path, other: str
) -> None:
    first = {"docker": "vultr", "vultr": "docker"}[other]
    create(mngr, "first", first, "--no-code")
    mngr.ok("exec", "first", "echo volume >kept; echo image >/opt/made")
    file = tmp_path / "first.tar"
    saved = snapshot(mngr, "first", "--to", str(file))
    assert [one["id"] for one in mngr.ok("snapshot", "list", "--format", "json").json()["snapshots"]] == [
        saved
    ]
    assert file.stat().st_mode & 0o077 == 0
    refused = mngr("snapshot", "create", "first", "--to", str(file))
    assert (refused.code, "is there already" in refused.err) == (1, True)
    create(mngr, "same", first, "--no-code", "--snapshot", saved)
    create(mngr, "by-id", other, "--no-code", "--snapshot", saved)
    left = {
        "docker": "1 snapshot of it stays on docker: ",
        "vultr": "1 snapshot that lived on its machine only",
    }
    assert left[first] in mngr.ok("destroy", "first", "--yes").out
    create(mngr, "by-file", other, "--no-code", "--snapshot", str(file))
    for name in ("same", "by-id", "by-file"):
        assert mngr.ok("exec", name, "cat kept /opt/made").out == "volume\nimage\n"
    providers = {row["name"]: row["host"]["provider"] for row in listed(mngr)["agents"]}
    assert providers == {"same": first, "by-id": other, "by-file": other}
    gone = mngr("create", "gone", "--provider", other, "--snapshot", "snap-00000000000000ff", *SLEEP)
    assert (gone.code, "snap-00000000000000ff" in gone.err) == (3, True)


def test_a_machine_that_is_off_is_a_row_in_snapshot_list(mngr: Cli, cloud: SimulatedCloud) -> None:
    ids = {}
    for name in ("on", "off"):
        create(mngr, name, "vultr", "--no-code")
        ids[name] = snapshot(mngr, name)
    machine = next(
        one["id"] for one in cloud.resources() if one["kind"] == "instance" and "-off-" in one["name"]
    )
    halt(cloud, machine)
    done = mngr("snapshot", "list", codes=(5,))
    assert ids["on"] in done.out
    assert ids["off"] not in done.out
    assert "snapshots of host off" in done.err
    # What can be read can be used, too.
    mngr.ok("snapshot", "destroy", ids["on"], "--yes")
    assert mngr("snapshot", "destroy", ids["off"], "--yes").code == 5


def halt(cloud: SimulatedCloud, machine: str) -> None:
    import urllib.request

    headers = {"Authorization": f"Bearer {cloud.env['VULTR_API_KEY']}"}
    request = urllib.request.Request(
        f"{cloud.url}/instances/{machine}/halt", b"", headers=headers, method="POST"
    )
    urllib.request.urlopen(request, timeout=30).close()
    cloud.settle()


def test_how_a_machine_booted_is_shown_while_it_is_there_and_when_its_create_failed(mngr: Cli) -> None:
    create(mngr, "fine", "vultr", "--no-code")
    assert "== /var/log/cloud-init-output.log" in mngr.ok("logs", "--boot", "fine").out
    assert len(mngr.ok("logs", "--boot", "fine", "-n", "2").out.splitlines()) == 2
    failed = mngr(
        "create", "bad", "--provider", "vultr", "--yes", "--no-code", "--image", "nosuch/image:1", *SLEEP
    )
    assert failed.code == 3, failed
    assert "`mngr logs --boot bad` shows how its machine booted" in failed.err
    shown = mngr.ok("logs", "--boot", "bad").out
    assert "nosuch/image:1" in shown
    assert "== /var/log/cloud-init-output.log" in shown
    assert mngr("logs", "--boot", "never").code == 3


def test_code_goes_out_from_a_worktree_and_comes_home_as_a_branch(
    mngr: Cli, repository: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "-q", "-b", "side", str(tree))
    (tree / "loose").write_text("loose\n")
    create(mngr, "coder", "docker", "--from", str(tree))
    assert mngr.ok("exec", "coder", "cat one loose; git branch --show-current").out == "one\nloose\nside\n"
    nothing = mngr.ok("pull", "coder", "--into", str(tree))
    assert "no new commits" in nothing.out
    line = "git add loose && git -c user.name=a -c user.email=a@a commit -qm second && echo x >more"
    mngr.ok("exec", "coder", line)
    pulled = mngr.ok("pull", "coder", "--into", str(tree))
    assert "branch mngr/coder/side is at" in pulled.out
    assert "1 uncommitted change stayed" in pulled.err
    assert git(repository, "log", "--format=%s", "mngr/coder/side") == "second\nfirst"
    assert git(repository, "show", "mngr/coder/side:loose") == "loose"
    mine = mngr("pull", "coder", "--into", str(repository), "--branch", "trunk")
    assert (mine.code, "checked out here" in mine.err) == (4, True)
    outside = mngr("pull", "coder", "--into", str(tmp_path))
    assert (outside.code, "isn't in a git repository" in outside.err) == (2, True)


def test_a_host_that_cant_be_read_goes_only_by_a_word_that_says_so(
    mngr: Cli, cloud: SimulatedCloud, fakes: Fakes, tmp_path: Path
) -> None:
    create(mngr, "box", "vultr", "--no-code")
    folder = tmp_path / "other"
    folder.mkdir()
    other = cli(VultrWorld(cloud, folder, fakes))  # another MNGR_HOME: it has no key
    [host] = other("list", "--format", "json", codes=(5,)).json()["hosts"]
    assert (host["state"], host["agents"], host["agents_known"]) == ("unreachable", [], False)
    for words in (
        ("destroy", "box", "--yes"), ("destroy", "@box", "--yes"), ("destroy", "@box", "--force"), ("stop", "box"),
        ("start", "box"), ("exec", "box", "true"), ("logs", "box"), ("snapshot", "create", "box"), ("destroy", "typo", "--yes"),
        ("destroy", "box", "--yes", "--unknown-agents"),
    ):  # fmt: skip
        refused = other(*words, codes=(5,))
        assert "can't be read" in refused.err, refused
        assert "refuses our key" in refused.err, refused
    dry = other.ok("destroy", "@box", "--dry-run").out
    assert "with agents that can't be read" in dry
    assert "its agents couldn't be asked for unpulled commits" in dry
    assert "no agents" not in dry
    assert mngr.ok("exec", "box", "echo here").out == "here\n"
    other.ok("destroy", "@box", "--yes", "--unknown-agents")
    assert listed(mngr)["hosts"] == []


def test_a_machine_that_stopped_answering_is_destroyed_by_who_knows_its_agents(
    mngr: Cli, cloud: SimulatedCloud
) -> None:
    create(mngr, "silent", "vultr", "--no-code")
    listed(mngr)
    machine = next(one["id"] for one in cloud.resources() if "-silent-" in one.get("name", ""))
    halt(cloud, machine)
    done = mngr.ok("destroy", "silent", "--yes")
    assert "silent couldn't be asked for unpulled commits: its host is stopped" in done.err


@pytest.mark.parametrize("remembered", [True, False])
def test_a_host_whose_state_volume_is_gone_is_brought_back_by_a_start(mngr: Cli, remembered: bool) -> None:
    create(mngr, "lost", "vultr", "--no-code", "--idle-timeout", "777", "--max-lifetime", "7d")
    mngr.ok("exec", "lost", "echo kept >work")
    [host] = listed(mngr)["hosts"]
    state = "docker rm -f mngr-state-vultr && docker volume rm mngr-state-vultr"
    config = Path(mngr.env["MNGR_HOME"]) / "profile/providers/vultr/vultr/ssh" / host["id"]
    subprocess.run(["ssh", "-F", str(config), host["id"], state], env=mngr.env, check=True, timeout=60)
    if not remembered:
        (Path(mngr.env["MNGR_HOME"]) / "cache/vultr" / f"{host['id']}.json").unlink()
    [now] = listed(mngr)["hosts"]
    assert (now["agents"], "its record is missing" in now["problem"]) == (["lost"], True)
    mngr.ok("stop", "lost")
    name = "lost" if remembered else "@lost"
    mngr.ok("start", name)
    mngr.ok("start", "lost")
    [now] = listed(mngr)["hosts"]
    assert (now["problem"], now["idle"]["timeout_s"]) == (None, 777)
    assert now["idle"]["lifetime_ends_at"]
    same = ("id", "address", "ssh_port", "plan", "region", "price_per_hour")
    assert {key: now[key] for key in same} == {key: host[key] for key in same}
    assert mngr.ok("exec", "lost", "cat work").out == "kept\n"
