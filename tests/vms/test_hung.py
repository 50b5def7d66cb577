"""A libvirtd that is there and answers nothing: whoever asks it is told so, within a limit."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mngr.model.errors import Unreachable
from mngr.testing.libvirtd import Libvirtd
from mngr.vms import bounded, look
from mngr.vms.urls import Allowed
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http
from support.vms import Place, small


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "OPEN_LIMIT_S", 1.0)
    monkeypatch.setattr(bounded, "PATIENCE_S", 1.0)


def test_a_connection_is_given_up(libvirtd: Libvirtd, place: Place) -> None:
    with libvirtd.standing_still():
        began = time.monotonic()
        with (
            pytest.raises(Unreachable, match=r"a connection to .* didn't come to an end within 1 s"),
            place.hypervisor(),
        ):
            pass
        assert time.monotonic() - began < 10
    with place.hypervisor() as hypervisor:
        assert look.list_(hypervisor) == []


def test_a_call_is_given_up_and_the_next_connection_works(libvirtd: Libvirtd, place: Place) -> None:
    with place.hypervisor() as hypervisor:
        assert look.list_(hypervisor) == []
        with libvirtd.standing_still():
            began = time.monotonic()
            with pytest.raises(Unreachable, match="can't list VMs: libvirtd gave no sign of life for 2 s"):
                look.list_(hypervisor)
            began = time.monotonic()
            with pytest.raises(Unreachable, match="gives no sign of life"):
                look.list_(hypervisor)
            assert time.monotonic() - began < 0.5
        assert not hypervisor.conn.isAlive()
    with place.hypervisor() as hypervisor:
        assert look.list_(hypervisor) == []


def test_a_qemu_that_hangs_holds_nobody_up_for_ever(
    place: Place, blank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.mngr("create", "one", *small(blank))
    with place.hypervisor() as hypervisor:
        monkeypatch.setattr(bounded, "CALL_LIMIT_S", 2.0)
        uuid = hypervisor.get("one").UUIDString()
        pids = [
            path.parent.name
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if uuid.encode() in path.read_bytes()
        ]
        [pid] = [int(one) for one in pids]
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(Unreachable, match="getAllDomainStats didn't come to an end within 2 s"):
                look.list_(hypervisor)
            assert hypervisor.conn.isAlive()
        finally:
            os.kill(pid, signal.SIGCONT)
    place.mngr("delete", "one", "--yes")


def test_the_service_answers_meanwhile_and_recovers(libvirtd: Libvirtd, place: Place, tmp_path: Path) -> None:
    env = {"LIBVIRT_URI": libvirtd.uri, "LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")}
    tokens = Tokens(tmp_path / "tokens.json")
    settings = Settings(
        port=0, libvirt_env=env, key_dir=tmp_path / "keys", tokens=tmp_path / "t", images=Allowed()
    )
    answers: list[tuple[int, object]] = []
    with TestClient(make(Service(settings), tokens)) as client:
        http = Http(client, tokens.make("all", "destructive"))
        assert http("GET", "/api/vms") == (200, {"vms": []})
        with libvirtd.standing_still():
            began = time.monotonic()
            asking = [
                threading.Thread(target=lambda: answers.append(http("GET", "/api/vms"))) for _ in range(6)
            ]
            for one in asking:
                one.start()
            for one in asking:
                one.join(30)
            assert http("GET", "/healthz")[0] == 503
            assert time.monotonic() - began < 20
        assert [status for status, _ in answers] == [503] * 6, answers
        assert http("GET", "/api/vms") == (200, {"vms": []})
