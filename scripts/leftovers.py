"""What a run left on this computer: processes (all descendants carry a marker in their environment) and Docker objects."""

import os
import signal
import subprocess
import time
from pathlib import Path

MARK = "LEFTOVERS_OF"


def mark(run: str) -> dict[str, str]:
    """For the environment of what is to be watched."""
    return {MARK: run}


def processes(run: str) -> dict[int, str]:
    """Processes (not ourselves) that come from the run: pid → command line."""
    wanted = f"{MARK}={run}".encode()
    found: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if words:  # a zombie has none
                    found[int(folder.name)] = words.strip()[:150]
        except OSError:
            continue
    return found


def end_processes(run: str, grace_s: float = 5) -> list[str]:
    """Waits for the run's processes to end by themselves; those that don't are ended, and their commands returned."""
    end = time.monotonic() + grace_s
    while (left := processes(run)) and time.monotonic() < end:
        time.sleep(0.2)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes(run):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 3
        while processes(run) and time.monotonic() < deadline:
            time.sleep(0.1)
    return [f"process {pid}: {words}" for pid, words in left.items()]


LISTS = {
    "container": ["ps", "--all", "--format", "{{.ID}} {{.Names}}"],
    "volume": ["volume", "ls", "--format", "{{.Name}}"],
    "network": ["network", "ls", "--format", "{{.ID}} {{.Name}}"],
}


def docker_objects(*filters: str) -> set[str]:
    """Containers, volumes and networks, as `kind id name`; none where no daemon answers."""
    found: set[str] = set()
    for kind, words in LISTS.items():
        try:
            done = subprocess.run(
                ["docker", *words, *(f"--filter={one}" for one in filters)],
                capture_output=True, text=True, timeout=30,
            )  # fmt: skip
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return set()
        found |= {f"{kind} {line}" for line in done.stdout.splitlines()}
    return found
