"""How this computer reaches its packages, so that images and what runs in them can do it the same way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

KEPT = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::ForceIPv4", "Acquire::Retries")
CERTIFICATES = Path("/usr/local/share/ca-certificates")


def sources(suite: str) -> list[Path]:
    """This computer's own sources, if they are for that suite; else none, for mmdebstrap's default."""
    found = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    chosen = [path for path in found if path.suffix in (".list", ".sources") and usable(path, suite)]
    return chosen


def usable(path: Path, suite: str) -> bool:
    """Whether a file lists Debian's own archive for a suite, in a way that works on another file system, too."""
    try:
        text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    except OSError:
        return False
    words = text.split()
    if "main" not in words or not any(word.split("-")[0] == suite for word in words):
        return False
    signers = re.findall(r"(?i)signed-by[:=]\s*(\S+)", text)
    return "debian" in text and "file:" not in text and all("debian-archive" in signer for signer in signers)


def settings() -> str:
    """apt's own settings that a network needs: proxies, date checks. In apt.conf's form."""
    if not shutil.which("apt-config"):
        return ""
    argv = ["apt-config", "dump"]
    dump = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout
    kept = [line for line in dump.splitlines() if line.startswith(KEPT) and '""' not in line]
    for scheme in ("http", "https"):
        if proxy := os.environ.get(f"{scheme}_proxy"):
            kept.append(f'Acquire::{scheme}::Proxy "{proxy}";')
    return "\n".join(kept) + "\n"


def certificates() -> dict[str, bytes]:
    """Authorities that this computer's owner trusts beyond the usual ones, by file name."""
    return {path.name: path.read_bytes() for path in sorted(CERTIFICATES.glob("*.crt"))}
