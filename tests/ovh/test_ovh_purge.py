"""qemu is purged on both paths, and a machine that it can't be purged from isn't used."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import mngr.backends.ovh
from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, listing

SCRIPT = Path(mngr.backends.ovh.__file__).parent / "scripts" / "purge-qemu.sh"


def purge(folder: Path, *, apt: str, installed: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """The script on a machine where `installed` is said by dpkg until `apt` has purged; with what apt was asked."""
    (folder / "apt-get").write_text(f'#!/bin/sh\necho "$*" >>{folder}/asked\n{apt}\n')
    (folder / "dpkg-query").write_text(f"#!/bin/sh\n[ -e {folder}/purged ] || printf '{installed}'\n")
    for name in ("apt-get", "dpkg-query"):
        (folder / name).chmod(0o755)
    done = subprocess.run(
        ["sh", str(SCRIPT)], capture_output=True, text=True, timeout=20, check=False,
        env={"PATH": f"{folder}:{os.environ['PATH']}"},
    )  # fmt: skip
    asked = folder / "asked"
    return done, asked.read_text() if asked.exists() else ""


@pytest.mark.parametrize("status", ["ii", "rc", "hi", "iF"])
def test_the_script_purges_whatever_is_left_of_it(tmp_path: Path, status: str) -> None:
    done, asked = purge(tmp_path, apt=f": >{tmp_path}/purged", installed=f"{status}  qemu-guest-agent\\n")
    wanted = "purge --auto-remove qemu*" in asked
    assert done.returncode == 0
    assert wanted == (status != "rc"), "of what was removed only its configuration is left: nothing runs"


def test_the_script_asks_for_nothing_where_nothing_is_installed(tmp_path: Path) -> None:
    done, asked = purge(tmp_path, apt="exit 1", installed="un  qemu-system\\n")
    assert (done.returncode, asked) == (0, "")


@pytest.mark.parametrize(
    ("apt", "said"), [("echo lock >&2; exit 100", "lock"), ("exit 0", "still installed: qemu-guest-agent")]
)
def test_the_script_fails_where_it_stays(tmp_path: Path, apt: str, said: str) -> None:
    done, _ = purge(tmp_path, apt=apt, installed="ii  qemu-guest-agent\\n")
    assert done.returncode != 0
    assert said in done.stderr


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
