"""The official SDK's own client, over HTTP and over stdio, and requests as they are on the wire."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import uvicorn
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from mngr.testing.cli import COMMAND
from mngr.vmservice.wire import Protocol

Answer = TypeVar("Answer")
ERAS = ("legacy", "2026-07-28")
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The application as the service itself serves it; its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(64)
        config = uvicorn.Config(
            app, http=Protocol, ws="none", log_level="warning", timeout_graceful_shutdown=10
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


def over_http(url: str, token: str, era: str, do: Callable[[Client], Awaitable[Answer]]) -> Answer:
    """What `do` comes to with a client of that era (the SDK's `mode`)."""

    async def run() -> Answer:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(f"{url}/mcp", http_client=http)
            async with Client(transport, mode=era) as client:
                return await do(client)

    return asyncio.run(run())


def modern(method: str, **params: Any) -> dict[str, Any]:
    """Of a request of the newer era: its body and headers, as `httpx2` takes them."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": method,
    }
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    return {"json": body, "headers": headers}


def over_stdio(
    env: Mapping[str, str],
    folder: Path,
    words: Sequence[str],
    era: str,
    do: Callable[[Client], Awaitable[Answer]],
) -> Answer:
    """The same with a `mngr mcp WORDS…` of its own, which ends with it."""

    async def run() -> Answer:
        command, *rest = [*COMMAND, "mcp", *words]
        server = StdioServerParameters(command=command, args=rest, env=dict(env), cwd=folder)
        async with Client(stdio_client(server), mode=era) as client:
            return await do(client)

    return asyncio.run(run())
