"""Who is let in where all are busy, and who isn't where nobody needs a token."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Send

from mngr.vms import look
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.door import Door
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http

SLOW = 60


def test_slow_calls_hold_up_neither_the_door_nor_the_others(
    http: Http, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, entered = threading.Event(), threading.Semaphore(0)

    def slow(*words: Any) -> look.VmDetails:
        entered.release()
        assert go_on.wait(60)
        return show(*words)

    show = look.show
    monkeypatch.setattr(look, "show", slow)
    with ThreadPoolExecutor(SLOW + 1) as pool:
        calls = [pool.submit(http, "GET", "/api/vms/test") for _ in range(SLOW)]
        try:
            assert all(entered.acquire(timeout=20) for _ in range(32))
            assert pool.submit(client.get, "/api/vms").result(20).status_code == 401
            assert pool.submit(http, "GET", "/healthz").result(20) == (200, "OK")
            key = {"name": "k", "type": "ed25519"}
            assert pool.submit(http, "POST", "/api/ssh-keys", key).result(20)[0] == 200
            refused = pool.submit(
                client.get, "/api/vms/test", headers={"Authorization": f"Bearer {http.token}"}
            ).result(20)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        finally:
            go_on.set()
        answers = [call.result(20)[0] for call in calls]
    assert {*answers} == {200, 503}
    assert answers.count(200) >= 32


# --- without tokens -----------------------------------------------------------------------------------------------


@pytest.fixture
def open_client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(make(Service(settings), None), base_url="http://127.0.0.1:8092") as one:
        yield one


def test_without_tokens_no_page_in_a_browser_is_let_in(open_client: TestClient) -> None:
    assert open_client.get("/api/vms").status_code == 200
    for host in ("localhost", "localhost:8092", "[::1]:8092", "127.0.0.2"):
        assert open_client.get("/api/vms", headers={"Host": host}).status_code == 200
    for bad in (
        {"Host": "rebound.example.org"}, {"Host": "localhost.example.org"}, {"Host": "192.168.1.5"}, {"Host": ""},
        {"Origin": "https://example.org"}, {"Origin": "null"},
    ):  # fmt: skip
        for path in ("/api/vms/test/stop", "/tools/vm_list"):
            assert open_client.post(path, headers=bad).status_code == 403, bad


def test_tools_take_json_alone(http: Http) -> None:
    for kind, status in (
        ("application/json", 200), ("application/json; charset=utf-8", 200), ("text/plain", 415), ("", 415),
        ("application/x-www-form-urlencoded", 415),
    ):  # fmt: skip
        got, _ = http("POST", "/tools/vm_list", content=b"{}", headers={"Content-Type": kind})
        assert got == status, kind


# --- by ASGI itself -----------------------------------------------------------------------------------------------

HERE = {
    "type": "http", "method": "POST", "path": "/tools/vm_list", "query_string": b"", "headers": [(b"host", b"localhost")],
}  # fmt: skip


def test_a_body_that_was_cut_off_runs_nothing(settings: Settings) -> None:
    ran: list[str] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        ran.append("it")

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        ran.append("an answer")

    asyncio.run(Door(app, None, Service(settings))(dict(HERE), receive, send))
    assert ran == []


def test_a_call_that_the_end_cuts_off_is_a_503(settings: Settings) -> None:
    sent: list[Message] = []

    async def play() -> None:
        runs = asyncio.Event()

        async def app(scope: Any, receive: Receive, send: Send) -> None:
            runs.set()
            await asyncio.Event().wait()

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        call = asyncio.create_task(Door(app, None, Service(settings))(dict(HERE), receive, send))  # type: ignore[arg-type]
        await runs.wait()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    asyncio.run(play())
    assert [one.get("status") for one in sent] == [503, None]
    assert (b"retry-after", b"5") in sent[0]["headers"]


def test_tokens_that_are_made_at_once_are_all_there(tokens: Tokens) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: tokens.make(f"t{number}", "read"), range(40)))
    assert len(tokens.all()) == 40
    assert all(tokens.whose(one) for one in made)


# --- what a request may be ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/vms", "GET, HEAD, POST"), ("/api/vms/test", "DELETE, GET, HEAD"), ("/api/vms/test/stop", "POST"),
        ("/api/ssh-keys", "GET, HEAD, POST"), ("/healthz", "GET, HEAD"), ("/tools/vm_list", "POST"),
    ],
)  # fmt: skip
def test_a_405_names_all_methods_of_its_path(client: TestClient, http: Http, path: str, allowed: str) -> None:
    for method in ("PUT", "TRACE", "OPTIONS"):
        answer = client.request(method, path, headers={"Authorization": f"Bearer {http.token}"})
        assert answer.status_code == 405
        assert {*answer.headers["allow"].split(", ")} >= {*allowed.split(", ")}


def test_head_is_get_without_a_body(client: TestClient, http: Http) -> None:
    answer = client.head("/api/vms", headers={"Authorization": f"Bearer {http.token}"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.head("/api/vms").status_code == 401


def test_an_answer_does_not_grow_with_what_was_sent(http: Http) -> None:
    many = {f"key{number}": number for number in range(10_000)}
    for path in ("/api/vms", "/tools/vm_create"):
        status, problem = http("POST", path, many)
        assert (status, len(problem["errors"])) == (422, 20)


def test_a_whole_number_may_be_written_as_a_float(http: Http) -> None:
    """To JSON Schema that is an integer, too."""
    for number, status in (
        ("0.0", 200),
        ("1e1", 200),
        ("0.5", 422),
        ("1e300", 422),
        ('"0"', 422),
        ("true", 422),
    ):
        body = f'{{"timeout": {number}}}'.encode()
        got, _ = http(
            "POST", "/api/vms/test/stop", content=body, headers={"Content-Type": "application/json"}
        )
        assert got == status, number
