"""qemu is purged on both paths (its script: test_ovh_purge_script.py), and a machine that it can't be purged from isn't used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, listing


def without_purge(world: OvhWorld, folder: Path) -> Cli:
    """mngr, where the machine's apt fails. The stand-in in front of ssh knows the script by its name."""
    bin = folder / "bin"
    bin.mkdir()
    (bin / "ssh").write_text(
        '#!/bin/sh\ncase "$*" in *purge-qemu*) echo "E: Could not get lock /var/lib/dpkg/lock" >&2; exit 100 ;; esac\n'
        f'PATH=${{PATH#{bin}:}} exec ssh "$@"\n'
    )
    (bin / "ssh").chmod(0o755)
    return Cli({**world.env, "PATH": f"{bin}:{world.env['PATH']}"}, world.scratch)


@pytest.mark.parametrize("path", ["fresh", "recycled"])
def test_a_purge_that_fails_ends_the_create_and_keeps_nothing(
    account: Callable[..., OvhWorld], tmp_path: Path, path: str
) -> None:
    world = account()
    if path == "recycled":
        seed = {"count": 1, "cancelled": True, "tags": {"mngr-provider": "ovh"}}
        world.cloud.ask("POST", "/seed_vps", seed)
    create = ("create", "one", "--provider", "ovh", *world.create)
    done = without_purge(world, tmp_path)(*create, codes=(1,))
    assert "qemu couldn't be purged" in done.err
    assert "Could not get lock" in done.err
    assert [host for host in listing(world)["hosts"] if host["state"] == "running"] == []
    [vps] = world.cloud.resources()
    assert vps["renews"] is False
    assert "mngr-ready=1" not in vps["tags"]
    assert world.things() == []

    world.pass_time(30)
    again = cli(world).ok(*create)
    assert f"claiming {vps['id']}" in again.err
    assert len(world.cloud.bill()["lines"]) == 1
