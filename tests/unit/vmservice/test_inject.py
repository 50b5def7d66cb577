"""Keys into a VM that is there, over HTTP and as a tool; without a guest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mngr.qemu import seed
from mngr.vms import domain as xml
from mngr.vms import in_guest, remove, seed_keys
from mngr.vms.domain import Made
from mngr.vms.hypervisor import Hypervisor, connect
from mngr.vms.spec import VmSpec
from mngr.vmservice.settings import Settings
from support.vm_http import Http

UUID = "0f0e0d0c-0b0a-4009-8807-060504030201"
GIVEN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4 me"


class Vm:
    """A VM as an earlier create made it, with a seed that cloud-init could read."""

    def __init__(self, hypervisor: Hypervisor, folder: Path) -> None:
        self.hypervisor = hypervisor
        files = hypervisor.files("one", UUID)
        self.seed = files.seed
        folder.mkdir(exist_ok=True)
        self.write_seed()
        spec = VmSpec(
            name="one", image="/i.img", memory_mib=64, vcpus=1, disk_gib=1, keys=(GIVEN,), user="dev"
        )
        text = xml.write(spec, Made(UUID, str(files.disk), str(files.seed), "tcg"))
        self.domain = hypervisor.conn.defineXML(text.replace('type="qemu"', 'type="test"', 1))
        self.domain.create()

    def write_seed(self, hook: bytes | None = None) -> None:
        hook = seed_keys.script(UUID, "dev") if hook is None else hook
        self.seed.write_bytes(seed.files(UUID, "one", user="dev", boothook=hook)["vendor-data"])

    def told(self, tmp: Path) -> list[tuple[str, bool]]:
        """What the seed tells the guest, by the second word of the keys."""
        tmp.write_bytes(self.seed.read_bytes())
        return [(one["key"].split()[2], one["present"]) for one in in_guest.read(tmp)["changes"]]


@pytest.fixture
def vm(settings: Settings, http: Http, tmp_path: Path) -> Iterator[Vm]:
    for name in ("a", "b"):
        assert http("POST", "/api/ssh-keys", {"name": name, "type": "ed25519"})[0] == 200
    with connect(environ=settings.libvirt_env) as hypervisor:
        made = Vm(hypervisor, tmp_path / "disks")
        yield made
        if made.domain.isActive():
            made.domain.destroy()
        made.domain.undefine()


def asked(http: Http, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    found, told = http(method, f"/api/vms/one/ssh-keys{path}", body)
    assert found == status, told
    return told


def test_keys_are_added_and_taken_out(http: Http, vm: Vm, tmp_path: Path) -> None:
    told = asked(http, "POST", "/a")
    assert (told["status"], told["vm"], told["key"], told["user"]) == ("injected", "one", "a", None)
    assert told["applied"] == "next boot"
    assert told["reason"]
    assert asked(http, "POST", "/a") == told
    assert http("POST", "/tools/vm_inject_ssh_key", {"vmName": "one", "keyName": "b"})[1]["key"] == "b"
    assert vm.told(tmp_path / "seed") == [("a", True), ("b", True)]
    assert [one["key"] for one in asked(http, "GET", "")["keys"]] == ["a", "b"]
    assert asked(http, "DELETE", "/a")["status"] == "ejected"
    assert asked(http, "DELETE", "/a")["status"] == "ejected"
    assert vm.told(tmp_path / "seed") == [("b", True), ("a", False)]
    assert [one["key"] for one in asked(http, "GET", "")["keys"]] == ["b"]
    asked(http, "POST", "/a")
    assert vm.told(tmp_path / "seed") == [("b", True), ("a", True)]


def test_libvirt_keeps_them(http: Http, vm: Vm) -> None:
    asked(http, "POST", "/a", {"user": "deploy"})
    assert 'mngrkeys:keys xmlns:mngrkeys="urn:mngr:vm-keys:1"' in vm.domain.XMLDesc()
    [key] = asked(http, "GET", "")["keys"]
    assert (key["user"], key["publicKey"].split()[2]) == ("deploy", "a")


def test_an_inject_that_was_killed_is_carried_out_by_the_next_start(
    http: Http, vm: Vm, tmp_path: Path
) -> None:
    asked(http, "POST", "/a")
    vm.write_seed()
    vm.domain.destroy()
    assert http("POST", "/api/vms/one/start")[0] == 200
    assert vm.told(tmp_path / "seed") == [("a", True)]


def test_the_keys_of_its_create_stay(http: Http, vm: Vm, settings: Settings, tmp_path: Path) -> None:
    (settings.key_dir / "a.pub").write_text(GIVEN)
    assert asked(http, "POST", "/a")["applied"] == "now"
    asked(http, "DELETE", "/a", status=404)
    assert vm.told(tmp_path / "seed") == []


def test_what_can_not_be_is_refused(http: Http, vm: Vm, tmp_path: Path) -> None:
    asked(http, "POST", "/none", status=404)
    asked(http, "DELETE", "/a", status=404)
    asked(http, "POST", "/a", {"user": "root"}, status=422)
    asked(http, "POST", "/a", {"user": "x; y"}, status=422)
    asked(http, "POST", "/..%2fa", status=404)
    assert http("POST", "/api/vms/none/ssh-keys/a")[0] == 404
    assert http("GET", "/api/vms/none/ssh-keys")[0] == 404
    assert http("POST", "/api/vms/test/ssh-keys/a")[0] == 409
    assert (vm.told(tmp_path / "seed"), asked(http, "GET", "")) == ([], {"keys": []})


def test_a_seed_of_an_older_mngr_takes_none(http: Http, vm: Vm) -> None:
    vm.write_seed(b"")
    problem = asked(http, "POST", "/a", status=501)
    assert "no place for keys" in problem["detail"]
    assert asked(http, "GET", "") == {"keys": []}


def test_while_another_is_at_work_on_the_vm_it_waits(
    http: Http, vm: Vm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mngr.vms.inject.BUSY_S", 0.2)
    with remove.hold(vm.hypervisor, "one"):
        asked(http, "POST", "/a", status=503)
