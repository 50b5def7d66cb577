"""A host on a real guest: made, used, stopped with its VM off, started with the same pins, and destroyed without a trace."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mngr.qemu.command import KERNEL_LINE, Bootable
from mngr.testing.cli import Cli
from mngr.testing.libvirtd import Libvirtd
from mngr.testing.local import clean_environment
from support.vms import BOOT_LIMIT_S

NAME = "one"
LIMIT_S = 1200.0
AGENT = "mngr/agent:bookworm"


@pytest.fixture(scope="module")
def mngr(
    libvirtd: Libvirtd, with_docker: Bootable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cli]:
    folder = tmp_path_factory.mktemp("host")
    settings = {
        "URI": libvirtd.uri, "STORAGE_PATH": str(folder / "disks"), "NETWORK": "user", "IMAGE": str(with_docker.disk),
        "KERNEL": str(with_docker.kernel), "INITRD": str(with_docker.initrd), "KERNEL_LINE": f"{KERNEL_LINE} apparmor=0",  # it has no apparmor_parser
        "DEFAULT_PLAN": "1024m-2c-9g",
        "DEFAULT_IMAGE": AGENT, "SSH_CONNECT_TIMEOUT": str(BOOT_LIMIT_S), "SHUTDOWN_TIMEOUT": "200",
    }  # fmt: skip
    env = {**clean_environment(), "MNGR_HOME": str(folder / "home"), "HOME": str(folder)}
    mngr = Cli(
        {**env, **{f"MNGR__PROVIDERS__LIBVIRT__{key}": value for key, value in settings.items()}}, folder
    )
    yield mngr
    mngr("destroy", NAME, "--force", limit_s=LIMIT_S)


def test_a_host_on_a_real_guest(mngr: Cli, libvirtd: Libvirtd) -> None:
    import libvirt

    conn = libvirt.open(libvirtd.uri)
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
    [domain] = [one for one in conn.listAllDomains() if one.name().endswith(host["id"][5:13])]
    pins = known_hosts(mngr, host["id"])

    mngr.ok("stop", NAME, limit_s=LIMIT_S)
    assert domain.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF
    shown(mngr, "stopped")

    mngr.ok("start", NAME, limit_s=LIMIT_S)
    assert mngr.ok("exec", NAME, "cat file", limit_s=LIMIT_S).out == "kept\n"
    assert known_hosts(mngr, host["id"]) == pins
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING

    mngr.ok("destroy", NAME, "--yes", limit_s=LIMIT_S)
    assert domain.UUIDString() not in [one.UUIDString() for one in conn.listAllDomains()]
    assert [path.name for path in disks.iterdir() if path.name != ".mngr"] == []
    assert [path.name for path in (disks / ".mngr").iterdir() if path.name != "notes.lock"] == []


def shown(mngr: Cli, state: str) -> dict[str, Any]:
    """The host, once it is seen so. Not for one that runs: emulated beside others it takes longer than a list waits."""
    for _ in range(8):
        listed = mngr("list", "--format", "json", codes=(0, 5), limit_s=LIMIT_S).json()
        host = next(one for one in listed["hosts"] if one["provider"] == "libvirt")
        if host["state"] == state:
            return host
    raise AssertionError(f"{NAME} isn't {state}")


def known_hosts(mngr: Cli, host_id: str) -> list[str]:
    """What is pinned of the machine and of the container."""
    folder = Path(mngr.env["MNGR_HOME"]) / "profile/providers/libvirt/libvirt/known_hosts"
    return [(folder / name).read_text() for name in (host_id, f"{host_id}.container")]
