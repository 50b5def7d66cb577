"""Whoever sends slowly, or too much, or says twice how it is to be read, is told so and holds nobody up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from mngr.vmservice import door, wire
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http

KEY = {"name": "k", "type": "ed25519"}
TO_US = b"POST /api/ssh-keys HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Type", "application/json"), ("Content-Type", "text/plain")],
        [("Content-Type", "application/json"), ("Content-Type", "application/json")],
        [
            ("Content-Type", "application/json"),
            ("Content-Encoding", "identity"),
            ("Content-Encoding", "gzip"),
        ],
    ],
)
def test_a_header_that_is_there_once_at_most_is_refused_twice(
    http: Http, headers: list[tuple[str, str]], tmp_path: Path
) -> None:
    said = [*headers, ("Authorization", f"Bearer {http.token}")]
    answer = http.client.post("/api/ssh-keys", content=json.dumps(KEY), headers=said)
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert headers[-1][0] in answer.json()["detail"]
    assert http("GET", "/api/ssh-keys")[1] == {"keys": []}


def told(settings: Settings, *sent: bytes) -> tuple[str, Any]:
    """What a server by uvicorn answers at last to what is sent bit by bit, on a connection that stays open: the head, and JSON."""

    async def play() -> bytes:
        config = uvicorn.Config(
            make(Service(settings), None), http=wire.Protocol, ws="none", log_level="error"
        )
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: wire.Protocol(config=config, server_state=state, app_state={}), "127.0.0.1"
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            for one in sent[:-1]:
                writer.write(one)
                await reader.readuntil(b"\r\n\r\nOK")
            writer.write(sent[-1])
            return await asyncio.wait_for(reader.read(), 60)
        finally:
            writer.close()
            server.close()

    head, _, body = asyncio.run(play()).partition(b"\r\n\r\n")
    return head.decode(), json.loads(body)


@pytest.mark.parametrize(
    "sent",
    [
        [b""],
        [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"],
        [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /hea"],
    ],
    ids=["nothing", "half a head", "half a second head"],
)
def test_a_request_that_does_not_come_is_given_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, sent: list[bytes]
) -> None:
    monkeypatch.setattr(wire, "HEAD_S", 0.2)
    head, problem = told(settings, *sent)
    assert head.startswith("HTTP/1.1 408 Request Timeout")
    assert (problem["status"], problem["title"]) == (408, "Request Timeout")


def test_a_body_that_does_not_come_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "BODY_S", 0.2)
    head, problem = told(settings, TO_US + b"Content-Length: 20\r\n\r\n{")
    assert head.startswith("HTTP/1.1 408 Request Timeout")
    assert "the body didn't come" in problem["detail"]


def test_a_body_that_is_said_to_be_huge_is_not_waited_for(settings: Settings) -> None:
    head, problem = told(settings, TO_US + b"Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n")
    assert head.startswith("HTTP/1.1 413 ")
    assert "too big" in problem["detail"]
