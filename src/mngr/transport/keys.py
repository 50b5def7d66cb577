"""SSH key pairs and pins on disk. Private keys are made where they are used and stay there."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from mngr.model.errors import MngrError


def ensure_key(path: Path, comment: str) -> str:
    """The public key of the pair at `path`, which is made (ed25519, no passphrase) if it isn't there.

    Repeatable, also by several processes at once: one of them wins, all get the winner's key.
    """
    public = path.with_name(path.name + ".pub")
    if not public.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
        _keygen(part, comment)
        part_public = part.with_name(part.name + ".pub")
        try:
            os.link(part, path)
        except FileExistsError:
            return _winner(path, public, part, part_public)
        os.replace(part_public, public)
        part.unlink()
    return public.read_text().strip()


def _winner(path: Path, public: Path, *spare: Path) -> str:
    for file in spare:
        file.unlink(missing_ok=True)
    if not public.exists():  # the other process was killed between its two files
        done = subprocess.run(
            ["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, timeout=30
        )
        if done.returncode:
            raise MngrError(f"{path} isn't a usable private key", details=done.stderr)
        public.write_text(done.stdout)
    return public.read_text().strip()


def make_host_key(folder: Path) -> tuple[str, str]:
    """A fresh ed25519 host key as (private, public) text, never kept in a file beyond this call."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f".host-key.{os.urandom(4).hex()}"
    try:
        _keygen(part, "mngr-host-key")
        return part.read_text(), " ".join(part.with_name(part.name + ".pub").read_text().split()[:2])
    finally:
        part.unlink(missing_ok=True)
        part.with_name(part.name + ".pub").unlink(missing_ok=True)


def _keygen(path: Path, comment: str) -> None:
    path.unlink(missing_ok=True)
    try:
        done = subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)],
            capture_output=True,
            text=True,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise MngrError("ssh-keygen isn't installed here", hint="install the OpenSSH client") from None
    if done.returncode:
        raise MngrError(f"ssh-keygen couldn't write {path}", details=done.stderr)


def pin(known_hosts: Path, pins: dict[tuple[str, int], Iterable[str]]) -> None:
    """Replaces the pins in `known_hosts`: for each (address, port), the host keys that are accepted there."""
    from mngr.config.home import write_private

    lines = [
        f"{address if port == 22 else f'[{address}]:{port}'} {' '.join(key.split()[:2])}\n"
        for (address, port), keys in pins.items()
        for key in keys
        if key
    ]
    write_private(known_hosts, "".join(lines))


def pinned(known_hosts: Path) -> dict[tuple[str, int], list[str]]:
    """The pins as `pin` wrote them; empty where there is no file."""
    found: dict[tuple[str, int], list[str]] = {}
    if not known_hosts.exists():
        return found
    for text in known_hosts.read_text().splitlines():
        place, _, key = text.partition(" ")
        address, port = (place[1:].rsplit("]:", 1)) if place.startswith("[") else (place, "22")
        found.setdefault((address, int(port)), []).append(key)
    return found
