"""Whether the driver saw every outside call: the same run, watched by strace, has no program and no connection more."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from mngr.testing.cli import Cli
from mngr.testing.crash import calls
from mngr.testing.crash.calls import Run
from mngr.testing.world import CloudControl

#: With `-b execve` strace lets go of a child when it becomes another program: so the children's own doings aren't seen.
_PROGRAM = re.compile(r'execve\("((?:[^"\\]|\\.)*)".* <detached')
_INET = re.compile(r'sa_family=AF_INET6?, sin6?_port=htons\((\d+)\), .*?"([0-9a-f.:]+)"')
_UNIX = re.compile(r'sa_family=AF_UNIX, sun_path=@?"([^"]*)"')

#: Sockets of the C library, which asks them for users and names.
_OWN = re.compile(r"/(?:var/)?run/nscd/")


def available() -> bool:
    return shutil.which("strace") is not None


def unseen(mngr: Cli, cloud: CloudControl | None, argv: Sequence[str]) -> tuple[list[str], Run]:
    """Programs that mngr itself ran and connections that it made which no recorded call explains; and the run."""
    with tempfile.TemporaryDirectory(prefix="mngr-strace-") as folder:
        log = Path(folder) / "log"
        strace = ["strace", "-D", "-b", "execve", "-f", "-q", "-s", "300", "-o", str(log)]
        run = calls.record(
            mngr, cloud, argv, before=[*strace, "-e", "trace=execve,connect", "-e", "signal=none", "--"]
        )
        lines = _whole(log)
    programs = [found.group(1) for line in lines if (found := _PROGRAM.search(line))]
    connections = [place for line in lines if " connect(" in line and (place := _place(line))]
    recorded = [call.argv[0] for call in run.calls if call.sort == "program"]
    missed = []
    for path in programs:
        name = Path(path).name
        if "/shims/" in path and name in recorded:
            recorded.remove(name)
        else:
            missed.append(f"ran {path}")
    missed += [f"recorded a call of {name} that strace didn't see" for name in recorded]
    here = [getattr(cloud, "url", ""), *getattr(cloud, "env", {}).values()]
    ports = [str(urlsplit(url).port) for url in here if url.startswith("http")]
    missed += [f"connected to {place}" for place in connections if place.rpartition(":")[2] not in ports]
    if cloud and not connections:
        missed.append("strace saw no connection to the cloud")
    return missed, run


def _whole(log: Path) -> list[str]:
    """The log's lines, once mngr's end stands in it: strace is a process apart, and may write a moment longer."""
    end = time.monotonic() + 10
    while True:
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        root = lines[0].split(None, 1)[0] if lines else ""
        if any(line.split(None, 2)[:2] == [root, "+++"] for line in lines):
            return lines
        assert time.monotonic() < end, "strace's log has no end"
        time.sleep(0.02)


def _place(words: str) -> str:
    if found := _INET.search(words):
        return f"{found.group(2)}:{found.group(1)}"
    if (found := _UNIX.search(words)) and not _OWN.match(found.group(1)):
        return found.group(1)
    return ""
