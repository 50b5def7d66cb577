"""A socket before libvirtd's, on which each call can be held, lost or counted: libvirt as a simulated cloud is, to a crash driver.

Messages of libvirt's RPC (https://libvirt.org/kbase/internals/rpc.html): length, program, version, procedure, type, serial,
status, each a big-endian number of 32 bits; then the arguments.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mngr.testing.gates import Call, Gates

_HEAD = struct.Struct(">7I")
_REMOTE = 0x20008086
_CALL, _REPLY = 0, 1
#: Procedures by number (remote_protocol.x): what changes something, and what is read. All others aren't told of.
WRITES: Mapping[int, str] = {
    9: "create", 10: "create-xml", 11: "define", 12: "destroy", 28: "resume", 29: "set-autostart", 33: "shutdown",
    35: "undefine", 196: "create", 231: "undefine", 234: "destroy", 264: "set-metadata", 350: "define",
}  # fmt: skip
READS: Mapping[int, str] = {14: "xml", 23: "look-up", 24: "look-up-uuid", 212: "state", 273: "list"}
_UNDEFINE = 231
#: Flags of undefine that libvirt's fake hypervisor doesn't know: of checkpoints and of firmware variables.
_STRANGE = 0x4 | 0x10


class Wire(Gates):
    """Listens at `path` for libvirtd at `upstream`."""

    def __init__(self, path: Path, upstream: Path) -> None:
        super().__init__()
        self._upstream = upstream
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        self.clear()
        self._server.close()

    # --- what goes through ------------------------------------------------------------------------------------

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                _Link(self, self._server.accept()[0], self._upstream)

    def met(self, procedure: int) -> tuple[Call | None, set[str]]:
        """A call that has come, if it is told of, and what is to be done about it."""
        name, method = WRITES.get(procedure), "POST"
        if name is None:
            name, method = READS.get(procedure), "GET"
        return (None, set()) if name is None else self.called(method, f"/{name}")


class _Link:
    """One client's connection."""

    def __init__(self, wire: Wire, client: socket.socket, upstream: Path) -> None:
        self._wire, self._client = wire, client
        self._daemon = socket.socket(socket.AF_UNIX)
        self._daemon.connect(str(upstream))
        self._waiting: dict[int, tuple[Call, set[str]]] = {}
        for work in (self._up, self._down):
            threading.Thread(target=self._until_closed, args=(work,), daemon=True).start()

    def _until_closed(self, work: Any) -> None:
        with suppress(OSError, EOFError):
            work()
        for one in (self._client, self._daemon):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _up(self) -> None:
        while True:
            message = _message(self._client)
            _, program, _, procedure, kind, serial, _ = _HEAD.unpack_from(message)
            if program == _REMOTE and kind == _CALL:
                if procedure == _UNDEFINE:
                    message = _without_flags(message)
                call, orders = self._wire.met(procedure)
                if call and "before_commit" in orders and not self._wire.hold(call):
                    return
                if call and orders & {"after_commit", "lose_answer"}:
                    self._waiting[serial] = (call, orders)
            self._daemon.sendall(message)

    def _down(self) -> None:
        while True:
            message = _message(self._daemon)
            _, program, _, _, kind, serial, _ = _HEAD.unpack_from(message)
            if program == _REMOTE and kind == _REPLY and serial in self._waiting:
                call, orders = self._waiting.pop(serial)
                if "lose_answer" in orders or not self._wire.hold(call):
                    return
            self._client.sendall(message)


def _message(source: socket.socket) -> bytes:
    head = _exactly(source, 4)
    return head + _exactly(source, struct.unpack(">I", head)[0] - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = source.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _without_flags(message: bytes) -> bytes:
    """The flags are the last of its arguments."""
    flags = struct.unpack(">I", message[-4:])[0]
    return message[:-4] + struct.pack(">I", flags & ~_STRANGE)
