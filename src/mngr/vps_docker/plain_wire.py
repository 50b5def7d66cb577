"""One HTTP call, by sockets and Python's own TLS: what a list imports. `http_wire.wire_to` says where it isn't enough."""

import functools
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mngr.model.clock import left
from mngr.vps_docker.http import CALL_TIMEOUT_S, CONNECT_TIMEOUT_S, Answer, Call, Failed

#: A connection that was idle for so long isn't used again: what is between may have forgotten it in silence.
IDLE_S = 20.0
#: More than any answer of a cloud; what is longer is given up.
MOST_BYTES, MOST_HEAD_BYTES = 64 << 20, 64 << 10

#: Where Debian, Red Hat and SUSE have the usual authorities, for a Python that was built to look elsewhere.
_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
_SAFE = "/?@!$&'()*+,;=:~%[]"  # of a path with its query: what is escaped already stays so


class PlainWire:
    """HTTP/1.1 to `url`. Threads may share it, and its connections, which are kept open between calls.

    `headers` go with each call, and are shown nowhere. `ca_file`: the authorities to trust instead of OpenSSL's usual
    ones. Redirects are answers like others. A GET is sent once more if a connection that was open already turns out to be
    closed; anything else only if nothing of it was sent.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], *, timeout: float = CALL_TIMEOUT_S, ca_file: str = ""
    ) -> None:
        self._at = urlsplit(url)
        self._headers = {
            **headers, "Host": self._at.netloc, "User-Agent": "mngr", "Accept": "*/*", "Accept-Encoding": "gzip",
        }  # fmt: skip
        self._timeout = timeout
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []

    def send(self, call: Call) -> Answer:
        limit = left(self._timeout)
        ends = time.monotonic() + limit
        request = self._request(call)
        try:
            for connection in self._kept():
                try:
                    return self._answer(connection, request, ends)
                except _Stale as stale:
                    if stale.sent and not call.reads:
                        raise stale.failure() from None
            return self._answer(self._connected(ends), request, ends)
        except _Stale as stale:
            raise stale.failure() from None
        except TimeoutError:
            raise Failed(f"it wasn't whole within {limit:g} s", sent=True) from None
        except (OSError, ValueError) as error:
            raise Failed(str(error) or type(error).__name__, sent=True) from None

    def _answer(self, connection: "_Connection", request: bytes, ends: float) -> Answer:
        """Raises _Stale if it was closed before an answer began; OSError, ValueError."""
        again = False
        try:
            connection.send(request, ends)
            answer, again = connection.answer(ends)
        finally:
            if again:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.close()
        return answer

    def _kept(self) -> Iterator["_Connection"]:
        """Those that are open since former calls, the last used first; what isn't usable any more is closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return
                connection = self._idle.pop()
            if connection.usable():
                yield connection
            else:
                connection.close()

    def _connected(self, ends: float) -> "_Connection":
        """Raises Failed, as never sent; InvalidInput."""
        context = self._context if self._at.scheme == "https" else None
        limit = min(CONNECT_TIMEOUT_S, max(0.01, ends - time.monotonic()))
        try:
            host, port = (self._at.hostname or "").encode("ascii"), self._at.port or (443 if context else 80)
            plain = _connected(host, port, time.monotonic() + limit)
            try:
                return _Connection(context.wrap_socket(plain, server_hostname=host) if context else plain)
            except BaseException:
                plain.close()
                raise
        except TimeoutError:
            raise Failed(f"no connection within {limit:.2g} s", sent=False) from None
        except (OSError, ValueError) as error:
            raise Failed(str(error) or type(error).__name__, sent=False) from None

    @functools.cached_property
    def _context(self) -> Any:
        return trusting(self._ca_file)

    def _request(self, call: Call) -> bytes:
        """Raises Failed if it can't be sent; no header is quoted."""
        import msgspec

        target = self._at.path + quote(call.path, safe=_SAFE)
        if call.params:
            target += ("&" if "?" in target else "?") + urlencode(call.params, quote_via=quote)
        headers, body = {**self._headers, **call.headers}, b""
        if call.body is not None:
            body = msgspec.json.encode(call.body)
            headers["Content-Type"] = "application/json"
        if call.body is not None or not call.reads:
            headers["Content-Length"] = str(len(body))
        lines = [
            f"{call.method} {target or '/'} HTTP/1.1",
            *(f"{key}: {value}" for key, value in headers.items()),
        ]
        if not all(line.isascii() and line.isprintable() for line in lines):
            raise Failed("it can't be sent: a header of it can't be one", sent=False)
        return "\r\n".join([*lines, "", ""]).encode() + body


def _connected(host: bytes, port: int, ends: float) -> socket.socket:
    """To the first of the host's addresses that answers; each has its part of the time. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    problem = OSError("the name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.01, (ends - time.monotonic()) / (len(found) - number)))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(max(0.01, ends - time.monotonic()))
            return sock
        except OSError as error:
            sock.close()
            problem = error
    raise problem


def trusting(ca_file: str = "") -> Any:
    """An SSLContext that checks certificates and names, by the authorities in `ca_file`, else OpenSSL's (which SSL_CERT_FILE
    and SSL_CERT_DIR change), else those where Linux has them. Raises InvalidInput if the file can't be read."""
    import os
    import ssl

    from mngr.model.errors import InvalidInput

    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise InvalidInput(f"the authorities in {ca_file} can't be read: {error}") from None
    paths = ssl.get_default_verify_paths()
    if not ca_file and not paths.cafile and not (paths.capath and os.listdir(paths.capath)):
        for usual in filter(os.path.isfile, _AUTHORITIES):
            context.load_verify_locations(usual)
            break
    return context


