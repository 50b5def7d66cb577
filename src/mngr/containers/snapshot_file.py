"""A snapshot as one file: a tar of `meta.json`, `volume.tar` and `image.tar`, written and read without holding it in memory."""

import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from mngr.model.errors import InvalidInput, MngrError
from mngr.model.ids import is_id
from mngr.providers.contract import Snapshot
from mngr.transport.base import Completed

_PARTS = ("meta.json", "volume.tar", "image.tar")
_CHUNK = 1 << 20


class Writer:
    """Members of a tar, one after the other; a member's size is filled in after its bytes went by."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def add(self, name: str, content: bytes) -> None:
        entry = self._entry(name, len(content))
        self._out.write(entry + content + b"\0" * (-len(content) % tarfile.BLOCKSIZE))

    def stream(self, name: str, fill: Callable[[BinaryIO], Completed]) -> None:
        """A member whose bytes `fill` writes (through another process, to the file's descriptor). Raises MngrError."""
        at = self._out.tell()
        self._out.write(self._entry(name, 0))
        self._out.flush()
        done = fill(self._out)
        if done.code:
            raise MngrError(
                f"{name} of the snapshot can't be read: {done.error.splitlines()[-1:] or [done.code]}"
            )
        size = self._out.seek(0, os.SEEK_END) - at - tarfile.BLOCKSIZE
        self._out.write(b"\0" * (-size % tarfile.BLOCKSIZE))
        self._out.seek(at)
        self._out.write(self._entry(name, size))
        self._out.seek(0, os.SEEK_END)

    @staticmethod
    def _entry(name: str, size: int) -> bytes:
        entry = tarfile.TarInfo(name)
        entry.size = size
        entry.mode = 0o600
        return entry.tobuf(tarfile.GNU_FORMAT)


@contextmanager
def write_file(path: Path) -> Iterator[Writer]:
    """The file at `path`, for its owner's eyes only; it appears whole, once the block ends without an error."""
    part = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise InvalidInput(f"{path} can't be written: {error.strerror}") from None
    try:
        with open(descriptor, "r+b") as out:
            yield Writer(out)
            out.write(b"\0" * 2 * tarfile.BLOCKSIZE)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


class SnapshotFile:
    """A file that `write_file` wrote, checked: its description, its parts, and the one image it brings."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidInput, saying why, if it isn't such a file."""
        self.path = path
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115  closed by __exit__
        except (OSError, tarfile.TarError) as error:
            raise InvalidInput(
                f"{path} is neither a snapshot's id nor a snapshot file: {getattr(error, 'strerror', None) or error}",
                hint="`mngr snapshot list` shows ids; `mngr snapshot create NAME --to FILE` writes files",
            ) from None
        try:
            self.snapshot = self._check()
        except (ValueError, KeyError, TypeError, tarfile.TarError) as error:
            self._tar.close()
            raise InvalidInput(f"{path} isn't a whole snapshot file: {error}") from None

    def _check(self) -> Snapshot:
        members = {member.name: member for member in self._tar.getmembers()}
        missing = [name for name in _PARTS if name not in members]
        if missing:
            raise ValueError(f"{', '.join(missing)} isn't in it")
        last = max(members.values(), key=lambda one: one.offset_data)
        if self.path.stat().st_size < last.offset_data + last.size:
            raise ValueError("its end is missing")
        snapshot = msgspec.json.decode(self._read("meta.json"), type=Snapshot)
        if not is_id(snapshot.id):
            raise ValueError(f"{snapshot.id!r} isn't a snapshot's id")
        # Loading an image file moves names: one that named another image would replace the user's.
        with self._open("image.tar") as data, tarfile.open(fileobj=data, mode="r:") as image:
            manifest = image.extractfile("manifest.json")
            if manifest is None:
                raise ValueError("its image has no manifest")
            names = [
                name
                for one in msgspec.json.decode(manifest.read(), type=list[_Manifest])
                for name in one.RepoTags
            ]
        if names != [f"mngr-snapshot:{snapshot.id}"]:
            raise ValueError(f"its image is called {names}")
        return snapshot

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part."""
        with self._open(name) as data:
            while chunk := data.read(_CHUNK):
                yield chunk

    def _open(self, name: str) -> BinaryIO:
        data = self._tar.extractfile(name)
        if data is None:
            raise ValueError(f"{name} is no file")
        return data  # type: ignore[return-value]

    def _read(self, name: str) -> bytes:
        with self._open(name) as data:
            return data.read()

    def __enter__(self) -> "SnapshotFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()


class _Manifest(msgspec.Struct):
    RepoTags: list[str] = []
