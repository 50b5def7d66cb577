"""A list of many VMs: how many calls of libvirt's it takes, and what is sent."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mngr.testing.libvirtd import Libvirtd
from mngr.vms import bounded, look
from mngr.vms.hypervisor import connect
from mngr.vms.urls import Allowed
from mngr.vmservice import shapes
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings

VM = """<domain type='test'><name>vm-{number:04}</name><memory unit='MiB'>{memory}</memory><vcpu>1</vcpu>
<os><type arch='x86_64'>hvm</type></os></domain>"""
REAL = """<domain type='qemu'><name>listed-{number}</name><memory unit='MiB'>{memory}</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>"""


class Counted:
    """A connection that counts its calls."""

    def __init__(self, conn: object) -> None:
        self._conn, self.calls = conn, Counter[str]()

    def __getattr__(self, name: str) -> object:
        self.calls[name] += 1
        return getattr(self._conn, name)


@pytest.fixture
def thousand(tmp_path: Path) -> dict[str, str]:
    """libvirt's own fake hypervisor, for what a real guest can't give: an environment that leads to a thousand VMs."""
    pytest.importorskip("libvirt", reason="no libvirt-python: run `scripts/setup test`")
    node = tmp_path / "node.xml"
    vms = (VM.format(number=number, memory=128 + number) for number in range(1000))
    node.write_text(f"<node>{''.join(vms)}</node>")
    return {"LIBVIRT_URI": f"test://{node}", "LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")}


def test_a_thousand_vms_are_listed_in_two_calls(thousand: dict[str, str]) -> None:
    with connect(environ=thousand) as hypervisor:
        hypervisor.conn = counted = Counted(hypervisor.conn)
        found = look.list_(hypervisor)
        assert counted.calls.total() == 2
    assert [vm.name for vm in found] == [f"vm-{number:04}" for number in range(1000)]
    assert [(vm.state, vm.memory, vm.vcpus) for vm in found] == [
        ("running", 128 + number, 1) for number in range(1000)
    ]


def test_a_list_asks_a_real_libvirt_twice(
    libvirtd: Libvirtd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fake one is asked for each VM's memory, which a real one tells of all at once."""
    calls, really = [], bounded._in_time

    def counted(work: Any, what: str, *more: Any) -> Any:
        calls.append(what)
        return really(work, what, *more)

    with connect(libvirtd.uri, {"LIBVIRT_STORAGE_PATH": str(tmp_path)}) as hypervisor:
        made = [
            hypervisor.conn.defineXML(REAL.format(number=number, memory=64 + number)) for number in range(5)
        ]
        try:
            with monkeypatch.context() as patch:
                patch.setattr(bounded, "_in_time", counted)
                found = [vm for vm in look.list_(hypervisor) if vm.name.startswith("listed-")]
        finally:
            for one in made:
                one.undefine()
    assert len(calls) == 2, calls
    assert [(vm.name, vm.state, vm.memory, vm.vcpus) for vm in found] == [
        (f"listed-{number}", "stopped", 64 + number, 1) for number in range(5)
    ]


def test_what_is_sent_is_what_is_documented(thousand: dict[str, str], tmp_path: Path) -> None:
    """A list is made without the shapes that OpenAPI is made of."""
    from fastapi.testclient import TestClient

    from mngr.vmservice.app import make

    with TestClient(make(Service(settings(thousand, tmp_path)), None), base_url="http://127.0.0.1") as client:
        for answer in (client.get("/api/vms"), client.post("/tools/vm_list")):
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
            told = shapes.Vms.model_validate_json(answer.content)
            assert told.model_dump() == answer.json()
            assert (len(told.vms), told.vms[7].memory) == (1000, 135)


def settings(env: dict[str, str], folder: Path) -> Settings:
    return Settings(
        port=0,
        libvirt_env=env,
        key_dir=folder / "keys",
        tokens=folder / "tokens.json",
        images=Allowed(),
        rate=0,
    )
