"""Where made images are kept: one file each, named by its recipe's hash, written whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_LIMIT_S = 900.0


def folder() -> Path:
    """`~/.cache/mngr/images`; the variable MNGR_CACHE moves `~/.cache/mngr`."""
    root = os.environ.get("MNGR_CACHE")
    path = (Path(root) if root else Path.home() / ".cache" / "mngr") / "images"
    path.mkdir(parents=True, exist_ok=True)
    return path


def key(*parts: str | bytes) -> str:
    """Twelve hex digits that change when any part does."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:12]


@contextmanager
def locked(limit_s: float = LOCK_LIMIT_S) -> Iterator[None]:
    """One maker at a time on this computer. Raises TimeoutError past the limit."""
    path = folder() / "lock"
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    end, told = time.monotonic() + limit_s, False
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise TimeoutError(f"another process has been making images for {limit_s:.0f} s ({path})")
                if not told:
                    say("another process is making the images: waiting for it")
                    told = True
                time.sleep(0.2)
        yield
    finally:
        os.close(handle)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write to; it becomes `path` when the block ends well, and goes away when not."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def say(text: str) -> None:
    print(f"simcloud: {text}", file=sys.stderr, flush=True)
