"""A host on a real guest: made, used, stopped with its VM off, started with the same pins, and destroyed without a trace."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mngr.qemu.command import KERNEL_LINE, Bootable
from mngr.testing.cli import Cli
from mngr.testing.libvirtd import Libvirtd, missing
from mngr.testing.local import clean_environment
from support.vms import BOOT_LIMIT_S, place_at

NAME = "one"
LIMIT_S = 1200.0
AGENT = "mngr/agent:bookworm"
LAB = "192.168.160."


class Inside(Cli):
    """mngr in a network namespace."""

    words: Sequence[str] = ()

    def start(
        self, *argv: str, env: Mapping[str, str] | None = None, before: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        return super().start(*argv, env=env, before=(*before, *self.words))


@pytest.fixture(scope="module", params=["user", "lab"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Libvirtd]:
    """With QEMU's own network, or one of libvirt's with NAT and DHCP."""
    if why := missing():
        pytest.skip(why)
    daemon = Libvirtd(own_network=request.param == "lab")
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.fixture(scope="module")
def mngr(
    daemon: Libvirtd, with_docker: Bootable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Inside]:
    folder = tmp_path_factory.mktemp("host")
    line = f"{KERNEL_LINE} apparmor=0"  # it has no apparmor_parser
    settings = {
        "URI": daemon.uri, "STORAGE_PATH": str(folder / "disks"), "NETWORK": "user", "IMAGE": str(with_docker.disk),
        "KERNEL": str(with_docker.kernel), "INITRD": str(with_docker.initrd), "KERNEL_LINE": line,
        "DEFAULT_PLAN": "1024m-2c-9g",
        "DEFAULT_IMAGE": AGENT, "SSH_CONNECT_TIMEOUT": str(BOOT_LIMIT_S), "SHUTDOWN_TIMEOUT": "200",
    }  # fmt: skip
    if daemon.own_network:
        settings |= {"NETWORK": "lab", "KERNEL_LINE": f"{line} ip=dhcp"}
        place_at(daemon.uri, folder).mngr("network", "create", "lab", "--cidr", f"{LAB}0/24")
    env = {**clean_environment(), "MNGR_HOME": str(folder / "home"), "HOME": str(folder)}
    mngr = Inside(
        {**env, **{f"MNGR__PROVIDERS__LIBVIRT__{key}": value for key, value in settings.items()}}, folder
    )
    mngr.words = daemon.in_its_network()
    yield mngr
    mngr("destroy", NAME, "--force", limit_s=LIMIT_S)


def test_a_host_on_a_real_guest(mngr: Cli, daemon: Libvirtd) -> None:
    import libvirt

    conn = libvirt.open(daemon.uri)
    disks = Path(mngr.env["MNGR__PROVIDERS__LIBVIRT__STORAGE_PATH"])
    began = time.monotonic()
    words = (
        "create",
        NAME,
        "--provider",
        "libvirt",
        "--yes",
        "--no-connect",
        "--no-code",
        "--format",
        "json",
    )
    made = mngr.ok(*words, "--", "sleep", "100000", limit_s=LIMIT_S).json()
    print(f"created in {time.monotonic() - began:.0f} s: {made['phases']}")
    mngr.ok("exec", NAME, "echo kept >file && sync", limit_s=LIMIT_S)
    assert mngr.ok("exec", NAME, "cat file", limit_s=LIMIT_S).out == "kept\n"
    host = made["host"]
    assert host["address"].startswith(LAB if daemon.own_network else "127.77.")
    [domain] = [one for one in conn.listAllDomains() if one.name().endswith(host["id"][5:13])]
    pins = known_hosts(mngr, host["id"])

    mngr.ok("stop", NAME, limit_s=LIMIT_S)
    assert domain.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF
    shown(mngr, "stopped")

    mngr.ok("start", NAME, limit_s=LIMIT_S)
    assert mngr.ok("exec", NAME, "cat file", limit_s=LIMIT_S).out == "kept\n"
    assert (listed(mngr)["address"], known_hosts(mngr, host["id"])) == (host["address"], pins)
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING

    mngr.ok("destroy", NAME, "--yes", limit_s=LIMIT_S)
    assert domain.UUIDString() not in [one.UUIDString() for one in conn.listAllDomains()]
    assert [path.name for path in disks.iterdir() if path.name != ".mngr"] == []
    assert [path.name for path in (disks / ".mngr").iterdir() if path.name != "notes.lock"] == []


def shown(mngr: Cli, state: str) -> None:
    """Once it is seen so. Not for one that runs: emulated beside others it takes longer than a list waits."""
    for _ in range(8):
        if listed(mngr)["state"] == state:
            return
    raise AssertionError(f"{NAME} isn't {state}")


def listed(mngr: Cli) -> dict[str, Any]:
    """The host's row."""
    rows = mngr("list", "--format", "json", codes=(0, 5), limit_s=LIMIT_S).json()["hosts"]
    return next(one for one in rows if one["provider"] == "libvirt")


def known_hosts(mngr: Cli, host_id: str) -> list[str]:
    """What is pinned of the machine and of the container."""
    folder = Path(mngr.env["MNGR_HOME"]) / "profile/providers/libvirt/libvirt/known_hosts"
    return [(folder / name).read_text() for name in (host_id, f"{host_id}.container")]
