"""Images by their addresses: each is fetched once, however many ask for it at once, and kept under its SHA-256.

FOLDER/<sha256>.img    an image, which disks of VMs are laid over: never written to again
FOLDER/<url's>.json    what an address led to, and when
FOLDER/<url's>.part    what has come of it so far; .lock: held by who fetches it
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput, MngrError, TimedOut, Unreachable
from mngr.model.notes import Remark
from mngr.model.progress import Progress, Step
from mngr.qemu import img
from mngr.vms import download, urls
from mngr.vms.download import Download, Source
from mngr.vms.urls import Allowed, Lookup, Url

PHASE = "image"
FORMATS = ("raw", "qcow2")
#: An image that a create has just been given isn't pruned, though no VM has it yet.
YOUNG_S = 6 * 3600.0
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image that is here. `size`: the file's; `disk`: what a VM sees of it, both in bytes. `urls`: what led to it.
    `fetched_at`, `used_at`: seconds since the epoch; used: last given to a create."""

    sha256: str
    path: str
    format: str
    size: int
    disk: int
    urls: tuple[str, ...]
    fetched_at: float
    used_at: float


class _Known(msgspec.Struct, kw_only=True):
    """What an address led to. `source`: what the part that is here is of. `sha256`: "" until it is whole."""

    url: str
    source: Source | None = None
    sha256: str = ""
    format: str = ""
    disk: int = 0
    fetched_at: float = 0.0


