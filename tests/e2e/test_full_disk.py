"""A full disk, here and on a machine: one clear message, and nothing billed or half made."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cli import Done
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.docker import DockerWorld
from mngr.testing.fakes import Fakes, unavailable
from mngr.testing.local import LocalWorld
from mngr.testing.vultr import VultrWorld
from mngr.testing.world import cli, intents, listing

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk"),
]

FULL = "No space left on device"


class SmallDisk:
    """A disk of a few hundred KiB, mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", path], check=True)

    def fill(self) -> None:
        with open(self.path / "filler", "ab", buffering=0) as file:
            for size in (4096, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def free(self) -> None:
        (self.path / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk.path], check=True)


@pytest.fixture
def local(disk: SmallDisk) -> Iterator[LocalWorld]:
    world = LocalWorld(disk.path)
    yield world
    if (disk.path / "filler").exists():
        disk.free()
    world.close()


@pytest.fixture
def vultr(disk: SmallDisk, tmp_path: Path) -> Iterator[VultrWorld]:
    """Fake machines; only MNGR_HOME is on the small disk."""
    if reason := unavailable():
        pytest.skip(reason)
    with Fakes() as fakes:
        cloud = SimulatedCloud(
            "vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
        )
        try:
            yield VultrWorld(cloud, tmp_path, fakes, home="disk/home")
        finally:
            cloud.stop()


def refused(done: Done) -> None:
    assert done.code == 1, done
    assert FULL in done.err, done
    assert "→" in done.err, done
    assert "Traceback" not in done.err, done
    assert "a bug" not in done.err, done


def test_here_no_agent_is_half_made(local: LocalWorld, disk: SmallDisk) -> None:
    mngr = cli(local)
    mngr.ok("create", "first", *local.create, "--provider", "local", "--", "sleep", "600")
    disk.fill()
    refused(mngr("create", "second", *local.create, "--provider", "local"))
    shown = listing(local)
    assert [agent["name"] for agent in shown["agents"]] == ["first"]
    assert shown["errors"] == []
    assert mngr.ok("exec", "first", "echo still here").out == "still here\n"
    mngr.ok("destroy", "first", "--yes")
    disk.free()
    mngr.ok("create", "second", *local.create, "--provider", "local")


def test_an_intent_that_cant_be_written_buys_nothing(vultr: VultrWorld, disk: SmallDisk) -> None:
    disk.fill()
    refused(cli(vultr)("create", "one", "--provider", "vultr", "--no-connect", *vultr.create))
    assert [call for call in vultr.cloud.calls() if call["method"] == "POST"] == []
    assert vultr.things() == []


@pytest.mark.parametrize("at", ["before_commit", "after_commit"])
def test_a_disk_that_fills_up_during_the_order(vultr: VultrWorld, disk: SmallDisk, at: str) -> None:
    vultr.cloud.gate(at, method="POST", path="/instances")
    ended: list[Done] = []
    words = ("create", "one", "--provider", "vultr", "--no-connect", *vultr.create)
    run = threading.Thread(target=lambda: ended.append(cli(vultr)(*words)))
    run.start()
    assert vultr.cloud.held(60)
    disk.fill()
    vultr.cloud.clear()
    run.join(120)
    refused(ended[0])
    disk.free()
    vultr.pass_time(3600)
    cli(vultr)("gc", codes=(0,))
    assert vultr.things() == []
    assert intents(vultr.home) == {}


@pytest.mark.docker
def test_a_record_that_doesnt_fit_leaves_no_host(docker: DockerWorld) -> None:
    """The volume with the host records is full."""
    label, state = f"mngr.provider={docker.provider}", f"mngr-state-{docker.provider}"
    small = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=64k")
    docker.docker("volume", "create", "--label", label, "--label", "mngr.state=1", *small, state)
    mngr = cli(docker)
    words = ("--provider", docker.provider, "--image", "mngr/agent:bookworm", "--no-connect", "--no-code")
    mngr.ok("create", "first", *words, "--", "sleep", "600")
    before = docker.things()
    docker.docker(
        "exec", state, "sh", "-c", "dd if=/dev/zero of=/state/filler bs=1k count=128 2>/dev/null || true"
    )
    refused(mngr("create", "second", *words))
    assert docker.things() == before
    assert intents(docker.home) == {}
    assert [agent["name"] for agent in listing(docker)["agents"]] == ["first"]
    assert mngr.ok("exec", "first", "echo still here").out == "still here\n"
    mngr.ok("destroy", "first", "--yes")
    assert docker.things() == []
