"""The real programs, installed once for all runs, and a Docker image with them.

`~/.cache/mngr/programs/HASH/` holds them and a Node that runs them, HASH being that of their versions and of the image's
recipe; the image is `mngr-test-programs:HASH`. Both are kept, and made again where they are missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BASE = "mngr/agent:bookworm"
#: Other versions by hand: MNGR_TEST_PROGRAMS="opencode-ai@1.18.21 …" takes the place of what is here of the same name.
OTHERS = {one.rpartition("@")[0]: one for one in os.environ.get("MNGR_TEST_PROGRAMS", "").split()}
#: Node 24 is the newest that needs no library which the base image lacks.
PACKAGES = tuple(
    OTHERS.get(one.rpartition("@")[0], one)
    for one in (
        "node@24.21.0",
        "@anthropic-ai/claude-code@2.1.332",
        "@openai/codex@0.171.0",
        "@google/gemini-cli@0.61.0",
        "opencode-ai@1.18.33",
    )
)
#: `silence N` is the tool that may run without permission; `touch` may not.
RECIPE = rf"""
FROM {BASE}
COPY programs /opt/programs
ENV PATH=/opt/programs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN printf '#!/bin/sh\nexec sleep "$1"\n' >/usr/local/bin/silence && chmod +x /usr/local/bin/silence && \
    mkdir -p /root/.codex/rules /root/.gemini/policies && \
    printf '%s\n' 'prefix_rule(pattern=["silence"], decision="allow")' 'prefix_rule(pattern=["touch"], decision="prompt")' \
        >/root/.codex/rules/default.rules && \
    printf '%s\n' '[[rule]]' 'toolName = "run_shell_command"' 'commandPrefix = "silence"' 'decision = "allow"' 'priority = 100' \
        >/root/.gemini/policies/test.toml
"""
HASH = hashlib.sha256("\n".join((*PACKAGES, RECIPE)).encode()).hexdigest()[:12]
IMAGE = f"mngr-test-programs:{HASH}"
#: A whole installation took 40 s to 2 minutes.
INSTALL_LIMIT_S = 900


class Missing(Exception):
    """They can't be had here; the text says why."""


def image() -> str:
    """The image's name; installs and builds what isn't there. Raises Missing."""
    if not shutil.which("docker") or _docker("version", check=False).returncode:
        raise Missing("no Docker daemon: run `scripts/dockerd start`")
    if not _docker("images", "-q", BASE).stdout.strip():
        raise Missing(f"image {BASE} isn't there: run `python -m mngr.simcloud images`")
    if not shutil.which("npm"):
        raise Missing("npm isn't installed, which brings Claude Code, Codex, Gemini CLI and OpenCode")
    with _lock() as cache:
        if not _docker("images", "-q", IMAGE).stdout.strip():
            _build(_installed(cache))
    return IMAGE


@contextmanager
def _lock() -> Iterator[Path]:
    """One at a time, whatever processes there are: the first makes it, the others find it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mngr" / "programs"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield cache


def _installed(cache: Path) -> Path:
    """The folder to build from: `programs/` in it is npm's prefix. It gets its name once it is whole."""
    whole = cache / HASH
    if not whole.exists():
        part = cache / f"{HASH}.part"
        shutil.rmtree(part, ignore_errors=True)
        # npm gives an older version where this computer's Node is older than a program wants; it is asked for by number.
        words = [
            "npm",
            "install",
            "--global",
            "--no-audit",
            "--no-fund",
            "--fetch-retries=1",
            "--prefix",
            str(part / "programs"),
            *PACKAGES,
        ]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            raise Missing(f"npm didn't install the four programs within {INSTALL_LIMIT_S} s") from None
        if done.returncode:
            said = [
                line.split("code ", 1)[1]
                for line in done.stderr.splitlines()
                if line.startswith("npm error code ")
            ]
            raise Missing(f"npm can't install the four programs here: {said[0] if said else done.returncode}")
        part.rename(whole)
    return whole


def _build(folder: Path) -> None:
    (folder / "Dockerfile").write_text(RECIPE)
    built = _docker("build", "-qt", IMAGE, str(folder), check=False, limit_s=600)
    if built.returncode:
        raise RuntimeError(built.stderr)


def _docker(*words: str, check: bool = True, limit_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, timeout=limit_s, check=check)
