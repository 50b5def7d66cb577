"""The plain wire against a real TLS server on this computer: what is an answer, what may be sent again, whom it trusts."""

import gzip
import json
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from mngr.model.errors import InvalidInput
from mngr.simcloud import tls
from mngr.vps_docker import http_wire, plain_wire
from mngr.vps_docker.http import Answer, Call, Failed
from mngr.vps_docker.plain_wire import PlainWire

GET, POST = Call(method="GET", path="/things"), Call(method="POST", path="/things", body={"a": 1})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LIMIT_S = 10.0

#: What the server does with a request: bytes are sent, and the connection stays; else it is closed afterwards.
Act = bytes | Callable[[socket.socket], object]


class Server:
    """Answers requests by `script`, in their order over all connections; the last act for ever."""

    def __init__(self, context: ssl.SSLContext | None, host: str = "127.0.0.1") -> None:
        self.script: list[Act] = [OK]
        self.requests: list[tuple[int, bytes]] = []  # (number of the connection, all that came)
        self.closed: list[threading.Event] = []
        self._context = context
        self._socket = socket.create_server((host, 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://{host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            self.closed.append(threading.Event())
            threading.Thread(target=self._serve, args=(plain, len(self.closed) - 1), daemon=True).start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        sock = plain
        try:
            sock = self._context.wrap_socket(plain, server_side=True) if self._context else plain
            while request := _request(sock):
                self.requests.append((number, request))
                act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if not isinstance(act, bytes):
                    act(sock)
                    break
                sock.sendall(act)
        except OSError:
            pass
        finally:
            sock.close()
            self.closed[number].set()


def _request(sock: socket.socket) -> bytes:
    got = b""
    while b"\r\n\r\n" not in got:
        if not (part := sock.recv(65536)):
            return b""
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
    while length and len(body) < length[0]:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def says(data: bytes) -> Callable[[socket.socket], object]:
    """Sends that, and closes the connection."""
    return lambda sock: sock.sendall(data)


def drops(sock: socket.socket) -> None:
    """Closes the connection without a word."""


def resets(sock: socket.socket, when: threading.Event) -> None:
    """Answers, and then resets the connection: what is sent on it afterwards can't even leave."""
    sock.sendall(OK)
    when.wait(LIMIT_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def waits(sock: socket.socket) -> None:
    """Says nothing until the other side has gone."""
    sock.recv(1)


def dribbles(sock: socket.socket) -> None:
    """An answer that never ends, a byte at a time."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    pace = threading.Event()
    while True:
        sock.sendall(b" ")
        pace.wait(0.01)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tls.Tls:
    return tls.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(authority: tls.Tls) -> Iterator[Server]:
    made = Server(authority.context)
    yield made
    made.stop()


@pytest.fixture
def wire(server: Server, authority: tls.Tls) -> PlainWire:
    return wire_to(server, authority)


def wire_to(server: Server, authority: tls.Tls, timeout: float = LIMIT_S) -> PlainWire:
    return PlainWire(server.url, {"Authorization": "Bearer KEY"}, timeout=timeout, ca_file=str(authority.ca))


def fails(wire: PlainWire, call: Call = GET) -> Failed:
    with pytest.raises(Failed) as caught:
        wire.send(call)
    assert "KEY" not in str(caught.value)
    return caught.value


# --- what is sent, and what comes ---------------------------------------------------------------------------


def test_a_call_is_sent_as_it_is_meant_and_its_answer_read(wire: PlainWire, server: Server) -> None:
    server.script = [
        b'HTTP/1.1 201 Made it\r\ndate: now\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 7\r\n\r\n{"b":2}'
    ]
    call = Call(
        method="PUT", path="/a b?x=%2F", params={"$filter": "n eq 'ü&c'", "top": 5}, body={"a": "ü"}, headers={"If-None-Match": "*"}
    )  # fmt: skip
    answer = wire.send(call)
    assert (answer.status, answer.reason, answer.json()) == (201, "Made it", {"b": 2})
    assert (answer.headers["Date"], answer.headers.get("X-A"), answer.headers.get("no", "")) == (
        "now",
        "1, 2",
        "",
    )
    [(_, request)] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "PUT /a%20b?x=%2F&%24filter=n%20eq%20%27%C3%BC%26c%27&top=5 HTTP/1.1"
    assert {
        "Authorization: Bearer KEY", f"Host: 127.0.0.1:{server.port}", "If-None-Match: *",
        "Content-Type: application/json", "User-Agent: mngr",
    } <= set(lines)  # fmt: skip
    assert json.loads(body) == {"a": "ü"}


PACKED = gzip.compress(b'{"a": 1}')
MEMBERS = gzip.compress(b'{"a":') + gzip.compress(b" 1}")


@pytest.mark.parametrize(
    "act",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{\"a\r\n5\r\n\": 1}\r\n0\r\nX-Last: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(PACKED), PACKED),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(MEMBERS), MEMBERS),
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\": 1}",
        says(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"a\": 1}"),
        says(b"HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\n{\"a\": 1}"),
    ],
    ids=["chunked", "gzip", "gzip in two", "after a 100", "to the connection's end", "HTTP/1.0"],
)  # fmt: skip
def test_an_answer_may_come_in_all_of_https_forms(wire: PlainWire, server: Server, act: Act) -> None:
    server.script = [act]
    for _ in range(2):  # the second: nothing of the first is left on the connection
        assert wire.send(GET).json() == {"a": 1}
    assert len(server.closed) == (1 if isinstance(act, bytes) else 2)


@pytest.mark.parametrize("status", [202, 204])
def test_an_empty_answer_may_be_said_to_be_packed(wire: PlainWire, server: Server, status: int) -> None:
    server.script = [b"HTTP/1.1 %d X\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n" % status]
    assert wire.send(POST).status == status


@pytest.mark.parametrize("status", [302, 307, 404, 429, 503])
def test_a_redirect_and_a_refusal_are_answers(wire: PlainWire, server: Server, status: int) -> None:
    server.script = [b"HTTP/1.1 %d X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n" % status]
    assert wire.send(GET).status == status
    assert len(server.requests) == 1


def test_an_empty_answer_needs_no_length(wire: PlainWire, server: Server) -> None:
    server.script = [b"HTTP/1.1 204 No Content\r\n\r\n"]
    assert [wire.send(Call(method="DELETE", path="/x")).content for _ in range(2)] == [b"", b""]
    assert len(server.closed) == 1


CUT = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Le",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 15\r\n\r\n" + PACKED[:15],
]
ODD = [
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"HTTP/1.1 abc\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000 + b"\r\n\r\n",
    b"",
]  # fmt: skip


@pytest.mark.parametrize("call", [GET, POST], ids=["GET", "POST"])
@pytest.mark.parametrize("said", [*CUT, *ODD], ids=range(len(CUT) + len(ODD)))
def test_what_isnt_a_whole_answer_is_none_and_the_call_may_have_been_carried_out(
    wire: PlainWire, server: Server, said: bytes, call: Call
) -> None:
    server.script = [says(said)]
    assert fails(wire, call).sent
    assert len(server.requests) == 1  # a new connection: no call is repeated here


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b" " * 2000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"2bc\r\n" + b" " * 700 + b"\r\n2bc\r\n" + b" " * 700,
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b"
        % (len(gzip.compress(b" " * 5000)), gzip.compress(b" " * 5000)),
    ],
    ids=["length", "chunked", "to the end", "gzip"],
)  # fmt: skip
def test_an_answer_that_is_too_long_is_given_up(
    wire: PlainWire, server: Server, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_wire, "MOST_BYTES", 1000)
    server.script = [says(said)]
    assert "more than" in fails(wire).reason


# --- connections --------------------------------------------------------------------------------------------


def test_a_connection_serves_many_calls(wire: PlainWire, server: Server) -> None:
    for call in (GET, POST, GET):
        assert wire.send(call).status == 200
    assert [number for number, _ in server.requests] == [0, 0, 0]


@pytest.mark.parametrize("call", [GET, POST], ids=["GET", "POST"])
def test_a_connection_that_was_closed_while_idle_isnt_used(
    wire: PlainWire, server: Server, call: Call
) -> None:
    server.script = [says(OK), OK]
    wire.send(GET)
    assert server.closed[0].wait(LIMIT_S)
    assert wire.send(call).status == 200
    assert [number for number, _ in server.requests] == [0, 1]


@pytest.mark.parametrize("call", [GET, POST], ids=["GET", "POST"])
def test_a_call_of_which_nothing_could_be_sent_goes_by_another_connection(
    wire: PlainWire, server: Server, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = threading.Event()
    server.script = [lambda sock: resets(sock, read), OK]
    wire.send(GET)
    read.set()
    assert server.closed[0].wait(LIMIT_S)
    monkeypatch.setattr(plain_wire._Connection, "usable", lambda self: True)  # it breaks after the look
    assert wire.send(call).status == 200
    assert [number for number, _ in server.requests] == [0, 1]


def test_a_read_is_repeated_if_an_old_connection_ends_without_an_answer_and_a_write_isnt(
    wire: PlainWire, server: Server
) -> None:
    server.script = [OK, drops, OK, drops, OK]
    assert [wire.send(GET).status for _ in range(2)] == [200, 200]
    assert [number for number, _ in server.requests] == [0, 0, 1]
    assert fails(wire, POST).sent
    assert [request[:4] for _, request in server.requests][-1] == b"POST"
    assert len(server.requests) == 4


def test_a_connection_that_was_idle_for_long_isnt_used(
    wire: PlainWire, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire.send(GET)
    monkeypatch.setattr(plain_wire, "IDLE_S", 0.0)
    wire.send(GET)
    assert [number for number, _ in server.requests] == [0, 1]


def test_threads_share_connections_and_never_each_others_answers(authority: tls.Tls) -> None:
    server = Server(authority.context)
    server.script = [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(b), b) for b in (b"x" * 40000,)
    ]
    wire, together, wrong = wire_to(server, authority), threading.Barrier(6), list[Answer]()

    def ask() -> None:
        for _ in range(5):
            together.wait(LIMIT_S)
            answer = wire.send(GET)
            if answer.content != b"x" * 40000:
                wrong.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    server.stop()
    assert not wrong
    assert len(server.requests) == 30
    assert len(server.closed) <= 6


# --- time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", [waits, dribbles])
def test_a_call_ends_in_its_time(server: Server, authority: tls.Tls, act: Act) -> None:
    server.script = [act]
    failure = fails(wire_to(server, authority, timeout=0.3))
    assert failure.sent
    assert "0.3 s" in failure.reason


def test_a_server_that_doesnt_speak_is_never_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        failure = fails(PlainWire(f"https://127.0.0.1:{deaf.getsockname()[1]}", {}, timeout=0.2))
    assert not failure.sent
    assert "no connection within" in failure.reason


# --- whom it speaks to --------------------------------------------------------------------------------------


def test_nothing_is_sent_to_who_has_another_authoritys_certificate(server: Server, tmp_path: Path) -> None:
    failure = fails(wire_to(server, tls.make(tmp_path)))
    assert not failure.sent
    assert "certificate" in failure.reason.lower()
    assert fails(PlainWire(server.url, {})).sent is False  # the usual authorities know it neither
    assert not server.requests


def test_nothing_is_sent_to_who_has_a_certificate_for_another_name(authority: tls.Tls) -> None:
    server = Server(authority.context, "127.0.0.2")
    failure = fails(wire_to(server, authority))
    server.stop()
    assert not failure.sent
    assert "127.0.0.2" in failure.reason
    assert not server.requests


def test_a_closed_port_and_a_name_that_isnt_are_never_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    for url in (f"https://127.0.0.1:{port}", f"http://127.0.0.1:{port}", "https://" + "a" * 70 + ".invalid"):
        assert not fails(PlainWire(url, {})).sent


def test_authorities_that_cant_be_read_are_a_mistake_in_the_settings(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.pem"):
        PlainWire(server.url, {}, ca_file=str(tmp_path / "none.pem")).send(GET)


def test_a_header_cant_bring_another(server: Server, authority: tls.Tls) -> None:
    wire = PlainWire(server.url, {"Authorization": "KEY\r\nX-More: 1"}, ca_file=str(authority.ca))
    assert not fails(wire).sent
    assert not server.requests


def test_plain_http_is_spoken_to_this_computer() -> None:
    server = Server(None)
    assert PlainWire(server.url, {}).send(GET).status == 200
    server.stop()


# --- which wire ---------------------------------------------------------------------------------------------


def test_httpx_is_taken_where_there_is_a_proxy_or_a_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in http_wire._PROXIES:
        monkeypatch.delenv(name, raising=False)
    away, here = "https://api.example", "http://127.0.0.1:80"
    assert isinstance(http_wire.wire_to(away, {}), PlainWire)
    assert isinstance(http_wire.wire_to(away, {}, transport=httpx2.MockTransport(None)), http_wire.HttpWire)  # type: ignore[arg-type]
    assert isinstance(http_wire.wire_to("https://ä.example", {}), http_wire.HttpWire)
    for name in http_wire._PROXIES:
        with monkeypatch.context() as within:
            within.setenv(name, "http://proxy.example:3128")
            assert isinstance(http_wire.wire_to(away, {}), http_wire.HttpWire)
            assert isinstance(http_wire.wire_to(here, {}), PlainWire)


LOOK = """
import json, sys
import mngr.backends.azure.fallback, mngr.backends.azure.provider, mngr.backends.vultr.provider
from mngr.vps_docker.http import Call, Failed
from mngr.vps_docker.http_wire import wire_to
try:
    wire_to("https://127.0.0.1:9", {}).send(Call(method="GET", path="/"))
except Failed:
    print(json.dumps(sorted(sys.modules)))
"""


def test_a_list_of_machines_imports_no_http_library_and_nothing_that_makes_hosts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=60, env={}, check=True
    )
    heavy = {
        "httpx2", "http.client", "urllib.request", "email", "encodings.idna", "azure.identity",
        "mngr.vps_docker.building", "mngr.containers.container", "mngr.containers.image", "mngr.backends.azure.gallery",
    }  # fmt: skip
    assert not heavy & set(json.loads(done.stdout))
