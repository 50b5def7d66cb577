"""Provider `libvirt`'s cloud, over libvirt's own fake hypervisor in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

import libvirt

from mngr.backends.libvirt.cloud import LibvirtCloud
from mngr.backends.libvirt.config import LibvirtConfig
from mngr.model.clock import SYSTEM
from mngr.qemu.kvm import Probe
from mngr.vps_docker.vps_client import MachineSpec

URI = "test:///default"
#: Flags of undefine that the fake hypervisor doesn't know.
STRANGE = 0x4 | 0x10


@pytest.fixture
def conn(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The fake hypervisor is there for as long as somebody is connected."""
    undefine = libvirt.virDomain.undefineFlags
    monkeypatch.setattr(
        libvirt.virDomain, "undefineFlags", lambda one, flags: undefine(one, flags & ~STRANGE)
    )
    conn = libvirt.open(URI)
    yield conn
    for one in conn.listAllDomains():
        if one.name() != "test":
            if one.isActive():
                one.destroy()
            one.undefine()
    conn.close()


@pytest.fixture
def config(tmp_path: Path) -> LibvirtConfig:
    image = tmp_path / "image.raw"
    image.write_bytes(bytes(1 << 20))
    return LibvirtConfig(
        uri=URI,
        image=str(image),
        network="user",
        storage_path=str(tmp_path / "disks"),
        default_plan="64m-1c-1g",
    )


@pytest.fixture
def cloud(conn: Any, config: LibvirtConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LibvirtCloud:
    monkeypatch.setenv("MNGR_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "cache").mkdir(parents=True)
    monkeypatch.setattr("mngr.vms.acceleration.kvm.probe", lambda: Probe("tcg", "a test"))
    return LibvirtCloud(config, SYSTEM, {})


def order(cloud: LibvirtCloud, number: int = 1, **more: Any) -> MachineSpec:
    host_id = f"host-{number:016x}"
    wanted: dict[str, Any] = {
        "host_id": host_id, "name": f"mngr-libvirt-box-{number:08x}", "plan": "64m-1c-1g", "region": "local",
        "image": cloud.config.image, "user_data": "#cloud-config\n{}\n", "tags": {"mngr-host-id": host_id, "é": "a & <b>\n"},
    }  # fmt: skip
    return MachineSpec(**{**wanted, **more})
