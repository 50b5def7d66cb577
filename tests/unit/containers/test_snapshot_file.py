"""A snapshot as one file: written whole or not at all, and checked before anything is loaded from it."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from mngr.containers import snapshots
from mngr.containers.snapshot_file import SnapshotFile, write_file
from mngr.model.errors import InvalidInput, MngrError
from mngr.providers.contract import Snapshot
from mngr.transport.base import Completed

ID = "snap-0123456789abcdef"
META = msgspec.json.encode(
    Snapshot(id=ID, name="n", host_id="h", host_name="box", provider="p", created_at="2026")
)


def image(tag: str = f"mngr-snapshot:{ID}") -> bytes:
    out = io.BytesIO()
    content = msgspec.json.encode([{"Config": "x", "RepoTags": [tag]}])
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def pours(content: bytes, code: int = 0) -> Callable[[BinaryIO], Completed]:
    """Writes as another process would: through a descriptor of its own."""

    def fill(out: BinaryIO) -> Completed:
        import os

        os.write(out.fileno(), content)
        return Completed(code, b"", b"disk is on fire")

    return fill


def write(
    path: Path, *, volume: bytes = b"v" * 1000, image_tar: bytes | None = None, meta: bytes = META
) -> Path:
    with write_file(path) as out:
        out.add("meta.json", meta)
        out.stream("volume.tar", pours(volume))
        out.stream("image.tar", pours(image() if image_tar is None else image_tar))
    return path


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 100_000])
def test_what_was_written_is_read(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "s.tar", volume=b"v" * size)
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["meta.json", "volume.tar", "image.tar"]
    with SnapshotFile(path) as file:
        assert file.snapshot.id == ID
        assert b"".join(file.chunks("volume.tar")) == b"v" * size
        assert b"".join(file.chunks("image.tar")) == image()


def test_a_failed_export_leaves_no_file(tmp_path: Path) -> None:
    def export() -> None:
        with write_file(tmp_path / "s.tar") as out:
            out.stream("volume.tar", pours(b"half", code=1))

    with pytest.raises(MngrError, match="disk is on fire"):
        export()
    assert list(tmp_path.iterdir()) == []


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.tar")
    whole = path.read_bytes()
    for size in (0, 100, 600, 2500, len(whole) - 1024 - len(image()) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(InvalidInput):
            snapshots.check(str(path))


def test_an_image_under_another_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.tar", image_tar=image("debian:bookworm-slim"))
    with pytest.raises(InvalidInput, match=r"its image is called \['debian:bookworm-slim'\]"):
        SnapshotFile(path)


def test_what_is_neither_id_nor_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is neither a snapshot's id nor a snapshot file: No such file"):
        snapshots.check(str(tmp_path / "nowhere"))
    snapshots.check(ID)
    snapshots.check("")