class _Stale(Exception):
    """The connection was closed before an answer began. `sent`: the cloud may have got the call."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__()
        self.sent = sent

    def failure(self) -> Failed:
        return Failed("the connection was closed without an answer", sent=self.sent)


class _Connection:
    """An open one, used by one thread at a time. All ends by `ends`, by time.monotonic(), with TimeoutError."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._got = bytearray()
        self._used_at = time.monotonic()

    def close(self) -> None:
        self._sock.close()

    def usable(self) -> bool:
        """Whether nothing came on it since, such as its end."""
        import select

        watched = select.poll()
        watched.register(self._sock, select.POLLIN)
        return time.monotonic() - self._used_at < IDLE_S and not watched.poll(0)

    def send(self, request: bytes, ends: float) -> None:
        view, sent = memoryview(request), 0
        while sent < len(request):
            self._within(ends)
            try:
                sent += self._sock.send(view[sent:])
            except TimeoutError:
                raise
            except OSError:  # of the first part: the other side has gone before it came
                raise _Stale(sent=sent > 0) from None

    def answer(self, ends: float) -> tuple[Answer, bool]:
        """What came, and whether the connection may be used again."""
        try:
            if not self._more(ends):
                raise _Stale(sent=True)
        except (ConnectionError, BrokenPipeError):
            raise _Stale(sent=True) from None
        while True:
            version, status, reason = _status(self._line(ends))
            headers = self._head(ends)
            if status >= 200:
                break
        content, delimited = self._body(status, headers, ends)
        if content and headers.get("Content-Encoding", "").lower() == "gzip":
            content = _unpacked(content)
        again = delimited and version == "HTTP/1.1" and "close" not in headers.get("Connection", "").lower()
        self._used_at = time.monotonic()
        return Answer(status, headers, content, reason), again and not self._got

    def _body(self, status: int, headers: "_Headers", ends: float) -> tuple[bytes, bool]:
        """The body, and whether its end was marked, other than by the connection's."""
        if status in (204, 304):
            return b"", True
        if coding := headers.get("Transfer-Encoding", ""):
            if coding.lower() != "chunked":
                raise ValueError(f"the answer's transfer encoding {coding!r} isn't known")
            return self._chunks(ends), True
        if length := headers.get("Content-Length", ""):
            return self._exactly(_number(length, 10), ends), True
        while self._more(ends):
            _bounded(len(self._got))
        _bounded(len(self._got))
        found = bytes(self._got)
        self._got.clear()
        return found, False

    def _chunks(self, ends: float) -> bytes:
        whole = bytearray()
        while size := _number(self._line(ends).partition(";")[0].strip(), 16):
            _bounded(len(whole) + size)
            whole += self._exactly(size, ends)
            if self._line(ends):
                raise ValueError("a part of the answer is longer than it says")
        while self._line(ends):
            pass  # trailers
        return bytes(whole)

    def _head(self, ends: float) -> "_Headers":
        found: dict[str, str] = {}
        size = 0
        while line := self._line(ends):
            size += len(line)
            name, colon, value = line.partition(":")
            if not colon or size > MOST_HEAD_BYTES:
                raise ValueError("the answer isn't HTTP")
            name, value = name.lower(), value.strip()
            found[name] = f"{found[name]}, {value}" if name in found else value
        return _Headers(found)

    def _line(self, ends: float) -> str:
        while (end := self._got.find(b"\n")) < 0:
            if len(self._got) > MOST_HEAD_BYTES:
                raise ValueError("the answer isn't HTTP")
            self._must(ends)
        line = bytes(self._got[:end]).rstrip(b"\r")
        del self._got[: end + 1]
        return line.decode("latin-1")

    def _exactly(self, size: int, ends: float) -> bytes:
        _bounded(size)
        while len(self._got) < size:
            self._must(ends)
        found = bytes(self._got[:size])
        del self._got[:size]
        return found

    def _must(self, ends: float) -> None:
        if not self._more(ends):
            raise ValueError("the answer was cut off")

    def _more(self, ends: float) -> bool:
        """Reads what there is, waiting for it; False at the connection's end."""
        self._within(ends)
        part = self._sock.recv(1 << 14)
        self._got += part
        return bool(part)

    def _within(self, ends: float) -> None:
        if (remaining := ends - time.monotonic()) <= 0:
            raise TimeoutError
        self._sock.settimeout(remaining)


class _Headers(Mapping[str, str]):
    """Looked up in any case. `found`: by names in lower case."""

    def __init__(self, found: dict[str, str]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def _status(line: str) -> tuple[str, int, str]:
    version, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(code) != 3:
        raise ValueError("the answer isn't HTTP")
    return version, _number(code, 10), reason.strip()


def _number(text: str, base: int) -> int:
    """Raises ValueError if it isn't digits alone, and not many."""
    if not text.isascii() or not text.isalnum() or len(text) > 16:
        raise ValueError("the answer's length isn't a number")
    return int(text, base)


def _bounded(size: int) -> None:
    if size > MOST_BYTES:
        raise ValueError(f"the answer has more than {MOST_BYTES >> 20} MB")


def _unpacked(content: bytes) -> bytes:
    import zlib

    found = bytearray()
    while content:  # of several members, it is all of them
        unzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            found += unzip.decompress(content, MOST_BYTES)
        except zlib.error:
            raise ValueError("the answer is packed wrongly") from None
        _bounded(len(found) + bool(unzip.unconsumed_tail))
        if not unzip.eof:
            raise ValueError("the answer was cut off")
        content = unzip.unused_data
    return bytes(found)
