"""One file over HTTP: to an address that was checked, within limits, going on where an interrupted one ended.

Ranges and validators: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5
"""

from __future__ import annotations

import errno
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput, MngrError, NotFound, TimedOut, Unreachable
from mngr.vms import urls
from mngr.vms.urls import Allowed, Lookup, Url

if TYPE_CHECKING:
    import httpx2

#: No byte for so long is a lost connection.
STALL_S = 30.0
#: A whole download takes no longer, its repeats included.
LIMIT_S = 3600.0
#: Connections in a row that bring nothing.
TRIES = 4
REDIRECTS = 5

Told = Callable[[int, int | None], None]
"""Told how many bytes are there, and of how many; None where the server doesn't say."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a file is a copy of, as its server named it: `etag` only if it is a strong one."""

    etag: str = ""
    size: int | None = None


class _Lost(Exception):
    """The connection, or the server's mind; worth another try."""


class _Cut:
    """Ends connections after so many seconds of real time, whatever is waited for then: a server may send its headers byte by
    byte, and each of them is in time."""

    def __init__(self, seconds: float) -> None:
        self.done = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(max(0.0, seconds), self._end)
        self._timer.daemon = True

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """A request's `trace`. The socket is doubled, as TLS takes the one that it is given apart."""
        if not event.endswith("connect_tcp.complete"):
            return
        with self._lock:
            self._sockets.append(info["return_value"].get_extra_info("socket").dup())
        if self.done:
            self._end()

    def _end(self) -> None:
        self.done = True
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for one in self._sockets:
                one.close()
            self._sockets.clear()


