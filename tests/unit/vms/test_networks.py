"""Networks on libvirt's made-up hypervisor: what a killed create left, and addresses that are in use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

from mngr.journal import Intent
from mngr.model.errors import Conflict
from mngr.vms import defined, forwards, gpus, needed, networks
from mngr.vms.hypervisor import Hypervisor, opened
from mngr.vms.spec import VmSpec

ID = "0f0e0d0c-0b0a-4009-8807-0605040302aa"
VM = """<domain type='test'><name>user-of-lab</name><memory>65536</memory><os><type>hvm</type></os><devices>
<interface type='network'><source network='lab'/></interface></devices></domain>"""


@pytest.fixture
def hypervisor(tmp_path: Path) -> Iterator[Hypervisor]:
    here = opened("test:///default", {"LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")})
    yield here
    for one in here.conn.listAllDomains():
        if one.name() == "user-of-lab":
            one.undefine()
    for one in here.conn.listAllNetworks():
        if one.name() == "lab":
            defined.end(here, one)


def killed(here: Hypervisor, uri: str = "test:///default") -> Any:
    """A create that was killed once libvirt had the network."""
    here.folder.mkdir(exist_ok=True)
    plan = {"uuid": ID, "uri": uri, "autostart": True}
    with here.journal.hold("network", "lab") as held:
        held.write(Intent(provider="network", subject="lab", kind="create", at=0.0, plan=plan))
    network = here.conn.networkDefineXML(
        networks._xml("lab", networks.NAT, networks.IPv4Network("192.168.150.0/24"), ID)
    )
    network.create()
    return network


def names(here: Hypervisor) -> list[str]:
    return [one.name for one in networks.list_(here)]


def test_what_a_killed_create_left_goes_at_the_next_look(hypervisor: Hypervisor) -> None:
    killed(hypervisor)
    assert "lab" not in names(hypervisor)
    assert not hypervisor.journal.entries("network")


def test_unless_a_vm_is_defined_with_it_by_now(hypervisor: Hypervisor) -> None:
    network = killed(hypervisor)
    hypervisor.conn.defineXML(VM)
    [lab] = [one for one in networks.list_(hypervisor) if one.name == "lab"]
    assert (lab.active, lab.vms, lab.autostart) == (True, ("user-of-lab",), True)
    assert network.isActive()
    assert not hypervisor.journal.entries("network")
    assert networks.create(hypervisor, "lab", cidr="192.168.150.0/24")[1] is False


def test_another_libvirt_s_is_left_to_a_look_at_that(hypervisor: Hypervisor) -> None:
    killed(hypervisor, uri="qemu+unix:///elsewhere")
    assert defined.sweep(hypervisor, networks.KIND) == []
    assert len(hypervisor.journal.entries("network")) == 1
    with pytest.raises(Conflict, match=r"qemu\+unix:///elsewhere isn't cleared away"):
        networks.create(hypervisor, "lab")


def test_addresses_of_this_computer_are_passed_over(
    hypervisor: Hypervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = networks._start

    def in_use(here: Hypervisor, network: Any) -> None:
        if "192.168.100." in network.XMLDesc():
            error = here.libvirt.libvirtError("Network is already in use by interface eth0")
            error.err = (38, 19, str(error), 2, "", None, None, -1, -1)
            busy = {"name": network.name, "create": lambda self: (_ for _ in ()).throw(error)}
            network = type("Busy", (), busy)()
        start(here, network)

    monkeypatch.setattr(networks, "KIND", replace(networks.KIND, begin=in_use))
    assert networks.create(hypervisor, "lab")[0].cidr == "192.168.101.0/24"
    networks.delete(hypervisor, "lab")
    with pytest.raises(Conflict, match="in use"):
        networks.create(hypervisor, "lab", cidr="192.168.100.0/24")
    assert "lab" not in names(hypervisor)


def test_a_vm_that_goes_during_a_look_is_passed_over(
    hypervisor: Hypervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = hypervisor.conn.defineXML(VM)
    all_ = [*hypervisor.conn.listAllDomains()]
    gone.undefine()
    hypervisor.folder.mkdir(exist_ok=True)
    monkeypatch.setattr(hypervisor.conn, "listAllDomains", lambda *flags: all_)
    assert "default" in names(hypervisor)
    assert needed.paths(hypervisor) is not None
    assert gpus._users(hypervisor, running=True) == {}
    spec = VmSpec(name="x", image="/", network="user", forwards=((42022, 22),))
    assert forwards.place(hypervisor, spec)[1] == 42022
