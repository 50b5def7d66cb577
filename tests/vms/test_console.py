"""The serial console, of a VM whose boot sector says who it is, and repeats what is typed."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.vms import Place, small


def sector() -> bytes:
    """16-bit code: it says `ready` again and again, and in between sends back each byte that comes."""
    code = bytearray()
    labels: dict[str, int] = {}
    jumps: list[tuple[int, str, int]] = []

    def put(hexes: str) -> None:
        code.extend(bytes.fromhex(hexes))

    def jump(opcode: str, to: str, size: int = 1) -> None:
        put(opcode)
        jumps.append((len(code), to, size))
        code.extend(bytes(size))

    def label(name: str) -> None:
        labels[name] = len(code)

    put("fa 31c0 8ed8")  # cli; ax = ds = 0
    label("again")
    put("be")  # si = text
    text_at = len(code)
    put("0000")
    label("next")
    put("ac 84c0")  # al = [si++]
    jump("74", "poll")
    jump("e8", "send", 2)
    jump("eb", "next")
    label("poll")
    put("31c9")  # cx = 0
    label("wait")
    put("bafd03 ec a801")  # is there a byte?
    jump("75", "got")
    jump("e2", "wait")
    jump("eb", "again")
    label("got")
    put("baf803 ec")
    jump("e8", "send", 2)
    jump("eb", "poll")
    label("send")
    put("88c4 bafd03")
    label("full")
    put("ec a820")
    jump("74", "full")
    put("baf803 88e0 ee c3")
    code[text_at : text_at + 2] = (0x7C00 + len(code)).to_bytes(2, "little")
    for at, to, size in jumps:
        code[at : at + size] = (labels[to] - at - size).to_bytes(size, "little", signed=True)
    return bytes(code + b"ready\r\n\0").ljust(510, b"\0") + b"\x55\xaa"


class Terminal:
    """`mngr vm console one` on a terminal of its own."""

    def __init__(self, place: Place, *more: str) -> None:
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mngr", "vm", "console", "one", *more],
            stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE, env=place.env, start_new_session=True,
        )  # fmt: skip
        self.seen = b""

    def sees(self, pattern: bytes) -> None:
        end = time.monotonic() + 60
        while not re.search(pattern, self.seen):
            assert time.monotonic() < end, self.seen[-500:]
            if select.select([self.master], [], [], 1)[0]:
                self.seen += os.read(self.master, 4096)

    def types(self, text: bytes) -> None:
        os.write(self.master, text)

    def ends(self, code: int) -> str:
        _, told = self.process.communicate(timeout=30)
        assert self.process.returncode == code, told
        assert termios.tcgetattr(self.slave) == self.before
        return told.decode()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(place: Place, tmp_path: Path) -> Iterator[Terminal]:
    image = tmp_path / "speaks.raw"
    image.write_bytes(sector().ljust(1024**2, b"\0"))
    place.mngr("create", "one", *small(image))
    one = Terminal(place)
    yield one
    one.close()


def test_keys_are_the_vms_and_the_terminal_is_as_it_was(terminal: Terminal, place: Place) -> None:
    terminal.sees(rb"ready\r\n")
    terminal.types(b"abc\x03\x1b[A")
    terminal.sees(rb"a[^b]*b[^c]*c[^\x03]*\x03[^\x1b]*\x1b")
    other = place.mngr("console", "one", "--timeout", "1", code=4)
    assert "somebody else" in other.stderr
    terminal.types(b"\x1d")
    assert "left one" in terminal.ends(0)
    shown = place.mngr("console", "one", "--timeout", "3")  # no terminal: its input isn't typed
    assert "ready" in shown.stdout
    again = Terminal(place)
    try:
        again.sees(rb"ready")
        place.mngr("stop", "one", "--force", "--timeout", "0")
        assert "one ended it" in again.ends(0)
    finally:
        again.close()
    off = place.mngr("console", "one", code=4)
    assert "mngr vm start one" in off.stderr
    place.mngr("console", "two", code=3)


def test_who_is_told_to_end_restores_the_terminal(terminal: Terminal) -> None:
    terminal.sees(rb"ready")
    terminal.process.send_signal(signal.SIGTERM)
    terminal.ends(143)
