"""Where a VM is reached: in which order sources are asked, which addresses count, and what is said while there is none."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mngr.model.errors import MngrError, TimedOut
from mngr.vms import addresses
from mngr.vms.addresses import Address
from mngr.vms.domain import Domain
from mngr.vms.hypervisor import Hypervisor
from support.rented import ManualClock

LEASE, AGENT, ARP = 0, 1, 2
FACTS = Domain("web", "0" * 36, 512, 1, "tcg", "", (), ("default",))


class Refused(Exception):
    """libvirt's error."""


LIBVIRT = SimpleNamespace(
    VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE=LEASE,
    VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT=AGENT,
    VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP=ARP,
    libvirtError=Refused,
)


@dataclass
class Guest:
    """What each source knows; one that isn't here refuses."""

    knows: dict[int, Any] = field(default_factory=dict)

    def interfaceAddresses(self, source: int) -> Any:
        if source not in self.knows:
            raise Refused
        return self.knows[source]


def cards(*ips: str) -> dict[str, Any]:
    return {
        "eth0": {
            "hwaddr": "52:54:00:00:00:01",
            "addrs": [{"addr": ip, "type": 0, "prefix": 24} for ip in ips],
        }
    }


def hypervisor(clock: ManualClock | None = None) -> Hypervisor:
    return Hypervisor(LIBVIRT, None, "qemu:///system", Path("/nowhere"), "default", clock or ManualClock())


def find(knows: dict[int, Any], facts: Domain = FACTS, state: str = "running") -> Address:
    return addresses.find(hypervisor(), Guest(knows), facts, state)


def test_the_lease_comes_before_the_agent_and_that_before_the_arp_table() -> None:
    everything = {LEASE: cards("10.0.0.1"), AGENT: cards("10.0.0.2"), ARP: cards("10.0.0.3")}
    for source, name in ((LEASE, "lease"), (AGENT, "agent"), (ARP, "arp")):
        assert find(everything) == Address(f"10.0.0.{source + 1}", 22, name)
        del everything[source]
    assert find(everything).missing.startswith("no lease in its network")


def test_what_isn_t_reachable_from_here_is_no_address() -> None:
    """The agent tells of the guest's loopback, and of None where a card has none."""
    lo = {"lo": {"addrs": None, "hwaddr": "00:00:00:00:00:00"}}
    for said in (lo, {}, cards(), cards("127.0.0.1", "::1", "fe80::1", "0.0.0.0")):
        assert find({AGENT: said}).ip == ""
    assert find({AGENT: lo | cards("fe80::1", "fd00::5", "10.0.0.9")}).ip == "10.0.0.9"
    assert find({AGENT: cards("fd00::5")}).ip == "fd00::5"


def test_what_a_guest_says_that_is_no_address_is_passed_over() -> None:
    odd = {"eth0": {"addrs": [{"addr": "x"}, {"addr": "10.0.0.300"}, {"addr": ""}, {}]}}
    assert find({AGENT: odd}).ip == ""
    assert find({AGENT: odd | {"eth1": cards("10.0.0.9")["eth0"]}}).ip == "10.0.0.9"


def test_an_agent_that_hangs_is_waited_for_two_seconds() -> None:
    limits: list[int] = []

    class Limited(Guest):
        def agentSetResponseTimeout(self, seconds: int) -> None:
            limits.append(seconds)

    assert (
        addresses.find(hypervisor(), Limited({AGENT: cards("10.0.0.9")}), FACTS, "running").source == "agent"
    )
    assert (
        addresses.find(hypervisor(), Limited({LEASE: cards("10.0.0.9")}), FACTS, "running").source == "lease"
    )
    assert limits == [2]


def test_one_that_is_off_or_without_a_card_says_so() -> None:
    assert find({LEASE: cards("10.0.0.1")}, state="stopped").missing == "it is stopped"
    assert find({}, facts=replace(FACTS, networks=())).missing == "it has no network card"
    forwarded = replace(FACTS, networks=("user",), port=20001, address="127.77.0.1")
    assert find({}, facts=forwarded) == Address("127.77.0.1", 20001, "forward")


def test_the_wait_for_ssh_ends_at_its_limit_and_says_what_was_missing() -> None:
    clock = ManualClock()
    with pytest.raises(TimedOut, match=r"VM web wasn't reachable by SSH within 30 s: no lease"):
        addresses.wait_for_ssh(clock, "web", lambda: ("running", Address(missing="no lease")), 30)
    assert clock.monotonic() == 30


def test_a_vm_that_ends_meanwhile_is_not_waited_for() -> None:
    clock = ManualClock()
    with pytest.raises(MngrError, match="VM web is stopped"):
        addresses.wait_for_ssh(clock, "web", lambda: ("stopped", Address()), 30)
    assert not clock.slept


@pytest.fixture
def sshd() -> Iterator[int]:
    """Something that says what an SSH server says first, from its third connection on; before it is silent, as QEMU is."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for count in range(3):
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"SSH-2.0-x\r\n" if count == 2 else b"")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def test_the_wait_is_for_ssh_itself_not_for_an_open_port(sshd: int) -> None:
    clock = ManualClock()
    here = Address("127.0.0.1", sshd, "forward")
    assert addresses.wait_for_ssh(clock, "web", lambda: ("running", here), 30) == here
    assert clock.slept
