"""A reverse proxy between a client and its simulated cloud: it notes each call, and can spoil the answers."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

#: A silent connection is closed after this many seconds: a client must have timed out long before.
SILENT_FOR_S = 10.0

_OF_A_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"}
_PAGE = b"<!DOCTYPE html><html><body>The gateway says hello.</body></html>"


@dataclass(frozen=True)
class Trouble:
    """How a call goes wrong. `status`: an answer that isn't the cloud's own, with `body`; 0: `how` the connection fails.

    `how`: `silent` (no answer), `closed` (without an answer), `cut` (in the middle of the cloud's own answer).
    `done`: the call was carried out all the same.
    """

    name: str
    status: int = 0
    how: Literal["", "silent", "closed", "cut"] = ""
    body: bytes = b""
    done: bool = False

    def __str__(self) -> str:
        return self.name


def _said(status: int) -> Trouble:
    text = {"error": "made up by the test", "message": "made up by the test", "status": status}
    return Trouble(str(status), status, body=json.dumps(text).encode())


#: What a read may meet. None of it says anything about what the cloud holds.
TROUBLES = (
    *(_said(status) for status in (401, 403, 429, 500, 503)),
    Trouble("a page of a gateway", 200, body=_PAGE),
    Trouble("a gateway's 404", 404, body=_PAGE),
    Trouble("a closed connection", how="closed"),
    Trouble("a cut answer", how="cut", done=True),
)

#: A time-out is one more, which takes its time.
SILENCE = Trouble("no answer", how="silent")

#: What leaves open whether a call was carried out: first as it wasn't, then as it was.
LOST = (
    Trouble("lost before it was carried out", how="closed"),
    Trouble("lost after it was carried out", how="closed", done=True),
    Trouble("500 after it was carried out", 500, body=_said(500).body, done=True),
)

#: The cloud says no, and means it.
REFUSED = tuple(_said(status) for status in (400, 402, 403, 409))


@dataclass(frozen=True)
class Call:
    """One call of a client. `target`: path and query."""

    method: str
    target: str
    body: bytes = b""

    @property
    def changes(self) -> bool:
        return self.method not in ("GET", "HEAD", "OPTIONS")


def changing(call: Call) -> bool:
    """For `Wire.spoil`: whatever isn't only a look."""
    return call.changes


@dataclass
class _Rule:
    trouble: Trouble
    matches: Callable[[Call], bool]
    first: int
    times: int | None
    ends_all: bool = False
    seen: int = 0

    def due(self, call: Call) -> bool:
        if not self.matches(call):
            return False
        self.seen += 1
        return self.seen >= self.first and (self.times is None or self.seen < self.first + self.times)


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Wire:
    """In front of the API at `upstream`; `url` is where clients are aimed at. `now`: the cloud's time.

    `after`: told of each call that was carried out, before its answer is sent.
    """

    upstream: str
    now: Callable[[], float]
    calls: list[Call] = field(default_factory=list)
    after: Callable[[Call], None] = lambda call: None

    def __post_init__(self) -> None:
        self._at = urlsplit(self.upstream)
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._read: dict[str, _Answer] = {}  # the last answer to each GET
        self._frozen: dict[str, _Answer] = {}
        self._thaws: Callable[[], bool] = lambda: True
        self._gone = False
        self._stopped = threading.Event()
        self._server = _server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{self._at.path}"

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def spoil(
        self,
        trouble: Trouble,
        *,
        first: int = 1,
        times: int | None = None,
        only: Callable[[Call], bool] = lambda call: True,
    ) -> None:
        """From now on, calls of those that `only` accepts, from number `first` on, `times` of them (None: all)."""
        with self._lock:
            self._rules.append(_Rule(trouble, only, first, times))

    def cut(self, trouble: Trouble, *, first: int, only: Callable[[Call], bool]) -> None:
        """As `spoil`, once; after it the network is gone: nothing more is carried out."""
        with self._lock:
            self._rules.append(_Rule(trouble, only, first, 1, ends_all=True))

    @property
    def spoilt(self) -> bool:
        """Whether anything goes wrong, or may yet."""
        return bool(self._rules or self._frozen)

    @property
    def silent(self) -> bool:
        """Whether some calls get no answer now."""
        return any(rule.trouble.how == "silent" for rule in self._rules)

    def freeze(self, targets: Collection[str] | None = None, *, until: Callable[[], bool]) -> None:
        """GETs of `targets` (None: all that were seen) are answered as they were last, until `until` says so."""
        with self._lock:
            self._frozen = {
                key: value for key, value in self._read.items() if targets is None or key in targets
            }
            self._thaws = until

    def mend(self) -> None:
        """All goes well again."""
        with self._lock:
            self._rules.clear()
            self._gone = False
            self._frozen.clear()
            self.after = lambda call: None

    def answer(self, call: Call, headers: Mapping[str, str], client: socket.socket) -> bytes:
        """What is sent back, as it goes over the network; nothing: the connection is closed."""
        with self._lock:
            self.calls.append(call)
            rule = next((rule for rule in self._rules if rule.due(call)), None)
            gone, self._gone = self._gone, self._gone or bool(rule and rule.ends_all)
        if gone:
            return b""
        trouble = rule.trouble if rule else None
        if trouble is None:
            return _bytes(self._forward(call, headers))
        answer = self._forward(call, headers) if trouble.done else None
        if trouble.how == "silent":
            self._wait_for_its_end(client)
        if trouble.how == "cut" and answer:
            whole = _bytes(answer)
            return whole[: len(whole) - max(1, len(answer.body) // 2)]
        if trouble.how:
            return b""
        date = formatdate(self.now(), usegmt=True)
        kind = "text/html" if trouble.body == _PAGE else "application/json"
        head = {"Date": date, "Content-Type": kind, "Retry-After": "1"}
        return _bytes(_Answer(trouble.status, head, trouble.body))

    def _forward(self, call: Call, headers: Mapping[str, str]) -> _Answer:
        upstream = http.client.HTTPConnection(self._at.hostname or "", self._at.port, timeout=60)
        try:
            kept = {key: value for key, value in headers.items() if key.lower() not in _OF_A_CONNECTION}
            upstream.request(call.method, call.target, call.body or None, kept)
            said = upstream.getresponse()
            answer = _Answer(said.status, dict(said.getheaders()), said.read())
        finally:
            upstream.close()
        self.after(call)
        if call.method != "GET":
            return answer
        with self._lock:
            frozen = None if self._thaws() else self._frozen.get(call.target)
            if frozen is None:
                self._read[call.target] = answer
                return answer
            return _Answer(
                frozen.status, {**frozen.headers, "Date": answer.headers.get("Date", "")}, frozen.body
            )

    def _wait_for_its_end(self, client: socket.socket) -> None:
        for _ in range(int(SILENT_FOR_S / 0.05)):
            ready, _, _ = select.select([client], [], [], 0.05)
            if ready or self._stopped.is_set():
                return


def _bytes(answer: _Answer) -> bytes:
    kept = {key: value for key, value in answer.headers.items() if key.lower() not in _OF_A_CONNECTION}
    lines = [f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, '')}"]
    lines += [f"{key}: {value}" for key, value in kept.items()]
    lines += [f"Content-Length: {len(answer.body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + answer.body


def _server(wire: Wire) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.close_connection = True
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            call = Call(self.command, self.path, body)
            if said := wire.answer(call, dict(self.headers.items()), self.connection):
                self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that has hung up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
