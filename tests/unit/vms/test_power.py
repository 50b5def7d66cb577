"""Switching on, where libvirt says that the VM runs already."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

import libvirt

from mngr.model.errors import MngrError
from mngr.vms import power, snapshots
from mngr.vms.hypervisor import connect


class Invalid(libvirt.libvirtError):
    def __init__(self) -> None:
        Exception.__init__(self, "not valid")

    def get_error_code(self) -> int:
        return libvirt.VIR_ERR_OPERATION_INVALID

    def get_error_domain(self) -> int:
        return libvirt.VIR_FROM_QEMU

    def get_error_message(self) -> str:
        return "Requested operation is not valid"


def refuse(*_: Any) -> None:
    raise Invalid


def test_a_vm_that_somebody_else_started_is_started() -> None:
    with connect("test:///default", {}) as hypervisor:
        power.started(hypervisor, hypervisor.get("test"), refuse)


def test_a_restore_that_failed_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    with connect("test:///default", {}) as hypervisor:
        snapshots.create(hypervisor, "test", "first")
        monkeypatch.setattr(libvirt.virDomain, "revertToSnapshot", refuse)
        with pytest.raises(MngrError, match="can't restore snapshot first of VM test"):
            snapshots.restore(hypervisor, "test", "first")


def test_a_connection_that_was_closed_is_an_unreachable_one() -> None:
    from mngr.model.errors import Unreachable
    from mngr.vms import library

    class Closed(Invalid):
        def get_error_code(self) -> int:
            return libvirt.VIR_ERR_INVALID_CONN

    assert isinstance(library.told(Closed(), "look"), Unreachable)
