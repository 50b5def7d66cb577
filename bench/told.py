"""How long after an agent ended `mngr wait` says so, on this computer."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.measure import LIMIT_S, Row
from bench.setting import Setting, fresh

ROUNDS = 5


def rows(folder: Path) -> Iterator[Row]:
    setting = fresh(folder / "told")
    took: list[float] = []
    try:
        for number in range(ROUNDS):
            took.append(_one(setting, f"a{number}"))
    finally:
        setting.run("destroy", *(f"a{number}" for number in range(len(took))), "--yes", "-q")
    yield Row("mngr wait: from an agent's end", median(took), "that end", 0, median(took), 1, by="+")


def _one(setting: Setting, name: str) -> float:
    """Seconds from when the agent ended to when `mngr wait` had ended."""
    go, ended = setting.folder / f"go-{name}", setting.folder / f"ended-{name}"
    line = f"while [ ! -e {go} ]; do sleep 0.02; done; date +%s.%N >{ended}"
    setting.run("create", name, "--no-connect", "-q", "--", "sh", "-c", line)
    argv = setting.mngr("wait", name, "--for", "done")
    with subprocess.Popen(argv, env=setting.env, cwd=setting.folder, stdout=subprocess.DEVNULL) as waiting:
        listeners = setting.folder / "home" / "agents"
        until = time.monotonic() + LIMIT_S
        while not list(listeners.glob(".listener-*")) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.5)
        go.touch()
        if waiting.wait(LIMIT_S):
            raise RuntimeError(f"mngr wait {name} ended with {waiting.returncode}")
    return time.time() - float(ended.read_text())
