"""Long calls as operations: answered before they end, joined, remembered, and taken up by the next service. Without a guest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mngr.model.errors import MngrError, Unreachable
from mngr.model.progress import Step
from mngr.vmservice import shapes
from mngr.vmservice.access import Tokens
from mngr.vmservice.actions import ACTIONS
from mngr.vmservice.app import make
from mngr.vmservice.operations import Operations
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from mngr.vmservice.store import Row, Store
from support.vm_http import Http

ASYNC = {"headers": {"Prefer": "respond-async"}}
ASKED: dict[str, Any] = {
    "name": "one", "memory": 64, "vcpus": 1, "diskSize": 1, "imageUrl": "https://images.test/a.img", "wait": False,
}  # fmt: skip
BY_NAME = {one.name: one for one in ACTIONS}


class Image:
    """An image that comes when it may: halfway until then."""

    def __init__(self) -> None:
        self.asked, self.may_come, self.times = threading.Semaphore(0), threading.Event(), 0

    def get(self, images: object, url: str, sha256: str, progress: Any) -> Path:
        self.times += 1
        progress(Step("image", "fetching", done=5, of=10))
        self.asked.release()
        assert self.may_come.wait(60)
        return Path("/nonexistent/image")


@pytest.fixture
def image(monkeypatch: pytest.MonkeyPatch) -> Iterator[Image]:
    one = Image()
    monkeypatch.setattr("mngr.vms.images.Images.get", lambda *words: one.get(*words))
    yield one
    one.may_come.set()


def ended(http: Http, location: str) -> dict[str, Any]:
    status, told = http("GET", f"{location}?wait=60")
    assert status == 200
    assert told["state"] != "running"
    assert told["endedAt"]
    return told


def test_a_call_that_need_not_be_waited_for_is_an_operation(http: Http) -> None:
    http("POST", "/api/vms/test/start")
    answer = http.client.post(
        "/api/vms/test/stop",
        json={"timeout": 5},
        headers={"Authorization": f"Bearer {http.token}", "Prefer": "respond-async"},
    )
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.headers["location"] == f"/api/operations/{answer.json()['id']}"
    told = ended(http, answer.headers["location"])
    assert (told["action"], told["target"], told["state"]) == ("vm_stop", "test", "done")
    assert told["result"] == http("POST", "/api/vms/test/stop")[1]
    assert told["problem"] is None
    http("POST", "/api/vms/test/start")


def test_its_error_is_that_of_the_call(http: Http) -> None:
    status, told = http("DELETE", "/api/vms/test", **ASYNC)
    assert status == 202
    problem = ended(http, f"/api/operations/{told['id']}")["problem"]
    status, sync = http("DELETE", "/api/vms/test")
    assert {key: value for key, value in problem.items() if value} == sync
    assert status == problem["status"] == 409


def test_what_is_wrong_is_told_at_once(http: Http, image: Image) -> None:
    for body, status in (
        ({**ASKED, "imageUrl": None}, 422),
        ({**ASKED, "sshKeys": ["none"]}, 404),
        ({**ASKED, "network": "nowhere"}, 404),
        ({**ASKED, "name": "test"}, 409),
    ):
        assert http("POST", "/api/vms", body, **ASYNC)[0] == status
    assert http("POST", "/api/vms/none/start", **ASYNC)[0] == 404
    assert http("POST", "/api/vms/none/stop", **ASYNC)[0] == 404
    assert http("GET", "/api/operations") == (200, {"operations": []})


def test_a_preference_may_wait_and_is_none_for_short_calls(http: Http) -> None:
    http("POST", "/api/vms/test/start")
    sooner = {"headers": {"Prefer": "respond-async, wait=30"}}
    assert http("POST", "/api/vms/test/start", **sooner) == (200, {"status": "started", "vm": "test"})
    assert http("POST", "/api/vms/test/start", headers={"Prefer": 'respond-async, wait="30"'})[0] == 200
    assert http("DELETE", "/api/vms/test", **sooner)[0] == 409
    assert http("GET", "/api/vms", **ASYNC)[0] == 200
    for other in ("respond-asynchronously", "handling=lenient", 'x="respond-async"', 'x="a, respond-async"'):
        assert http("POST", "/api/vms/test/start", headers={"Prefer": other})[0] == 200
    for same in ("RESPOND-ASYNC", "return=minimal, respond-async;foo", "wait=x, respond-async"):
        assert http("POST", "/api/vms/test/start", headers={"Prefer": same})[0] == 202


def test_the_same_create_joins_the_one_under_way(
    http: Http, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait, joins = Operations.wait, threading.Semaphore(0)

    def waits(self: Operations, *words: Any) -> bool:
        joins.release()
        return wait(self, *words)

    monkeypatch.setattr(Operations, "wait", waits)
    _, told = http("POST", "/api/vms", ASKED, **ASYNC)
    location = f"/api/operations/{told['id']}"
    assert image.asked.acquire(timeout=60)
    _, shown = http("GET", location)
    assert shown["state"] == "running"
    assert shown["progress"] == {"phase": "image", "detail": "fetching", "done": 5, "total": 10}
    assert http("POST", "/api/vms", ASKED, **ASYNC)[1]["id"] == told["id"]
    assert http("POST", "/tools/vm_create", ASKED, **ASYNC)[1]["id"] == told["id"]
    status, problem = http("POST", "/api/vms", {**ASKED, "memory": 128})
    assert status == 409
    assert told["id"] in problem["detail"]
    with ThreadPoolExecutor(2) as pool:
        joined = [pool.submit(http, "POST", path, ASKED) for path in ("/api/vms", "/tools/vm_create")]
        assert all(joins.acquire(timeout=60) for _ in joined)
        image.may_come.set()
        answers = [one.result(60) for one in joined]
    assert image.times == 1
    last = ended(http, location)
    assert last["state"] == "failed"  # that image isn't there
    assert [(status, problem) for status, problem in answers] == [
        (422, {key: value for key, value in last["problem"].items() if value})
    ] * 2


def test_who_joins_with_a_promise_has_one(settings: Settings) -> None:
    service, start = Service(settings), BY_NAME["vm_start"]
    asked = shapes.VmName(name="test")
    first, mine = service.operations.begin(start, asked, promised=False)
    assert (mine, service.operations.get(first.id).promised) == (True, False)
    assert service.operations.begin(start, asked, promised=True) == (first, False)
    assert service.operations.get(first.id).promised
    stop = BY_NAME["vm_stop"]
    both = [shapes.VmStop(name="test"), shapes.VmStop(name="test", timeout=60)]  # which is the default
    assert [service.operations.begin(stop, one, promised=False)[1] for one in both] == [True, True]
    service.operations.work(first)
    assert service.operations.begin(start, asked, promised=True)[1]
    service.close()


def test_operations_are_listed_the_newest_first_in_pages(http: Http) -> None:
    ids = [http("POST", "/api/vms/test/start", **ASYNC)[1]["id"]]
    ended(http, f"/api/operations/{ids[0]}")
    ids.insert(0, http("DELETE", "/api/vms/test", **ASYNC)[1]["id"])
    ended(http, f"/api/operations/{ids[0]}")

    def listed(query: str) -> list[str]:
        return [one["id"] for one in http("GET", f"/api/operations{query}")[1]["operations"]]

    assert listed("") == ids
    assert listed("?limit=1") == ids[:1]
    assert listed(f"?limit=1&before={ids[0]}") == ids[1:]
    assert listed("?state=failed") == ids[:1]
    assert listed("?target=other") == []
    for query in (
        "?limit=0",
        "?limit=x",
        "?limit=1_0",
        "?limit=%205",
        "?limit=010",
        "?limit=%2B5",
        "?limit=%D9%A5",
        "?state=x",
        "?before=x",
        "?target=a%20b",
        "?limit=201",
    ):
        assert http("GET", f"/api/operations{query}")[0] == 422
    assert http("GET", "/api/operations/op-0123456789abcdef")[0] == 404
    assert http("GET", "/api/operations/x")[0] == 422
    assert http("GET", f"/api/operations/{ids[0]}?wait=61")[0] == 422


def test_openapi_says_so(http: Http) -> None:
    _, schema = http("GET", "/openapi.json")
    stop = schema["paths"]["/api/vms/{name}/stop"]["post"]
    assert stop["responses"]["202"]["headers"].keys() == {"Location", "Preference-Applied"}
    assert "Prefer" in [one["name"] for one in stop["parameters"]]
    query = schema["paths"]["/api/operations"]["get"]["parameters"]
    assert {one["name"] for one in query} == {"state", "target", "before", "limit"}


def test_how_many_and_how_long_can_be_read(settings: Settings) -> None:
    service = Service(settings)
    start, delete = BY_NAME["vm_start"], BY_NAME["vm_delete"]
    for _ in range(2):
        service.operations.run(start, shapes.VmName(name="test"))
    with pytest.raises(Exception, match="wasn't made by mngr"):
        service.operations.run(delete, shapes.VmName(name="test"))
    counts = service.operations.counts()
    assert [one[:3] for one in counts] == [("vm_delete", "failed", 1), ("vm_start", "done", 2)]
    assert all(seconds >= 0 for *_, seconds in counts)
    service.close()


# --- the next service ---------------------------------------------------------------------------------------------


def left_running(settings: Settings, action: str, asked: str, **more: Any) -> str:
    """As a service that was killed leaves it."""
    facts: dict[str, Any] = {"target": "test", "uri": "test:///default", "uuid": "", "promised": True, **more}
    store = Store(settings.operations)
    store.begin(Row(id="op-0123456789abcdef", action=action, asked=asked, created_at=1.0, **facts))
    store.close()
    return "/api/operations/op-0123456789abcdef"


@pytest.fixture
def restarted(settings: Settings, tokens: Tokens) -> Any:
    """A service, and who may do everything there."""
    clients: list[TestClient] = []

    def start() -> Http:
        client = TestClient(make(Service(settings), tokens), raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return Http(client, tokens.make(f"all-{len(clients)}", "destructive"))

    yield start
    for client in clients:
        client.__exit__(None, None, None)


def test_what_was_promised_is_taken_up(settings: Settings, restarted: Any) -> None:
    location = left_running(settings, "vm_stop", '{"name": "test", "timeout": 5}')
    http = restarted()
    assert ended(http, location)["state"] == "done"
    assert http("GET", "/api/vms/test")[1]["state"] == "stopped"
    http("POST", "/api/vms/test/start")


OTHER_UUID = "0f0e0d0c-0b0a-4009-8807-060504030201"
NAME = '{"name": "test"}'
CASES: dict[str, tuple[str, str, dict[str, Any], str, str]] = {
    "nobody knows it": ("vm_stop", NAME, {"promised": False}, "failed", "and its caller with it"),
    "not kept": ("vm_stop", "", {}, "failed", "it may be secret"),
    "elsewhere": ("vm_stop", NAME, {"uri": "qemu:///other"}, "failed", "and is on test:///default now"),
    "another version": ("vm_stop", '{"nmae": "test"}', {}, "failed", "doesn't understand"),
    "unknown": ("vm_dance", NAME, {}, "failed", "no vm_dance"),
    "another VM": ("vm_stop", NAME, {"uuid": OTHER_UUID}, "failed", "another VM test by now"),
    "another VM of a delete": ("vm_delete", NAME, {"uuid": OTHER_UUID}, "done", ""),
    "a delete that was done": ("vm_delete", '{"name": "gone"}', {"uuid": OTHER_UUID, "target": "gone"}, "done", ""),
    "a create whose VM was removed": (
        "vm_create", '{"name": "gone", "imageUrl": "https://images.test/a"}', {"uuid": OTHER_UUID, "target": "gone"},
        "failed", "was removed after it was made",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_nothing_runs_for_ever(settings: Settings, restarted: Any, image: Image, case: str) -> None:
    action, asked, more, state, why = CASES[case]
    location = left_running(settings, action, asked, **more)
    told = ended(restarted(), location)
    assert told["state"] == state
    assert why in (told["problem"] or {"detail": ""})["detail"]
    assert image.times == 0


def test_the_services_end_leaves_what_was_promised_to_the_next(
    settings: Settings, restarted: Any, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(settings)
    waits = threading.Event()

    def stuck(*_: object) -> None:
        waits.set()
        while True:
            service.clock.sleep(0.01)

    monkeypatch.setattr("mngr.vms.power.stop", stuck)
    stop = BY_NAME["vm_stop"]
    lives = [
        service.operations.begin(stop, shapes.VmStop(name="test", timeout=timeout), promised)[0]
        for timeout, promised in ((5, True), (6, False))
    ]
    threads = [threading.Thread(target=service.operations.work, args=(live,)) for live in lives]
    for thread in threads:
        thread.start()
    assert waits.wait(60)
    service.close()
    for thread in threads:
        thread.join(60)
    assert all(isinstance(live.error, Unreachable) for live in lives)
    monkeypatch.undo()
    http = restarted()
    known, unknown = (ended(http, f"/api/operations/{live.id}") for live in lives)
    assert known["state"] == "done"
    assert "being ended" in unknown["problem"]["detail"]


def test_what_may_be_secret_is_not_on_disk(settings: Settings) -> None:
    class WithUserData(shapes.VmName):
        userData: str = ""

    class Action:
        name, request, plan, gone, kept = "vm_x", WithUserData, None, None, ("name",)

        @staticmethod
        def run(service: Service, asked: Any) -> shapes.Status:
            return shapes.Status(status="started", vm=asked.name)

    service = Service(settings)
    live, _ = service.operations.begin(Action(), WithUserData(name="test", userData="hunter2"), promised=True)
    other, _ = service.operations.begin(Action(), WithUserData(name="test"), promised=True)
    assert service.operations.get(live.id).asked == ""
    assert service.operations.get(other.id).asked == '{"name":"test"}'
    files = list(settings.operations.parent.glob("operations*"))
    assert len(files) == 4
    for file in files:
        assert b"hunter2" not in file.read_bytes()
        assert file.stat().st_mode & 0o777 == 0o600
    service.close()


def test_one_service_at_a_time_has_them(settings: Settings) -> None:
    first = Service(settings)
    first.operations.open()
    second = Operations(Service(settings))
    with pytest.raises(Exception, match="another service keeps its operations"):
        second.open()
    first.close()
    second.open()
    second.close()


def test_a_file_that_can_t_be_used_is_told(settings: Settings) -> None:
    store = Store(settings.operations)
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(Exception, match="another version of mngr"):
        Store(settings.operations)
    for file in settings.operations.parent.glob("operations*"):
        file.write_bytes(b"x" * 4096)
    for file in (settings.operations, Path("/proc/nowhere/operations.sqlite3")):
        with pytest.raises(MngrError, match="can't be read or written"):
            Store(file)


def test_old_ones_are_dropped_and_running_ones_never(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(settings.operations)
    facts: dict[str, Any] = {
        "action": "a",
        "target": "",
        "uri": "",
        "uuid": "",
        "asked": "",
        "promised": True,
    }
    for number in range(6):
        store.begin(Row(id=str(number), created_at=0, **facts))
        if number:
            store.end(str(number), "done", 1000.0 * number)
    monkeypatch.setattr("mngr.vmservice.store.KEPT_S", 4000.0)
    store.drop(6001.0)
    assert [row.id for row in store.list_(10)] == ["5", "4", "3", "0"]
    monkeypatch.setattr("mngr.vmservice.store.MOST_KEPT", 1)
    store.drop(6001.0)
    assert [row.id for row in store.list_(10)] == ["5", "0"]
    store.close()
