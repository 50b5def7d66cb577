"""The list of all VMs: it is asked for once however many ask, and never older than what is known to have changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from mngr.model.errors import Unreachable
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.look import Vm
from mngr.vmservice import service as services
from mngr.vmservice.listing import AGE_S, Listing
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http


class Libvirt:
    """VMs, how often they were read, and a clock."""

    def __init__(self) -> None:
        self.states = {"one": "running", "two": "stopped"}
        self.reads, self.time = 0, 0.0
        self.before: Callable[[], Any] = lambda: None
        self.after: Callable[[], Any] = lambda: None
        self.listing = Listing(self.read, self.count, lambda: self.time)

    def read(self) -> list[Vm]:
        self.reads += 1
        self.before()
        found = [
            Vm(name=name, uuid=name, state=state, memory=1, vcpus=1, autostart=False)
            for name, state in self.states.items()
        ]
        self.after()
        return found

    def count(self) -> tuple[int, int]:
        off = list(self.states.values()).count("stopped")
        return len(self.states) - off, off

    def told(self) -> dict[str, str]:
        rows = msgspec.json.decode(msgspec.json.encode(self.listing.rows()))["vms"]
        return {one["name"]: one["state"] for one in rows}


def test_a_list_is_kept_for_a_second() -> None:
    libvirt = Libvirt()
    for libvirt.time in (0, AGE_S / 2, AGE_S):
        assert libvirt.told() == libvirt.states
    assert libvirt.reads == 1
    libvirt.time = AGE_S * 1.01
    libvirt.told()
    assert libvirt.reads == 2


def test_a_change_of_the_service_s_own_is_in_the_next_list() -> None:
    libvirt = Libvirt()
    libvirt.told()
    libvirt.states["one"] = "paused"
    assert libvirt.told()["one"] == "running"
    libvirt.listing.changed()
    assert libvirt.told()["one"] == "paused"


@pytest.mark.parametrize("change", [{"one": "stopped"}, {"three": "stopped"}, {"three": "running"}, {}])
def test_what_is_made_removed_started_or_stopped_beside_it_is_seen_at_once(change: dict[str, str]) -> None:
    libvirt = Libvirt()
    libvirt.told()
    libvirt.states = {**libvirt.states, **change} if change else {"two": "stopped"}
    assert libvirt.told() == libvirt.states


def test_who_asks_during_a_look_gets_what_that_finds() -> None:
    libvirt, came, asked = Libvirt(), threading.Event(), 8
    libvirt.before = lambda: came.wait(60)
    with ThreadPoolExecutor(asked) as threads:
        answers = [threads.submit(libvirt.told) for _ in range(asked)]
        came.set()
        assert [one.result(60) for one in answers] == [libvirt.states] * asked
    assert libvirt.reads == 1


def test_a_look_that_began_before_a_change_is_no_answer_after_it() -> None:
    libvirt, read, go = Libvirt(), threading.Event(), threading.Event()

    def held() -> None:
        read.set()
        go.wait(60)

    with ThreadPoolExecutor(1) as threads:
        libvirt.after = held
        early = threads.submit(libvirt.told)
        read.wait(60)
        libvirt.after = lambda: None
        libvirt.states["one"] = "paused"
        libvirt.listing.changed()
        assert libvirt.told()["one"] == "paused"
        go.set()
        assert early.result(60)["one"] == "running"  # as it was when that was asked
    assert libvirt.told()["one"] == "paused"


def test_what_fails_is_told_and_not_kept() -> None:
    libvirt = Libvirt()

    def fails() -> None:
        raise Unreachable("libvirtd is gone")

    libvirt.before = fails
    for _ in range(2):
        with pytest.raises(Unreachable):
            libvirt.told()
    assert libvirt.reads == 2
    libvirt.before = lambda: None
    assert libvirt.told() == libvirt.states
    libvirt.count = libvirt.listing._count = fails  # type: ignore[assignment]
    with pytest.raises(Unreachable):
        libvirt.told()


# --- in the service -----------------------------------------------------------------------------------------------


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is kept for as long as a test takes."""
    monkeypatch.setattr("mngr.vmservice.listing.AGE_S", 3600.0)


@pytest.mark.usefixtures("slowly")
def test_every_change_by_http_is_in_the_next_list(http: Http, there: Any) -> None:
    def one() -> dict[str, Any]:
        return next(row for row in http("GET", "/api/vms")[1]["vms"] if row["name"] == "one")

    assert one()["autostart"] is False
    for on in (True, False):
        assert http("PATCH", "/api/vms/one", {"autostart": on})[0] == 200
        assert one()["autostart"] is on
    assert http("POST", "/tools/vm_stop", {"name": "one", "force": True, "timeout": 0})[0] == 200
    assert one()["state"] == "stopped"
    answer = http("POST", "/api/vms/one/start", headers={"Prefer": "respond-async"})
    assert http("GET", f"/api/operations/{answer[1]['id']}?wait=60")[1]["state"] == "done"
    assert one()["state"] == "running"


@pytest.mark.usefixtures("slowly")
def test_what_virsh_starts_or_stops_is_in_the_next_list(http: Http, there: Any) -> None:
    def states() -> dict[str, str]:
        return {row["name"]: row["state"] for row in http("GET", "/api/vms")[1]["vms"]}

    for change, state in ((there.destroy, "stopped"), (there.create, "running")):
        states()
        change()
        assert states()["one"] == state


@pytest.mark.usefixtures("slowly")
def test_a_list_that_is_kept_takes_two_cheap_calls(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    class Counted:
        def __init__(self, conn: Any) -> None:
            self._conn = conn

        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(self._conn, name)

    def opened(**more: Any) -> Hypervisor:
        made = opens(**more)
        made.conn = Counted(made.conn)
        return made

    opens = services.opened
    monkeypatch.setattr(services, "opened", opened)
    service = Service(settings)
    first = msgspec.json.encode(service.listing.rows())
    calls.clear()
    assert msgspec.json.encode(service.listing.rows()) == first
    assert [name for name in calls if name != "isAlive"] == ["numOfDomains", "numOfDefinedDomains"]
