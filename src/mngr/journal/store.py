"""Intents on disk: one file each, replaced atomically, locked by whoever works on it.

    <folder>/<provider>.<subject>.json     the intent
    <folder>/<provider>.<subject>.lock     held with flock(2) by the process at work; it dies with that process
    <folder>/.<provider>.<subject>.part    a write that didn't end; the next holder writes over it

A sweep on the same computer thus tells "being worked on" (locked) from "its process died" (not locked) without
asking for process ids. The lock is a file of its own because replacing the intent would replace the lock.
"""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from mngr.journal.intent import Entry, Intent, decode, encode
from mngr.model.errors import Conflict, MngrError

# A provider's name, a host id, or a host's name with a prefix.
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")


class Journal:
    """The journal in `folder`, which is made at the first intent. Safe for threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hold(self, provider: str, subject: str) -> "Held":
        """Takes the lock of (provider, subject), with or without an intent there.

        Raises Conflict, at once, if another process or thread has it. Use as a context manager.
        """
        for part in (provider, subject):
            if not _PART.match(part):
                raise ValueError(f"{part!r} can't be part of a file name of the journal")
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        stem = f"{provider}.{subject}"
        lock = self.folder / f"{stem}.lock"
        fd = _lock(lock)
        if fd is None:
            raise Conflict(
                f"{subject} of {provider} is being worked on by another mngr on this computer",
                hint="wait for it to end, or end it; then run this again",
            )
        return Held(self.folder, stem, fd)

    def entries(self, provider: str = "") -> list[Entry]:
        """All intents, or those of one provider instance, unreadable ones too. Raises nothing but OSError."""
        if not self.folder.is_dir():
            return []
        found = []
        for path in sorted(self.folder.glob("*.json")):
            owner, _, subject = path.name.removesuffix(".json").partition(".")
            if path.name.startswith(".") or (provider and owner != provider):
                continue
            entry = self._entry(path, owner, subject)
            if entry is not None:
                found.append(entry)
        return found

    def is_busy(self, provider: str, subject: str) -> bool:
        """Whether somebody holds (provider, subject), with or without an intent there."""
        return _is_locked(self.folder / f"{provider}.{subject}.lock")

    def tidy(self) -> None:
        """Removes locks of processes that died before they wrote an intent. Repeatable; nobody at work is disturbed."""
        for lock in self.folder.glob("*.lock"):
            provider, _, subject = lock.stem.partition(".")
            if not lock.with_suffix(".json").exists():
                with contextlib.suppress(Conflict, ValueError):
                    self.hold(provider, subject).close()

    def _entry(self, path: Path, owner: str, subject: str) -> Entry | None:
        busy = _is_locked(path.with_suffix(".lock"))
        intent, error = None, ""
        try:
            intent = decode(path.read_bytes())
            if (intent.provider, intent.subject) != (owner, subject):
                intent, error = None, f"it speaks of {intent.subject} of {intent.provider}"
        except FileNotFoundError:
            return None  # ended while we looked
        except (ValueError, OSError) as failure:
            error = str(failure) or type(failure).__name__
        return Entry(provider=owner, subject=subject, path=str(path), intent=intent, busy=busy, error=error)


class Held:
    """One intent's place in the journal, locked by us until `close`, the end of `with`, or our process's end."""

    def __init__(self, folder: Path, stem: str, fd: int) -> None:
        self._folder = folder
        self._fd: int | None = fd
        self.path = folder / f"{stem}.json"
        self._lock = folder / f"{stem}.lock"
        self._part = folder / f".{stem}.part"

    @property
    def intent(self) -> Intent | None:
        """What is on disk now. Raises MngrError if it can't be read: it is never taken for absent."""
        try:
            return decode(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise MngrError(
                f"the journal's {self.path} can't be read: {error}",
                hint="nothing was done; `mngr gc` looks for what it may have bought; move the file away after that",
            ) from None

    def write(self, intent: Intent) -> None:
        """Puts `intent` on disk: when this returns, it is there after a power cut too. Repeatable."""
        if self._fd is None:
            raise RuntimeError("the journal's lock was given back")
        with open(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(encode(intent))
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._part, self.path)
        _fsync_folder(self._folder)

    def save(self, handle: Mapping[str, str]) -> None:
        """Adds to the handle of the intent on disk; keys never go. Raises MngrError if there is no intent."""
        self._change(lambda intent: {"handle": {**intent.handle, **handle}})

    def note(self, text: str) -> None:
        """Writes beside the intent what became of it, for a person to read."""
        self._change(lambda intent: {"note": text})

    def _change(self, changes: Any) -> None:
        intent = self.intent
        if intent is None:
            raise MngrError(
                f"the journal's {self.path} is gone while it was being worked on",
                hint="don't remove files from the journal; `mngr gc` finds what was bought",
            )
        self.write(msgspec.structs.replace(intent, **changes(intent)))

    def done(self) -> None:
        """Takes the intent off the disk: it has come to its end. Repeatable."""
        self.path.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)
        _fsync_folder(self._folder)

    def close(self) -> None:
        """Gives the lock back; the intent stays if it isn't done. Repeatable."""
        if self._fd is None:
            return
        if not self.path.exists():
            self._part.unlink(missing_ok=True)  # of one that was killed as it wrote
            self._lock.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = None

    def __enter__(self) -> "Held":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _lock(path: Path) -> int | None:
    """An open, locked file at `path`; None if somebody else holds it for longer than a look takes."""
    looks = 10
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last holder may have removed it between our open and our lock: then it is a lock on nothing.
            if os.path.exists(path) and os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        except BlockingIOError:
            looks -= 1
            if looks == 0:
                os.close(fd)
                return None
            time.sleep(0.01)
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _is_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who look don't see each other; who comes meanwhile to hold it tries again (_lock).
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def _fsync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
