"""libvirt's own fake hypervisor, for what a real guest can't give: a thousand VMs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mngr.vms import look
from mngr.vms.hypervisor import connect

VM = """<domain type='test'><name>vm-{number:04}</name><memory unit='MiB'>{memory}</memory><vcpu>1</vcpu>
<os><type arch='x86_64'>hvm</type></os></domain>"""


class Counted:
    """A connection that counts its calls."""

    def __init__(self, conn: object) -> None:
        self._conn, self.calls = conn, Counter[str]()

    def __getattr__(self, name: str) -> object:
        self.calls[name] += 1
        return getattr(self._conn, name)


def test_a_thousand_vms_are_listed_in_two_calls(tmp_path: Path) -> None:
    pytest.importorskip("libvirt", reason="no libvirt-python: run `scripts/setup test`")
    with connect("test:///default", {"LIBVIRT_STORAGE_PATH": str(tmp_path)}) as hypervisor:
        for number in range(1000):
            hypervisor.conn.defineXML(VM.format(number=number, memory=128 + number))
        hypervisor.conn = counted = Counted(hypervisor.conn)
        found = [vm for vm in look.list_(hypervisor) if vm.name.startswith("vm-")]
        assert counted.calls.total() == 2
    assert [vm.name for vm in found] == [f"vm-{number:04}" for number in range(1000)]
    assert [(vm.state, vm.memory, vm.vcpus) for vm in found] == [
        ("stopped", 128 + number, 1) for number in range(1000)
    ]
