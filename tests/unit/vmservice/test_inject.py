"""Keys into a VM that is there, over HTTP and as a tool; without a guest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mngr.qemu import img, seed
from mngr.vms import acceleration, authorized, create, in_guest, inject, remove, seed_keys
from mngr.vms import domain as xml
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
        """What the seed tells the guest, by the keys' comments."""
        return [(name, present) for name, present, _ in self.changes(tmp)]

    def changes(self, tmp: Path) -> list[tuple[str, bool, int]]:
        tmp.write_bytes(self.seed.read_bytes())
        with_digests = {
            in_guest.digest(one.key): one for one in authorized.read(self.hypervisor, self.domain)
        }
        return [
            (
                (one.get("key") or with_digests[one["sha256"]].key).split()[2],
                "key" in one,
                one["serial"],
            )
            for one in in_guest.read(tmp)["changes"]
        ]


@pytest.fixture
def vm(settings: Settings, http: Http, tmp_path: Path) -> Iterator[Vm]:
    for name in ("a", "b"):
        assert http("POST", "/api/ssh-keys", {"name": name, "type": "ed25519"})[0] == 200
    with connect(environ=settings.libvirt_env) as hypervisor:
        made = Vm(hypervisor, tmp_path / "disks")
        yield made
        if made.domain.isActive():
            made.domain.destroy()
        made.domain.undefineFlags(hypervisor.libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)


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


def test_a_restore_brings_back_the_keys_that_it_had(http: Http, vm: Vm, tmp_path: Path) -> None:
    def restore(name: str) -> None:
        assert http("POST", f"/api/vms/one/snapshots/{name}/restore")[0] == 200

    for name, key in (("none", "a"), ("a", "b")):
        assert http("POST", "/api/vms/one/snapshots", {"name": name})[0] == 200
        asked(http, "POST", f"/{key}")
    [(_, _, first), *_] = vm.changes(tmp_path / "seed")
    restore("a")
    assert vm.told(tmp_path / "seed") == [("a", True)]
    restore("none")
    assert (vm.told(tmp_path / "seed"), asked(http, "GET", "")) == ([], {"keys": []})
    asked(http, "POST", "/b")
    [(name, _, serial)] = vm.changes(tmp_path / "seed")
    assert name == "b"
    assert serial != first  # the guest may have carried out that one


@pytest.mark.parametrize("by", ["start", "create"])
def test_a_restore_that_was_killed_is_gone_on_with_by_the_next_start(
    http: Http, vm: Vm, tmp_path: Path, by: str
) -> None:
    asked(http, "POST", "/a")
    authorized.write(vm.hypervisor, vm.domain, [])  # as libvirt does, of which the seed knows nothing
    vm.domain.destroy()
    if by == "start":
        assert http("POST", "/api/vms/one/start")[0] == 200
    else:
        assert not create.create(vm.hypervisor, create.spec_of(vm.domain, "one"))
    assert vm.told(tmp_path / "seed") == []


def test_a_vm_without_its_seed_is_started_as_libvirt_will(http: Http, vm: Vm) -> None:
    vm.seed.unlink()
    vm.domain.destroy()
    assert http("POST", "/api/vms/one/start")[0] == 200


def test_a_seed_that_was_replaced_under_a_vm_is_seen_at_its_next_start(
    http: Http, vm: Vm, tmp_path: Path
) -> None:
    asked(http, "POST", "/a")
    vm.write_seed()
    inject.settle(vm.hypervisor, vm.domain)
    assert vm.told(tmp_path / "seed") == [("a", True)]
    assert asked(http, "POST", "/b")["applied"] == "next start"
    assert asked(http, "DELETE", "/a")["applied"] == "next start"
    vm.domain.destroy()
    assert asked(http, "POST", "/b", {"user": "bob"})["applied"] == "next boot"
    assert http("POST", "/api/vms/one/start")[0] == 200
    assert asked(http, "POST", "/a")["applied"] == "next boot"


def test_a_clone_has_the_keys_of_its_source(
    http: Http, vm: Vm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = xml.write
    monkeypatch.setattr(xml, "write", lambda *to: real(*to).replace('type="qemu"', 'type="test"', 1))
    monkeypatch.setattr(acceleration, "choose", lambda _: acceleration.Probe("tcg", ""))
    img.run("create", "-q", "-f", "qcow2", str(vm.hypervisor.files("one", UUID).disk), "1M")
    asked(http, "POST", "/a")
    asked(http, "POST", "/b")
    asked(http, "DELETE", "/b")
    vm.domain.destroy()
    assert http("POST", "/api/vms/one/clone", {"name": "two"})[0] == 200
    try:
        assert http("GET", "/api/vms/two/ssh-keys") == http("GET", "/api/vms/one/ssh-keys")
        [seed_of_two] = (tmp_path / "disks").glob("two-*.seed.img")
        (tmp_path / "seed").write_bytes(seed_of_two.read_bytes())
        assert ["key" in one for one in in_guest.read(tmp_path / "seed")["changes"]] == [True, False]
        assert http("DELETE", "/api/vms/two/ssh-keys/a")[0] == 200
    finally:
        vm.hypervisor.get("two").undefine()


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
