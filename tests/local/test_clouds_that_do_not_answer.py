"""`list` where a cloud refuses, hangs or answers half: the rest is shown at once, all is over soon, and nothing stays."""

import fcntl
import json
import os
import pty
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from support.local import Local

ANSWER = b'{"instances": [], "meta": {"total": 0, "links": {"next": "", "prev": ""}}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)

#: Well above the 10 s that `list` has, and below what a call had before.
LIMIT_S = 25


class Server:
    """Takes every connection and says `first`, and nothing more until `released`; or more and more of `drops`."""

    def __init__(self, first: bytes, drops: bytes = b"") -> None:
        self.first, self.drops, self.released = first, drops, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._talk, args=(self.socket.accept()[0],), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):
            connection.recv(65536)
            connection.sendall(self.first)
            while not self.released.wait(0.002 if self.drops else None):
                connection.sendall(self.drops)
            connection.sendall(HEAD + ANSWER)


@contextmanager
def serving(first: bytes = b"", drops: bytes = b"") -> Iterator[Server]:
    server = Server(first, drops)
    try:
        yield server
    finally:
        server.released.set()
        server.socket.close()


def refused() -> str:
    """An address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def using(mngr: Local, vultr: str, ovh: str = "") -> Iterator[None]:
    """With accounts at clouds of these addresses."""
    before = mngr.env
    mngr.env = {**before, "VULTR_API_KEY": "k", "MNGR__PROVIDERS__VULTR__API_URL": vultr}
    if ovh:
        names = ("APPLICATION_KEY", "APPLICATION_SECRET", "CONSUMER_KEY")
        mngr.env |= {"OVH_ENDPOINT": ovh, **{f"OVH_{name}": "k" for name in names}}
    try:
        yield
    finally:
        mngr.env = before


def listed(mngr: Local) -> tuple[list[str], list[str], float]:
    """Agents, the providers of error rows, how long that took."""
    began = time.monotonic()
    done = mngr.run("list", "--format", "json", code=5)
    took = time.monotonic() - began
    found = json.loads(done.stdout)
    return [one["name"] for one in found["agents"]], [one["provider"] for one in found["errors"]], took


@pytest.mark.parametrize("url", [refused(), "https://no-such-name.invalid"], ids=["refused", "no such name"])
def test_a_cloud_that_is_not_there_is_an_error_row(mngr: Local, url: str) -> None:
    mngr.create("here", "sleep", "1000")
    with using(mngr, url, url):
        agents, errors, took = listed(mngr)
    assert (agents, errors) == (["here"], ["ovh", "vultr"])
    assert took < LIMIT_S


@pytest.mark.parametrize(
    ("first", "drops"),
    [(b"", b""), (HEAD + ANSWER[:20], b""), (HEAD.replace(b"74", b"9999999"), b" "), (b"HTTP/1.1 200 OK\r\nX: ", b"x")],
    ids=["no answer", "half a body", "a body in drops", "headers in drops"],
)  # fmt: skip
def test_a_cloud_that_hangs_is_an_error_row_soon(mngr: Local, first: bytes, drops: bytes) -> None:
    mngr.create("here", "sleep", "1000")
    with serving(first, drops) as server, using(mngr, server.url, server.url):
        agents, errors, took = listed(mngr)
    assert (agents, errors) == (["here"], ["ovh", "vultr"])
    assert took < LIMIT_S


def test_a_cloud_that_speaks_no_tls_is_an_error_row(mngr: Local) -> None:
    with serving(b"what is this?\r\n\r\n") as server:
        server.released.set()
        url = server.url.replace("http:", "https:")
        with using(mngr, url, url):
            assert listed(mngr)[1] == ["ovh", "vultr"]


def test_a_script_that_listed_ends_though_its_cloud_still_hangs(mngr: Local) -> None:
    script = "from mngr import Mngr; print([one.provider for one in Mngr().list().errors])"
    with serving(b"HTTP/1.1 200 OK\r\nX: ", b"x") as server, using(mngr, server.url):
        argv = [sys.executable, "-X", "faulthandler", "-c", script]
        done = subprocess.run(
            argv, env=mngr.env, cwd=mngr.cwd, capture_output=True, text=True, timeout=LIMIT_S
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "['vultr']\n", "")


def test_on_a_terminal_what_is_known_is_shown_while_a_cloud_is_waited_for(mngr: Local) -> None:
    mngr.create("here", "sleep", "1000")
    with serving() as server, using(mngr, server.url):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "mngr", "list"], stdin=theirs, stdout=theirs, stderr=theirs, env=mngr.env, cwd=mngr.cwd
        )  # fmt: skip
        os.close(theirs)
        shown = read_until(ours, b"no answer yet")
        draft = [line.split() for line in shown.decode().splitlines() if line.strip()]
        assert ["here", "running"] in [line[:2] for line in draft]
        assert ["…", "vultr", "no", "answer", "yet"] in draft
        server.released.set()
        rest = read_until(ours, b"")
        assert process.wait(LIMIT_S) == 0
        os.close(ours)
    assert b"\x1b[3A\x1b[J" in rest  # what was shown goes
    table = rest.partition(b"\x1b[J")[2]
    assert b"here" in table
    assert b"vultr" not in table


def read_until(terminal: int, wanted: bytes) -> bytes:
    """What comes until `wanted` does and the line that it is in ends, or (b"") the end."""
    shown, ends = b"", time.monotonic() + LIMIT_S
    while not (wanted and b"\n" in shown.partition(wanted)[2]):
        assert time.monotonic() < ends, shown
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the other side is closed
                return shown
    return shown
