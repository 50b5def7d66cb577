"""What killed creates have left goes with the service's looks; and how the service ends."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mngr.journal import Intent, Journal
from mngr.model.clock import SYSTEM
from mngr.model.errors import Unreachable
from mngr.vms import remove
from mngr.vms.hypervisor import Hypervisor, connect
from mngr.vmservice import shapes
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http

UUID = "0f0e0d0c-0b0a-4009-8807-060504030201"


def left_by_a_killed_create(settings: Settings, name: str = "one") -> list[Path]:
    """Its intent and its files; gives the files."""
    disks = Path(settings.libvirt_env["LIBVIRT_STORAGE_PATH"])
    disks.mkdir(exist_ok=True)
    with Journal(disks / ".mngr").hold(remove.PROVIDER, name) as held:
        plan = {"uuid": UUID, "uri": "test:///default"}
        held.write(Intent(provider=remove.PROVIDER, subject=name, kind=remove.CREATE, plan=plan))
    files = [disks / f"{name}-{UUID[:8]}.qcow2", disks / f"{name}-{UUID[:8]}.seed.img"]
    for path in files:
        path.touch()
    return files


def there(files: list[Path]) -> bool:
    return any(path.exists() for path in files)


def test_the_services_start_clears_away(settings: Settings, tokens: Tokens) -> None:
    files = left_by_a_killed_create(settings)
    with TestClient(make(Service(settings), tokens)):
        assert not there(files)


def test_a_list_clears_away_and_works_also_where_that_fails(
    http: Http, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = left_by_a_killed_create(settings)

    def broken(self: object) -> None:
        raise OSError("the disk is broken")

    with monkeypatch.context() as patch:
        patch.setattr("mngr.vms.files.Files.remove", broken)
        assert [one["name"] for one in http("GET", "/api/vms")[1]["vms"]] == ["test"]
        assert there(files)
    assert http("GET", "/api/vms")[0] == 200
    assert not there(files)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/start"), ("POST", "/stop")])
def test_so_does_a_look_at_the_vm_itself(http: Http, settings: Settings, method: str, path: str) -> None:
    files = left_by_a_killed_create(settings)
    other = left_by_a_killed_create(settings, "two")
    assert http(method, f"/api/vms/one{path}")[0] == 404
    assert not there(files)
    assert there(other)


def test_what_somebody_is_at_work_on_is_let_be(http: Http, settings: Settings) -> None:
    files = left_by_a_killed_create(settings)
    disks = Path(settings.libvirt_env["LIBVIRT_STORAGE_PATH"])
    with Journal(disks / ".mngr").hold(remove.PROVIDER, "one"):
        assert http("GET", "/api/vms")[0] == 200
        assert http("GET", "/api/vms/one")[0] == 404
        assert there(files)


@pytest.mark.parametrize(("uid", "gone"), [(0, True), (1000, False)])
def test_root_has_one_libvirt_by_two_names(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, uid: int, gone: bool
) -> None:
    files = left_by_a_killed_create(settings)
    with connect(environ=settings.libvirt_env) as hypervisor:
        path = hypervisor.journal.folder / "vm.one.json"
        path.write_text(path.read_text().replace("test:///default", "qemu:///session"))
        hypervisor.uri = "qemu:///system"
        monkeypatch.setattr("os.geteuid", lambda: uid)
        assert [one.problem for one in remove.sweep(hypervisor)] == ([""] if gone else [])
    assert there(files) is not gone


# --- the end ------------------------------------------------------------------------------------------------------


def test_the_end_waits_for_calls_before_the_connection_goes(settings: Settings) -> None:
    service = Service(settings)
    runs, go_on = threading.Event(), threading.Event()
    told: list[Any] = []

    def slow(service: Service, asked: Any) -> None:
        runs.set()
        assert go_on.wait(60)
        told.append(service.vm_show(asked).name)

    call = threading.Thread(target=service.call, args=(slow, shapes.VmName(name="test")))
    call.start()
    assert runs.wait(60)
    end = threading.Thread(target=service.close)
    end.start()
    while not is_ending(service):
        pass
    assert end.is_alive()
    go_on.set()
    end.join(60)
    call.join(60)
    assert told == ["test"]


def is_ending(service: Service) -> bool:
    try:
        service.call(lambda service, asked: None, None)
    except Unreachable as problem:
        return "being ended" in problem.message
    return False


def test_what_waits_is_told_that_the_service_ends(settings: Settings) -> None:
    """A guest that doesn't shut down is waited for by the minute."""
    service = Service(settings)
    service.close()
    with pytest.raises(Unreachable, match="being ended"):
        service.vm_stop(shapes.VmStop(name="test", timeout=600))


def test_a_connection_that_broke_is_let_go_of_and_not_closed_under_others(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(settings, SYSTEM)
    closed: list[object] = []
    first = service._connection.get()
    conn = first.conn

    class Broken:
        def isAlive(self) -> int:
            return 0

        def close(self) -> None:
            closed.append(self)

    first.conn = Broken()
    second = service._connection.get()
    assert isinstance(second, Hypervisor)
    assert second is not first
    assert closed == []
    assert conn.isAlive()
