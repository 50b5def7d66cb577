"""KVM only where a guest ran on it and libvirt offers it; the answer has a reason, and is kept."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from mngr.qemu.kvm import Probe
from mngr.vms import acceleration
from mngr.vms.hypervisor import Hypervisor


class Refused(Exception):
    def get_error_message(self) -> str:
        return "the accel 'kvm' is not supported"


class Conn:
    offers = True

    def getDomainCapabilities(self, *what: object) -> str:
        if not self.offers:
            raise Refused
        return "<domainCapabilities/>"


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Probe]:
    """What the next probes find; the last one stays."""
    found = [Probe("kvm", "a guest was tried")]
    monkeypatch.setenv("MNGR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("mngr.qemu.kvm.probe", lambda: found.pop(0))
    return found


def hypervisor() -> Hypervisor:
    return Hypervisor(
        SimpleNamespace(libvirtError=Refused), Conn(), "qemu:///system", Path("/nowhere"), "default"
    )


def test_an_answer_is_kept_and_holds_for_what_it_was_made_for(
    probes: list[Probe], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = acceleration.choose(hypervisor())
    assert first == Probe("kvm", "a guest was tried")
    assert acceleration.choose(hypervisor()) == first  # a second probe would be an IndexError
    probes.append(Probe("tcg", "it hung for 3 s"))
    boot = tmp_path / "boot_id"
    boot.write_text("another boot")
    monkeypatch.setattr(acceleration, "BOOT_ID", boot)
    assert acceleration.choose(hypervisor()) == Probe("tcg", "it hung for 3 s")


@pytest.mark.parametrize(
    "broken", [b"", b"{", b'{"about":"x"}', b"\xff", b'{"about":1,"accel":"kvm","reason":""}']
)
def test_a_damaged_answer_is_asked_for_again(probes: list[Probe], tmp_path: Path, broken: bytes) -> None:
    acceleration.choose(hypervisor())
    (tmp_path / "home/cache/acceleration.json").write_bytes(broken)
    probes.append(Probe("tcg", "it hung for 3 s"))
    assert acceleration.choose(hypervisor()).accel == "tcg"


def test_kvm_that_libvirt_doesn_t_offer_is_none(probes: list[Probe], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conn, "offers", False)
    chosen = acceleration.choose(hypervisor())
    assert chosen.accel == "tcg"
    assert "libvirt offers none: the accel 'kvm' is not supported" in chosen.reason
