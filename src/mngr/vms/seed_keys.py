"""Keys for a VM that was made already: its seed says them to a script on it, `in_guest.py`, which is run at each boot.

NoCloud's instance id stays, so cloud-init runs nothing again that it runs once a VM, and its own keys are of that kind. But
it reads the seed at each boot, and runs the boothooks in it.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from mngr.model.errors import Conflict, MngrError, NotSupported
from mngr.vms import in_guest, library

NOW: Literal["now"] = "now"
NEXT_BOOT: Literal["next boot"] = "next boot"
NEXT_START: Literal["next start"] = "next start"
"""Where QEMU has a seed open that was replaced: the guest's own reboot doesn't see the new one."""
MARK = "injected-by-mngr"
"""Ends the comment of each injected key, so an eject takes out that line, and none that was there before."""
ROOM = 64 * 1024
"""Bytes of the seed that changes may take, in base64: they are written over in place, as QEMU has the file open."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was put into a VM, or taken out again (`present` false). Each change has a `serial` of its own.

    `name`: the service's for the key; `key`: its line, with MARK; `user`: empty for the VM's own. `applied`: NOW, or NEXT_BOOT or
    NEXT_START with the `reason`.
    """

    serial: int
    name: str
    key: str
    user: str
    present: bool
    applied: Literal["now", "next boot", "next start"] = NEXT_BOOT
    reason: str = ""

    @property
    def place(self) -> tuple[list[str], str]:
        """What it changes: the key without its comment, of that user."""
        return self.key.split()[:2], self.user


def serial() -> int:
    """A change's number. By chance, as what counts them could be taken back to an older state with the VM."""
    return secrets.randbits(52)


def marked(key: str) -> str:
    """The line that is put into a guest."""
    return f"{key} {MARK}"


def script(uuid: str, user: str) -> bytes:
    """The boothook of a new VM, with nothing to change yet."""
    text = (resources.files("mngr.vms") / "in_guest.py").read_text()
    return text.encode() + _mark(uuid) + _data(uuid, user, []).ljust(ROOM) + b"\n"


def write(seed: Path, uuid: str, user: str, changes: list[Change]) -> None:
    """Writes them over those on the seed, in one place that nothing else is in. Repeatable. Raises NotSupported for the seed
    of a VM that an older mngr made, Conflict where there is none, MngrError where it can't be written."""
    try:
        _write_over(seed, uuid, _data(uuid, user, changes).ljust(ROOM))
    except FileNotFoundError:
        raise Conflict(f"there is no seed {seed} any more", hint=library.LOST) from None
    except OSError as problem:
        raise MngrError(
            f"can't write keys to {seed}: {problem.strerror}", hint="run this again as one who may"
        ) from None


def fitting(there: list[Change], new: list[Change]) -> list[Change]:
    """Those of `there` that have room beside `new`: where it is short, keys that the guest has taken out already are
    forgotten. Raises Conflict."""
    for kept in (there, [one for one in there if one.present or one.applied != NOW]):
        if len(_data("0" * 36, "u" * 32, [*kept, *new])) <= ROOM:
            return kept
    raise Conflict("those are too many keys for its seed", hint="eject some, or take shorter ones")


def _write_over(seed: Path, uuid: str, room: bytes) -> None:
    found = list(re.finditer(re.escape(_mark(uuid)) + b"([A-Za-z0-9+/= ]{%d})\n" % ROOM, seed.read_bytes()))
    if len(found) != 1:
        raise NotSupported(
            "its seed has no place for keys: another mngr made it",
            hint="with a guest agent in it keys get in while it runs; or make the VM anew",
        )
    if found[0].group(1) != room:
        with open(seed, "r+b") as file:
            os.pwrite(file.fileno(), room, found[0].start(1))
            os.fsync(file.fileno())


def _mark(uuid: str) -> bytes:
    """User data can't have it, as the UUID is made after that."""
    return f"#mngr-keys-2 {uuid} ".encode()


def _data(uuid: str, user: str, changes: list[Change]) -> bytes:
    told = [_told(one) for one in changes]
    return base64.b64encode(msgspec.json.encode({"vm": uuid, "user": user, "changes": told}))


def _told(change: Change) -> dict[str, object]:
    """Of a key that goes, a digest is enough: it may have to stay on the seed, as nothing says that a guest without an agent
    has taken the key out."""
    key = {"key": change.key} if change.present else {"sha256": in_guest.digest(change.key)}
    return {"serial": change.serial, "user": change.user, **key}
