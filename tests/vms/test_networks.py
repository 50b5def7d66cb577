"""Networks that are really there: on a libvirtd in a network namespace of its own, with dnsmasq and bridges."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.libvirtd import Libvirtd
from mngr.vms import networks
from support.vms import Place, own_libvirtd, place_at, small


@pytest.fixture(scope="module")
def netted() -> Iterator[Libvirtd]:
    """Its VMs' forwarded ports are in its own namespace, too."""
    if not shutil.which("dnsmasq", path="/usr/sbin:/sbin:/usr/bin"):
        pytest.skip("no dnsmasq: run `scripts/setup test`")
    with own_libvirtd(own_network=True) as daemon:
        yield daemon


@pytest.fixture
def place(netted: Libvirtd, tmp_path: Path) -> Iterator[Place]:
    place = place_at(netted.uri, tmp_path)
    yield place
    with place.hypervisor() as hypervisor:
        for one in hypervisor.conn.listAllDomains():
            if one.isActive():
                one.destroy()
            one.undefine()
        for one in networks.list_(hypervisor):
            networks.delete(hypervisor, one.name)


def bridges(netted: Libvirtd) -> set[str]:
    return {
        one["ifname"]
        for one in json.loads(netted.inside("ip", "-j", "link", "show", "type", "bridge") or "[]")
    }


def test_a_network_is_made_started_stopped_and_removed(place: Place, netted: Libvirtd) -> None:
    words = ["network", "create", "lab", "--cidr", "192.168.150.0/24"]
    told = place.told(*words)
    lab = told["network"]
    assert told["made"] is True
    assert (lab["mode"], lab["cidr"], lab["active"], lab["autostart"]) == (
        "nat",
        "192.168.150.0/24",
        True,
        True,
    )
    assert lab["bridge"] in bridges(netted)
    assert "192.168.150.1/24" in netted.inside("ip", "-4", "addr", "show", lab["bridge"])
    assert "dnsmasq" in netted.inside("ps", "ax")
    assert place.told(*words) == {"network": lab, "made": False}
    assert place.told("network", "create", "lab")["made"] is False
    assert "mode nat, not isolated" in place.mngr("network", "create", "lab", "--isolated", code=4).stderr
    assert place.told("network", "list") == {"networks": [lab]}
    assert place.told("network", "stop", "lab")["network"]["active"] is False
    assert lab["bridge"] not in bridges(netted)
    assert place.told("network", "start", "lab")["network"]["active"] is True
    place.mngr("network", "delete", "lab", code=2)
    place.mngr("network", "delete", "lab", "--yes")
    place.mngr("network", "delete", "lab", "--yes", code=3)
    assert place.told("network", "list") == {"networks": []}
    assert place.files() == []


def test_addresses_that_are_in_use_are_refused_and_free_ones_found(place: Place, netted: Libvirtd) -> None:
    first = place.told("network", "create", "one", "--isolated")["network"]
    assert (first["cidr"], first["mode"]) == ("192.168.100.0/24", "isolated")
    assert place.told("network", "create", "two", "--no-autostart")["network"]["cidr"] == "192.168.101.0/24"
    refused = place.mngr("network", "create", "three", "--cidr", "192.168.0.0/16", code=4).stderr
    assert "network one (192.168.100.0/24)" in refused
    netted.inside("ip", "addr", "add", "10.99.0.1/24", "dev", "br-tests")
    netted.inside("ip", "link", "set", "br-tests", "up")
    place.mngr("network", "create", "three", "--cidr", "10.99.0.0/24", code=4)
    assert [one["name"] for one in place.told("network", "list")["networks"]] == ["one", "two"]
    assert place.files() == []


@pytest.mark.parametrize(
    "cidr", ["x", "192.168.1.1/24", "8.8.8.0/24", "10.0.0.0/8", "10.0.0.0/30", "fd00::/64", "<x/>", "1/24"]
)
def test_addresses_that_cannot_be_used(place: Place, cidr: str) -> None:
    place.mngr("network", "create", "lab", "--cidr", cidr, code=2)


@pytest.mark.parametrize("name", ["", "a b", "../x", "<x/>", "user", "bridge:x", "a.b", "x" * 64])
def test_names_that_cannot_be_used(place: Place, name: str) -> None:
    place.mngr("network", "create", name, code=2)


def test_a_vm_is_on_a_network_and_its_lease_is_its_address(
    place: Place, netted: Libvirtd, blank: Path
) -> None:
    lab = place.told("network", "create", "lab")["network"]
    vm = place.told("create", "one", *small(blank, "--network", "lab"))["vm"]
    assert (vm["networks"], vm["ip"]) == (["lab"], "")
    with place.hypervisor() as hypervisor:
        mac = hypervisor.get("one").XMLDesc().partition("mac address='")[2][:17]
    lease = {"ip-address": "192.168.100.77", "mac-address": mac, "hostname": "one", "expiry-time": 4102444800}
    status = netted.folder / "var/lib/libvirt/dnsmasq" / f"{lab['bridge']}.status"
    status.write_text(json.dumps([lease]))
    vm = place.told("show", "one")["vm"]
    assert (vm["ip"], vm["address_from"], vm["ssh_port"]) == ("192.168.100.77", "lease", 22)
    assert place.told("network", "show", "lab")["network"]["vms"] == ["one"]
    assert "that of VM one" in place.mngr("network", "delete", "lab", "--yes", code=4).stderr
    place.mngr("stop", "one", "--force", "--timeout", "0")
    place.mngr("network", "stop", "lab")
    assert (
        "mngr vm network start lab"
        in place.mngr("create", "two", *small(blank, "--network", "lab"), code=4).stderr
    )
    place.mngr("delete", "one", "--yes")
    place.mngr("network", "delete", "lab", "--yes")


def test_a_vm_is_on_a_bridge_that_is_there(place: Place, netted: Libvirtd, blank: Path) -> None:
    refused = place.mngr("create", "one", *small(blank, "--network", "bridge:nowhere"), code=3).stderr
    assert "no bridge 'nowhere'" in refused
    assert (
        "no bridge 'lo'"
        in place.mngr("create", "one", *small(blank, "--network", "bridge:lo"), code=3).stderr
    )
    assert place.files() == []
    vm = place.told("create", "one", *small(blank, "--network", "bridge:br-tests"))["vm"]
    assert (vm["networks"], vm["spec"]["network"]) == (["bridge:br-tests"], "bridge:br-tests")
    assert "master br-tests" in netted.inside("ip", "link", "show", "type", "tun")
    place.mngr("delete", "one", "--yes")


@pytest.mark.parametrize(
    ("point", "when"),
    [
        ("libvirt:virConnect.networkDefineXML", "before"),
        ("libvirt:virConnect.networkDefineXML", "after"),
        ("libvirt:virNetwork.create", "after"),
        ("libvirt:virNetwork.setAutostart", "after"),
    ],
    ids=lambda one: one,
)
def test_a_killed_create_leaves_nothing(place: Place, netted: Libvirtd, point: str, when: str) -> None:
    before = bridges(netted)
    place.dies(point, when, "network", "create", "lab")
    assert place.told("network", "list") == {"networks": []}
    assert (bridges(netted), place.files()) == (before, [])
    place.dies(point, when, "network", "create", "lab")
    assert place.told("network", "create", "lab")["made"] is True
