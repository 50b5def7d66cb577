"""The world of provider `local`: a MNGR_HOME of its own, and the tmux server that goes with it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mngr.testing.world import Thing, World


class LocalWorld:
    """Agents on this computer, in a MNGR_HOME below `scratch`. Its tmux server has a label of its own."""

    provider = "local"
    isolated = False
    create: Sequence[str] = ("--no-code",)

    #: Create arguments that can't apply here → what the message names.
    mistakes = (
        (("--image", "debian:bookworm-slim"), "--provider docker"),
        (("-b", "--vps-plan=any"), "-b"),
        (("-s", "--memory=1g"), "-s"),
        (("--idle-timeout", "5m"), "--idle-timeout"),
    )

    def __init__(self, scratch: Path, *, home: str = "home") -> None:
        self.scratch = scratch
        self.env: Mapping[str, str] = {**clean_environment(), "MNGR_HOME": str(scratch / home)}
        self.label = "mngr-" + hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:8]

    @property
    def home(self) -> Path:
        return Path(self.env["MNGR_HOME"])

    def things(self) -> list[Thing]:
        """tmux sessions, folders of agents, and their worktrees."""
        found = [
            Thing("session", session, owner=self._owner(session))
            for session in self._tmux("list-sessions", "-F", "#{session_name}").split()
        ]
        found += [Thing("files", path.name, owner=path.name) for path in self.home.glob("agents/agent-*")]
        found += [Thing("part", path.name, owner=path.name) for path in self.home.glob(".new-*")]
        found += [
            Thing("worktree", path.name, owner=self._worker(path))
            for path in self.home.glob("worktrees/[!.]*")
        ]
        return found

    def now(self) -> float:
        return time.time()

    def pass_time(self, seconds: float) -> None:
        """Files that were left in the middle of being made grow old."""
        for path in self.home.glob(".new-*"):
            then = path.stat().st_mtime - seconds
            os.utime(path, (then, then))

    def other_home(self) -> World:
        return LocalWorld(self.scratch, home=f"home-{os.urandom(4).hex()}")

    def close(self) -> None:
        """Ends the tmux server and all agents in it."""
        self._tmux("kill-server")

    def _owner(self, session: str) -> str:
        return self._tmux("show-environment", "-t", f"={session}", "MNGR_AGENT_ID").strip().partition("=")[2]

    def _worker(self, worktree: Path) -> str:
        """The id of the agent that works there."""
        for file in self.home.glob("agents/agent-*/agent.json"):
            record = json.loads(file.read_text())
            if worktree in (Path(record["work_dir"]), *Path(record["work_dir"]).parents):
                return record["id"]
        return ""

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self.label, *words], capture_output=True, text=True, timeout=30, env=dict(self.env)
        )
        return done.stdout


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would speak to mngr, reach a real account, or hide how wide
    a terminal is."""
    foreign = ("MNGR", "VULTR", "OVH", "AZURE", "TMUX", "COLUMNS", "LINES")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
