"""A plain HTTP/1.1 server that can also do what a real network does: not answer, or hang up."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mngr.simcloud.peer import client_of

LARGEST_BODY = 16 * 1024 * 1024
NULL: Any = object()
"""A response body that is JSON's `null`; None is no body at all."""


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    source: str
    target: str = ""
    """Path and query as they came on the wire: what a signature covers."""
    scheme: str = "http"
    as_of: float | None = None
    """Set when a fault makes this call see the past."""
    faults: dict[str, Any] = field(default_factory=dict)
    """Machine faults that this call is to build into what it makes."""
    hung_up: Callable[[], bool] = lambda: False
    client: Callable[[], str] = lambda: ""
    """A word for who calls: the same for all calls of one process (see peer.py)."""

    def json(self) -> Any:
        """The body as JSON, {} if there is none. Raises ValueError."""
        try:
            return json.loads(self.body) if self.body.strip() else {}
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None

    def first(self, name: str) -> str | None:
        """A query parameter's first value."""
        values = self.query.get(name)
        return values[0] if values else None


@dataclass
class Response:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class HangUp(Exception):
    """Close the connection without an answer."""


class Unreadable(Exception):
    """A request that can't be read off the wire: the status that says so, and why."""


Answer = Callable[[Request], Response]


class Server:
    """Answers on one loopback port, a thread a connection, until `stop`. With `tls`, by https. `listening`: on a socket that
    is there already, instead."""

    def __init__(
        self,
        port: int,
        answer: Answer,
        tls: ssl.SSLContext | None = None,
        listening: socket.socket | None = None,
    ) -> None:
        scheme = "https" if tls else "http"
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer), "scheme": scheme})
        self._server = _Threads(("127.0.0.1", port), handler, bind_and_activate=listening is None)
        if listening:
            self._server.socket.close()
            self._server.socket, self._server.server_address = listening, listening.getsockname()
        self._server.tls = tls
        taken = self._server.server_address[1]
        usual = taken == (443 if tls else 80)
        self.address = f"{scheme}://127.0.0.1{'' if usual else f':{taken}'}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        """The handshake is left to the connection's own thread: nobody else waits for who is slow at it."""
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    answer: Answer
    scheme = "http"
    known_as = ""

    def _do(self) -> None:
        try:
            response = self.answer(self._request())
        except Unreadable as problem:
            # What follows on this connection may be the rest of it.
            self.close_connection = True
            self._send(Response(problem.args[0], {"error": problem.args[1]}, {"Connection": "close"}))
        except HangUp:
            self._hang_up()
        else:
            self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _do

    def _request(self) -> Request:
        given = self.headers.get("Content-Length") or "0"
        if "Transfer-Encoding" in self.headers:
            raise Unreadable(411, "The request needs a Content-Length.")
        if not (given.isascii() and given.isdigit()):
            raise Unreadable(400, "The Content-Length is no number.")
        if len(given) > 20 or int(given) > LARGEST_BODY:
            raise Unreadable(413, "The request body is too large.")
        try:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query, keep_blank_values=True)
        except ValueError:
            raise Unreadable(400, "The request has no usable URL.") from None
        return Request(
            method=self.command,
            path=parts.path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(given)),
            source=self.client_address[0],
            target=self.path,
            scheme=self.scheme,
            hung_up=lambda: _hung_up(self.connection),
            client=self._client,
        )

    def _client(self) -> str:
        """Looked up once a connection."""
        if not self.known_as:
            self.known_as = client_of(self.connection)
        return self.known_as

    def _send(self, response: Response) -> None:
        body = _encoded(response.body)
        lines = [f"HTTP/1.1 {response.status} {_phrase(response.status)}"]
        headers = {"Date": self.date_time_string(), **response.headers}
        if response.status not in (204, 304):
            headers["Content-Length"] = str(len(body))
        if body:
            headers.setdefault("Content-Type", "application/json")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        try:
            self.wfile.write(head if self.command == "HEAD" else head + body)
        except OSError:
            self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """The call log is `GET /calls` on the control port; standard error stays for people."""


def _encoded(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    return b"null" if body is NULL else json.dumps(body).encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _hung_up(connection: socket.socket) -> bool:
    """Whether the client has closed its end while we were still thinking."""
    try:
        if isinstance(connection, ssl.SSLSocket):  # which can't be peeked into
            ended = select.poll()
            ended.register(connection, getattr(select, "POLLRDHUP", 0))
            return bool(ended.poll(0))
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
