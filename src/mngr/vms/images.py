"""Images by their addresses: each is fetched once, however many ask for it at once, and kept under its SHA-256.

FOLDER/<sha256>.img    an image, which disks of VMs are laid over: never written to again; .json: what it is, and since when
FOLDER/<url's>.json    what an address leads to, and what the part is of
FOLDER/<url's>.part    what has come of it so far; .lock: held by who fetches it
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput, MngrError, TimedOut, Unreachable
from mngr.model.notes import Remark
from mngr.model.progress import Progress, Step
from mngr.qemu import img
from mngr.vms import download, urls
from mngr.vms.download import Download, Source
from mngr.vms.files import make_folder
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
    """An address. `sha256` and `source`: the image that came last, as its server named it; "" and None before the first.
    `part`: what the part that is here is of."""

    url: str
    source: Source | None = None
    sha256: str = ""
    part: Source | None = None


class _Kept(msgspec.Struct, kw_only=True):
    """An image. `urls`: all that ever led to it."""

    urls: tuple[str, ...]
    format: str
    disk: int
    fetched_at: float


Record = TypeVar("Record", _Known, _Kept)


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
        if self._read(key, _Known) is None:
            urls.addresses(url, self._allowed, self._lookup)  # before anything is written
        make_folder(self._folder.parent)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        with self._lock(key, url, progress):
            if sha256 and self._path(sha256).exists():
                return self._used(sha256)
            return self._used(self._fetched(key, url, sha256, progress))

    def all(self) -> list[Image]:
        """Those that are here, whole; by address."""
        found = []
        for path in self._folder.glob("*.img"):
            kept = self._read(path.stem, _Kept)
            if not kept:
                continue
            with suppress(FileNotFoundError):
                stat = path.stat()
                found.append(
                    Image(
                        sha256=path.stem, path=str(path), format=kept.format, size=stat.st_size, disk=kept.disk,
                        urls=kept.urls, fetched_at=kept.fetched_at, used_at=stat.st_mtime,
                    )
                )  # fmt: skip
        return sorted(found, key=lambda one: (one.urls, one.fetched_at))

    def prune(self, needed: Collection[str]) -> list[Image]:
        """Removes images that aren't in `needed` (paths: of all VMs' images, and those of creates that go on), nor were asked
        for lately; and parts that nobody fetches any more. What was removed. Repeatable."""
        now = self._clock.now()
        gone = [one for one in self.all() if one.path not in needed and now - one.used_at > YOUNG_S]
        for one in gone:
            Path(one.path).unlink(missing_ok=True)
            Path(one.path).with_suffix(".json").unlink(missing_ok=True)
        for killed in self._folder.glob("*.json.*"):  # in the middle of a write
            with suppress(FileNotFoundError):
                if now - killed.stat().st_mtime > YOUNG_S:
                    killed.unlink()
        for record in self._folder.glob("*.json"):
            known = self._read(record.stem, _Known)
            if not known:
                continue
            with self._try_lock(record.stem) as held:
                part = self._part(record.stem)
                touched = [path.stat().st_mtime for path in (record, part) if path.exists()]
                if held and touched and now - max(touched) > YOUNG_S:
                    part.unlink(missing_ok=True)
                    if not (known.sha256 and self._path(known.sha256).exists()):
                        record.unlink(missing_ok=True)
        return gone

    # --- one address, under its lock --------------------------------------------------------------------------

    def _fetched(self, key: str, url: Url, sha256: str, progress: Progress) -> str:
        known = self._read(key, _Known) or _Known(url=str(url))
        here = bool(known.sha256) and self._path(known.sha256).exists() and sha256 in ("", known.sha256)
        etag = known.source.etag if here and known.source else ""
        try:
            return self._download(key, known, url, sha256, etag, progress)
        except OSError:
            if not self._part(key).exists():
                self._forget(key, known)
            raise
        except Unreachable as problem:
            if not here:
                raise
            progress(Remark(text=f"{problem.message}; the image that is here is used"))
            return known.sha256

    def _download(self, key: str, known: _Known, url: Url, sha256: str, etag: str, progress: Progress) -> str:
        part = self._part(key)
        resumed = part.exists()

        def save(source: Source) -> None:  # the image that is here stays the address's until another one is
            known.part = source
            self._write(key, known)

        fetch = Download(
            url, part, self._allowed, checked=bool(sha256), source=known.part if resumed else None, save=save,
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
            self._forget(key, known)
            raise InvalidInput(
                f"the image at {url} has the SHA-256 {came}, not {sha256}",
                hint="the address has another image now, or somebody changed it on its way",
            )
        try:
            told = self._checked(part, url)
        except MngrError:
            part.unlink()
            self._forget(key, known)
            raise
        part.chmod(0o444)
        _sync(part)
        before = self._read(came, _Kept)
        led = {str(url), *(before.urls if before else ())}
        kept = _Kept(
            urls=tuple(sorted(led)), format=told.format, disk=told.size, fetched_at=self._clock.now()
        )
        self._write(came, kept)
        os.replace(part, self._path(came))
        _sync(self._folder)
        self._write(key, _Known(url=str(url), source=source, sha256=came))
        return came

    def _forget(self, key: str, known: _Known) -> None:
        """Of an address that led to nothing, nothing is kept: strangers may name as many as they like."""
        if not known.sha256:
            (self._folder / f"{key}.json").unlink(missing_ok=True)

    def _checked(self, path: Path, url: Url) -> img.Info:
        try:
            told = img.info(path)
        except img.QemuError:  # its words may be of files here
            raise InvalidInput(
                f"what is at {url} is no disk image", hint="give one that is raw or qcow2"
            ) from None
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

    def _read(self, key: str, kind: type[Record]) -> Record | None:
        try:
            return msgspec.json.decode((self._folder / f"{key}.json").read_bytes(), type=kind)
        except (OSError, msgspec.DecodeError):
            return None

    def _write(self, key: str, record: _Known | _Kept) -> None:
        new = self._folder / f"{key}.json.{os.urandom(4).hex()}"
        try:
            new.write_bytes(msgspec.json.encode(record))
            _sync(new)
            os.replace(new, self._folder / f"{key}.json")
        finally:
            new.unlink(missing_ok=True)

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
        """Whether it is ours now. Its file goes with it where nothing is kept of that address."""
        path = self._folder / f"{key}.lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            if not os.fstat(fd).st_nlink:  # whoever had it has removed it meanwhile
                yield False
                return
            try:
                yield True
            finally:
                if not (self._folder / f"{key}.json").exists() and not self._part(key).exists():
                    path.unlink(missing_ok=True)
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
            progress(Step(PHASE, f"fetching {url}: {done >> 20}{whole} MiB", done=done, of=of))

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
