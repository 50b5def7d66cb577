"""A message to an agent that is ready: from the command to the proof that it was taken. Here, and in a container over ssh."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.measure import Row, paired, wall
from bench.setting import IMAGE, TOP, Setting, fresh

#: In seconds.
LIMIT_S = 1.0
ROUNDS = 15
TUI = TOP / "tests" / "support" / "tui.py"
#: In a container without Python: a prompt, and what comes.
SAYS = "printf '> '; while read -r line; do echo got $line; printf '> '; done"


def rows(folder: Path) -> Iterator[Row]:
    provider = f"bench{os.getpid()}"
    setting = fresh(folder / "talk").with_env(
        TMUX_TMPDIR=str(folder), **{f"MNGR__PROVIDERS__{provider.upper()}__BACKEND": "docker"}
    )
    home = Path(setting.env["MNGR_HOME"])
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(
        "[agent_types.tui]\ncommand = 'exec'\nprompt = '^>$'\nstates = [ { state = 'running', title = '^works$' } ]\n"
    )
    yield _row(
        setting,
        "send, agent here",
        "local",
        [sys.executable, str(TUI), "received", "swallow=0.2", "busy=0.2"],
    )
    try:
        yield _row(
            setting, "send, agent on docker", provider, ["sh", "-c", SAYS], "--image", IMAGE, "--no-code"
        )
    finally:
        for words in (["rm", "-f", "-v"], ["volume", "rm", "-f"], ["rmi"]):
            name = f"mngr-state:{provider}" if words == ["rmi"] else f"mngr-state-{provider}"
            subprocess.run(["docker", *words, name], capture_output=True, timeout=60)


def _row(setting: Setting, what: str, provider: str, command: list[str], *options: str) -> Row:
    setting.run("create", "told", "tui", "--provider", provider, "--no-connect", *options, "--", *command)
    numbers = count()

    def send() -> float:
        seconds = wall(setting.mngr("send", "told", f"message {next(numbers)}"), setting.env, setting.folder)
        time.sleep(0.4)  # it is ready again
        return seconds

    try:
        return paired(what, send, "nothing", lambda: 0.0, limit=LIMIT_S, rounds=ROUNDS, by="+")
    finally:
        setting.run("destroy", "told", "--force")