class Images:
    """Several processes may share the folder."""

    def __init__(
        self,
        folder: Path,
        allowed: Allowed,
        clock: Clock = SYSTEM,
        lookup: Lookup | None = None,
        verify: Any = True,
    ) -> None:
        """`lookup`, `verify`: as in `Download`."""
        self._folder, self._allowed, self._clock = folder, allowed, clock
        self._lookup, self._verify = lookup, verify

    def get(self, address: str, sha256: str = "", progress: Progress = lambda step: None) -> Path:
        """The image at an address, fetched unless it is here. May be repeated. Without a digest the server is asked each
        time whether it has another now; if it can't be asked, what is here will do, with a note.

        Raises what `urls.parse` and `Download.run` raise; InvalidInput where what came has another digest, or is no image
        that stands alone (nothing of it is kept then); TimedOut where another download of it doesn't end.
        """
        sha256 = sha256.lower()
        if sha256 and not _DIGEST.match(sha256):
            raise InvalidInput(f"{sha256[:80]!r} is no SHA-256", hint="give 64 hexadecimal digits")
        url = urls.parse(address, self._allowed, checked=bool(sha256))
        if sha256 and self._path(sha256).exists():
            return self._used(sha256)
        key = hashlib.sha256(str(url).encode()).hexdigest()[:32]
        if self._read(key) is None:
            urls.addresses(url, self._allowed, self._lookup)  # before anything is written
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        with self._lock(key, url, progress):
            if sha256 and self._path(sha256).exists():
                return self._used(sha256)
            return self._used(self._fetched(key, url, sha256, progress))

    def all(self) -> list[Image]:
        """Those that are here, whole; by address."""
        found: dict[str, Image] = {}
        for record in self._folder.glob("*.json"):
            known = self._read(record.stem)
            if not known or not known.sha256:
                continue
            try:
                stat = self._path(known.sha256).stat()
            except FileNotFoundError:
                continue
            more = found[known.sha256].urls if known.sha256 in found else ()
            found[known.sha256] = Image(
                sha256=known.sha256, path=str(self._path(known.sha256)), format=known.format, size=stat.st_size,
                disk=known.disk, urls=tuple(sorted({known.url, *more})), fetched_at=known.fetched_at, used_at=stat.st_mtime,
            )  # fmt: skip
        return sorted(found.values(), key=lambda one: one.urls)

    def prune(self, needed: Collection[str]) -> list[Image]:
        """Removes images that aren't in `needed` (paths: of all VMs' images, and those of creates that go on), nor were asked
        for lately; and parts that nobody fetches any more. What was removed. Repeatable."""
        now = self._clock.now()
        gone = [one for one in self.all() if one.path not in needed and now - one.used_at > YOUNG_S]
        for one in gone:
            Path(one.path).unlink(missing_ok=True)
        for record in self._folder.glob("*.json"):
            known = self._read(record.stem)
            if known and known.sha256 and self._path(known.sha256).exists():
                continue
            with self._try_lock(record.stem) as held:
                part = self._part(record.stem)
                touched = max(path.stat().st_mtime for path in (record, part) if path.exists())
                if held and now - touched > YOUNG_S:
                    part.unlink(missing_ok=True)
                    record.unlink(missing_ok=True)
        return gone

    # --- one address, under its lock --------------------------------------------------------------------------

    def _fetched(self, key: str, url: Url, sha256: str, progress: Progress) -> str:
        known = self._read(key) or _Known(url=str(url))
        here = bool(known.sha256) and self._path(known.sha256).exists()
        if here and sha256 in ("", known.sha256):
            etag = known.source.etag if known.source else ""
        else:
            here, etag = False, ""
            known.sha256 = ""
        try:
            return self._download(key, known, url, sha256, etag if here else "", progress)
        except Unreachable as problem:
            if not here:
                raise
            progress(Remark(text=f"{problem.message}; the image that is here is used"))
            return known.sha256

    def _download(self, key: str, known: _Known, url: Url, sha256: str, etag: str, progress: Progress) -> str:
        part = self._part(key)
        resumed = part.exists()
        fresh = msgspec.structs.replace(known)

        def save(source: Source) -> None:
            self._write(key, msgspec.structs.replace(fresh, source=source, sha256=""))

        fetch = Download(
            url, part, self._allowed, checked=bool(sha256), source=known.source if resumed else None, save=save,
            told=_teller(progress, url), clock=self._clock, lookup=self._lookup, verify=self._verify,
        )  # fmt: skip
        source = fetch.run(known=etag)
        if source is None:
            return known.sha256
        progress(Step(PHASE, "checking what came"))
        came = _digest(part)
        if sha256 and came != sha256:
            part.unlink()
            if resumed:  # of two different files, it seems
                return self._download(key, known, url, sha256, "", progress)
            raise InvalidInput(
                f"the image at {url} has the SHA-256 {came}, not {sha256}",
                hint="the address has another image now, or somebody changed it on its way",
            )
        try:
            told = self._checked(part, url)
        except MngrError:
            part.unlink()
            raise
        part.chmod(0o444)
        _sync(part)
        os.replace(part, self._path(came))
        _sync(self._folder)
        self._write(
            key,
            _Known(
                url=str(url),
                source=source,
                sha256=came,
                format=told.format,
                disk=told.size,
                fetched_at=self._clock.now(),
            ),
        )
        return came

    def _checked(self, path: Path, url: Url) -> img.Info:
        try:
            told = img.info(path)
        except img.QemuError as problem:
            raise InvalidInput(f"what is at {url} is no disk image: {problem}") from None
        if told.format not in FORMATS:
            raise InvalidInput(f"the image at {url} is {told.format}", hint="give one that is raw or qcow2")
        if told.outside:
            # It would show files of this computer to whoever has the VM.
            raise InvalidInput(
                f"the image at {url} names other files that belong to it", hint="give a whole one"
            )
        return told

    def _used(self, sha256: str) -> Path:
        """Its time of use is the file's time of change, as nobody changes it."""
        path = self._path(sha256)
        now = self._clock.now()
        os.utime(path, (now, now))
        return path

    # --- files ------------------------------------------------------------------------------------------------

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.img"

    def _part(self, key: str) -> Path:
        return self._folder / f"{key}.part"

    def _read(self, key: str) -> _Known | None:
        try:
            return msgspec.json.decode((self._folder / f"{key}.json").read_bytes(), type=_Known)
        except (OSError, msgspec.DecodeError):
            return None

    def _write(self, key: str, known: _Known) -> None:
        new = self._folder / f"{key}.json.new"
        new.write_bytes(msgspec.json.encode(known))
        _sync(new)
        os.replace(new, self._folder / f"{key}.json")

    @contextmanager
    def _lock(self, key: str, url: Url, progress: Progress) -> Iterator[None]:
        end = self._clock.monotonic() + download.LIMIT_S
        told = False
        while True:
            with self._try_lock(key) as held:
                if held:
                    yield
                    return
            if not told:
                progress(Step(PHASE, f"waiting for another download of {url}", at_most_s=download.LIMIT_S))
                told = True
            if self._clock.monotonic() > end:
                raise TimedOut(
                    f"another download of {url} didn't end within {download.LIMIT_S:g} s",
                    hint="is its process stuck?",
                )
            self._clock.sleep(0.2)

    @contextmanager
    def _try_lock(self, key: str) -> Iterator[bool]:
        fd = os.open(self._folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(fd)


def _teller(progress: Progress, url: Url) -> Callable[[int, int | None], None]:
    """A step for each hundredth of the whole, or each 16 MiB where that isn't known."""
    last = -1

    def told(done: int, of: int | None) -> None:
        nonlocal last
        step = done * 100 // of if of else done >> 24
        if step != last:
            last = step
            whole = f" of {of >> 20}" if of else ""
            progress(Step(PHASE, f"fetching {url}: {done >> 20}{whole} MiB"))

    return told


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