class Download:
    """`into`: the file, which may hold the beginning from an earlier try; then `source` says of what. `save` is told of the
    source before the first byte is written. Bytes beside a source that isn't known are not gone on with."""

    def __init__(
        self,
        url: Url,
        into: Path,
        allowed: Allowed,
        *,
        checked: bool,
        source: Source | None = None,
        save: Callable[[Source], None] = lambda source: None,
        told: Told = lambda done, of: None,
        clock: Clock = SYSTEM,
        lookup: Lookup | None = None,
        verify: Any = True,
    ) -> None:
        """`checked`: as in `urls.parse`, for where the server sends us on to. `verify`: as httpx2 takes it."""
        self._url, self._into, self._allowed, self._checked = url, into, allowed, checked
        self._source, self._save, self._told = source, save, told
        self._clock, self._lookup, self._verify = clock, lookup, verify
        self._failed = 0  # connections in a row that brought nothing

    def run(self, *, known: str = "") -> Source | None:
        """The file is whole when this returns. `known`: an ETag; None if the server still has that, and nothing was fetched.

        Raises InvalidInput where the address leads to what isn't allowed or is too big, NotFound where the server has no
        such file, Unreachable where it can't be had (what came stays, to be gone on with), TimedOut.
        """
        end = self._clock.monotonic() + LIMIT_S
        while True:
            before = self._have()
            try:
                return self._once(known, end)
            except _Lost as problem:
                self._failed = self._failed + 1 if self._have() <= before else 0
                if self._failed >= TRIES:
                    raise Unreachable(
                        f"can't fetch {self._url}: {problem}",
                        hint="run this again when the network is back: it goes on where it ended",
                    ) from None
            self._clock.sleep(2.0**self._failed / 2)

    def _once(self, known: str, end: float) -> Source | None:
        import httpx2

        url = self._url
        cut = _Cut(end - self._clock.monotonic())
        try:
            # Neither proxies nor .netrc: we connect to the address that was checked.
            with httpx2.Client(verify=self._verify, trust_env=False, timeout=STALL_S) as client, cut:
                for _ in range(REDIRECTS + 1):
                    with self._answer(client, url, known, cut) as answer:
                        if answer.status_code in (301, 302, 303, 307, 308):
                            url = self._sent_on(url, answer.headers.get("location", ""))
                            continue
                        if answer.status_code == 304 and known:
                            return None
                        return self._take(answer, url, end)
        except httpx2.HTTPError as problem:
            if cut.done:
                raise self._late(url) from None
            raise _Lost(str(problem) or type(problem).__name__) from None
        raise InvalidInput(f"{self._url} sends on more than {REDIRECTS} times")

    def _answer(self, client: httpx2.Client, url: Url, known: str, cut: _Cut) -> Any:
        found = urls.addresses(url, self._allowed, self._lookup)
        address = found[self._failed % len(found)]
        at = Url(url.scheme, address, url.port, url.target)
        host = str(Url(url.scheme, url.host, url.port, "")).partition("://")[2]
        headers = {"Host": host, "Accept-Encoding": "identity", "User-Agent": "mngr", **self._range()}
        if known:
            headers["If-None-Match"] = known
        more = {"sni_hostname": url.host, "trace": cut.watch}
        return client.stream("GET", str(at), headers=headers, extensions=more)

    def _range(self) -> Mapping[str, str]:
        have = self._have()
        if have and self._source and self._source.etag:
            return {"Range": f"bytes={have}-", "If-Range": self._source.etag}
        return {}

    def _have(self) -> int:
        with suppress(FileNotFoundError):
            return self._into.stat().st_size
        return 0

    def _sent_on(self, url: Url, location: str) -> Url:
        from urllib.parse import urljoin

        there = urls.parse(urljoin(str(url), location), self._allowed, checked=self._checked)
        if url.scheme == "https" and there.scheme == "http":
            raise InvalidInput(f"{url} sends on to http, which anybody on the way can change")
        return there

    def _take(self, answer: httpx2.Response, url: Url, end: float) -> Source:
        status = answer.status_code
        if status in (404, 410):
            raise NotFound(f"there is no image at {url} (HTTP {status})", hint="is the address right?")
        if status == 416:
            self._into.unlink(missing_ok=True)
            raise _Lost("the server has changed the file meanwhile")
        if status in (408, 425, 429) or status >= 500:
            raise _Lost(f"HTTP {status}")
        if status not in (200, 206):
            raise MngrError(f"can't fetch {url}: HTTP {status}", hint="does the server ask for a login?")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise MngrError(f"can't fetch {url}: the server packs it, though it was asked not to")
        start, size = _extent(answer)
        if start != (self._have() if start else 0):
            self._into.unlink(missing_ok=True)
            raise _Lost("the server sent another part than was asked for")
        if size is not None and size > self._allowed.most_bytes:
            raise self._too_big(url, size)
        etag = answer.headers.get("etag", "")
        source = Source(etag="" if etag.startswith("W/") else etag, size=size)
        self._save(source)
        self._source = source
        have = start
        self._told(have, size)
        with self._roomy(), self._into.open("ab" if start else "wb") as file:
            for part in answer.iter_raw():
                have += len(part)
                if have > self._allowed.most_bytes:
                    raise self._too_big(url, have)
                file.write(part)
                self._told(have, size)
                if self._clock.monotonic() > end:
                    raise self._late(url)
        if size is not None and have != size:
            raise _Lost(f"it ended after {have} of {size} bytes")
        return source

    @contextmanager
    def _roomy(self) -> Iterator[None]:
        """A part that filled the disk would go on filling it."""
        try:
            yield
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                self._into.unlink(missing_ok=True)
            raise

    def _late(self, url: Url) -> TimedOut:
        return TimedOut(
            f"{url} didn't come within {LIMIT_S:g} s", hint="run this again: it goes on where it ended"
        )

    def _too_big(self, url: Url, size: int) -> InvalidInput:
        self._into.unlink(missing_ok=True)
        return InvalidInput(
            f"the image at {url} is too big: {size} bytes",
            hint=f"at most {self._allowed.most_bytes} are taken",
        )


def _extent(answer: httpx2.Response) -> tuple[int, int | None]:
    """Where what comes begins in the file, and the whole file's size. Raises _Lost."""
    if answer.status_code == 206:
        told = re.fullmatch(
            r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", answer.headers.get("content-range", "")
        )
        if not told:
            raise _Lost("the server doesn't say which part it sends")
        return int(told[1]), None if told[3] == "*" else int(told[3])
    length = answer.headers.get("content-length", "")
    return 0, int(length) if re.fullmatch(r"\d{1,18}", length) else None
