"""A destroyed host whose machine couldn't be wiped: said, remembered, and wiped by a later sweep."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import listing


@pytest.fixture
def cut_off(world: OvhWorld, tmp_path: Path) -> Cli:
    """mngr on a computer whose ssh reaches nothing."""
    ssh = tmp_path / "no-ssh" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text("#!/bin/sh\necho 'ssh: connect to host: No route to host' >&2\nexit 255\n")
    ssh.chmod(0o755)
    return Cli({**world.env, "PATH": f"{ssh.parent}:{world.env['PATH']}"}, world.scratch)


def alive(seconds: str) -> bool:
    """Whether an agent `sleep SECONDS` runs on some fake machine, which is a namespace of this computer's processes."""
    return any(
        b"sleep\0" + seconds.encode() + b"\0" == line
        for line in map(_command_line, Path("/proc").glob("[0-9]*"))
    )


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def wipes(world: OvhWorld) -> list[str]:
    return [path.read_text() for path in (world.home / "journal").glob("ovh.host-*.json")]


def test_what_couldn_t_be_wiped_is_said_and_wiped_by_gc(world: OvhWorld, mngr: Cli, cut_off: Cli) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create, "--", "sleep", "61001")
    [host] = listing(world)["hosts"]
    [vps] = world.cloud.resources()
    done = cut_off("destroy", "one", "--yes", codes=(5,))
    assert (
        "host one is destroyed and won't be renewed, but its container and volume couldn't be wiped"
        in done.err
    )
    assert f"machine {vps['id']} runs on until {host['paid_until']}" in done.err
    assert "`mngr gc` tries" in done.err
    assert "destroyed one (not wiped" in done.out
    assert not world.cloud.resources()[0]["renews"], "the bill is ended first of all"
    assert world.things() == []
    whole = listing(world)
    assert [one["machine"] for one in whole.pop("spares")] == [vps["id"]], (
        "a create rebuilds it, which wipes it"
    )
    assert whole == {"agents": [], "hosts": [], "errors": []}

    kept = cut_off("gc", codes=(0,)).out
    assert "kept: host one (machine" in kept
    assert "not wiped yet: " in kept
    assert f"paid until {host['paid_until']}" in kept
    assert "would be finished: the wipe of what host one" in mngr.ok("gc", "--dry-run").out
    assert len(wipes(world)) == 1
    assert alive("61001"), "which is why it is said"
    assert "finished: the wipe of what host one" in mngr.ok("gc").out
    assert not alive("61001")
    assert wipes(world) == []
    assert mngr.ok("gc").out == "nothing to do\n"


def test_a_machine_that_was_recycled_meanwhile_needs_no_wipe(
    world: OvhWorld, mngr: Cli, cut_off: Cli
) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    cut_off("destroy", "one", "--yes", codes=(5,))
    mngr.ok("create", "two", "--provider", "ovh", *world.create)
    assert len(world.cloud.bill()["lines"]) == 1
    assert "finished: the wipe of what host one" in mngr.ok("gc").out
    assert wipes(world) == []
    assert mngr.ok("exec", "two", "echo here").out == "here\n"


def test_a_machine_that_has_ended_needs_no_wipe(world: OvhWorld, mngr: Cli, cut_off: Cli) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    cut_off("destroy", "one", "--yes", codes=(5,))
    world.pass_time(40 * 86400)
    assert "finished: the wipe of what host one" in cut_off.ok("gc").out
    assert wipes(world) == []


def test_gc_wipes_for_a_destroy_that_was_cut_short(world: OvhWorld, mngr: Cli, cut_off: Cli) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create, "--", "sleep", "61002")
    world.cloud.fault("error", status=403, method="PUT", path="/vps/*/serviceInfos", times=None)
    cut_off("destroy", "one", "--yes", codes=(1, 5))
    world.cloud.clear()
    assert alive("61002")
    assert "destroy was cut short" in mngr.ok("gc").out
    assert not alive("61002")
    assert world.things() == []
    assert wipes(world) == []


def test_a_wipe_that_works_at_once_after_all_is_said(world: OvhWorld, mngr: Cli, tmp_path: Path) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    real = shutil.which("ssh", path=world.env["PATH"])
    ssh = tmp_path / "late-ssh" / "ssh"
    ssh.parent.mkdir()
    # The network comes back once the wipe was tried: its script is called container-remove.
    ssh.write_text(
        f'#!/bin/sh\n[ -e {tmp_path}/back ] && exec {real} "$@"\n'
        f'case " $* " in *container-remove*) : >{tmp_path}/back ;; esac\n'
        "echo 'ssh: connect to host: No route to host' >&2\nexit 255\n"
    )
    ssh.chmod(0o755)
    late = Cli({**world.env, "PATH": f"{ssh.parent}:{world.env['PATH']}"}, world.scratch)
    done = late("destroy", "one", "--yes", codes=(5,))
    assert "couldn't be wiped" in done.err
    assert "gc: ovh: finished: the wipe of what host one" in done.err
    assert wipes(world) == []


def test_a_destroy_that_was_killed_once_all_was_wiped_is_finished_without_a_complaint(
    world: OvhWorld, mngr: Cli, tmp_path: Path
) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    real = shutil.which("ssh", path=world.env["PATH"])
    ssh = tmp_path / "deadly-ssh" / "ssh"
    ssh.parent.mkdir()
    # Pins are forgotten last, the machine's first of all; then the container's connection is ended.
    ssh.write_text(
        f'#!/bin/sh\ncase "$*" in *"-O exit"*.container) kill -9 $PPID ;; esac\nexec {real} "$@"\n'
    )
    ssh.chmod(0o755)
    killed = Cli({**world.env, "PATH": f"{ssh.parent}:{world.env['PATH']}"}, world.scratch)
    assert killed("destroy", "one", "--yes").code == -9
    assert len(wipes(world)) == 1
    assert "wiped" not in mngr.ok("destroy", "one", "--yes").err
    assert wipes(world) == []
