"""mngr on this computer, as its user types it: a home, a tmux folder and a directory of its own; nothing may be left of it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from support.cli import Cli

#: The variable that processes of a test inherit, and by which those that stay are found. (The tmux server, the watcher
#: and an agent's shell have none of it: they are found by the MNGR_HOME in their command line, what is opened in a session
#: by hand by the same folder in TMUX_TMPDIR.)
MARK = "LOCAL_TEST"


class Local(Cli):
    """A user's command line in `cwd`. Its tmux servers are below a folder of its own."""

    def __init__(self, home: Path, cwd: Path, tmux: Path) -> None:
        env = {"TMUX_TMPDIR": str(tmux), MARK: str(tmux), "PATH": os.environ["PATH"]}
        super().__init__(home, env, cwd)
        self.env.pop("TMUX", None)
        self.tmux = tmux

    def create(self, name: str, *command: str, options: tuple[str, ...] = ()) -> None:
        self.run("create", name, "--no-connect", "--quiet", *options, *(["--", *command] if command else []))

    def state(self, name: str) -> str:
        return self.agent(name)["state"]

    def names(self) -> list[str]:
        return [one["name"] for one in self.json("list")["agents"]]

    def until_state(self, name: str, state: str, limit_s: float = 25) -> dict[str, object]:
        """The agent's row once it is in that state."""
        end = time.monotonic() + limit_s
        while (row := self.agent(name))["state"] != state:
            assert time.monotonic() < end, f"{name} is {row['state']}, not {state}, after {limit_s} s"
            time.sleep(0.3)
        return row

    def processes(self) -> dict[int, str]:
        """What runs on this computer because of this test: pid → command line."""
        wanted = {f"{name}={self.env[MARK]}".encode() for name in (MARK, "TMUX_TMPDIR")}
        found: dict[int, str] = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                marks = wanted & {*(folder / "environ").read_bytes().split(b"\0")}
                if line and (marks or f"{self.home}/" in line):
                    found[int(folder.name)] = line.strip()
            except OSError:
                continue
        return found

    def processes_with(self, part: str) -> list[int]:
        """Those of this test's processes that have `part` in their command line."""
        return [pid for pid, line in self.processes().items() if part in line]

    def end(self, part: str) -> None:
        """Kills those of this test's processes, and their children, that have `part` in their command line."""
        for pid, line in self.processes().items():
            if part in line:
                for child in [*_children(pid), pid]:
                    with suppress(ProcessLookupError):
                        os.kill(child, 9)

    def until_quiet(self, limit_s: float = 12, but: str = "") -> None:
        """Waits until nothing of this test runs any more (`but`: what may, by a part of its command line)."""
        end = time.monotonic() + limit_s
        while left := {pid: line for pid, line in self.processes().items() if not but or but not in line}:
            assert time.monotonic() < end, f"still running after {limit_s} s: {left}"
            time.sleep(0.1)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextmanager
def local_user(home: Path, folder: Path) -> Iterator[Local]:
    """A user who works in `folder`. At the end all agents are destroyed; fails if something still runs then.

    (But for the watcher, which looks every 3 s whether an agent is left: one test waits for it, the others don't.)
    """
    folder.mkdir(parents=True, exist_ok=True)
    tmux = Path(tempfile.mkdtemp(prefix="mngr-tmux-", dir="/tmp"))
    local = Local(home, folder, tmux)
    try:
        yield local
        names = local.names()
        if names:
            local.run("destroy", *names, "--yes", "--quiet")
        local.end("watch.sh")
        local.until_quiet()
    finally:
        local.end("")
        shutil.rmtree(tmux, ignore_errors=True)
