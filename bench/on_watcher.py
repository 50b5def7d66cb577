"""What it costs to see how ten agents are, and how soon a change is told: the watcher of a host, beside that of an older build.

BENCH_BASE: the older commit (needs a git repository; where there is none, its row is left out).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from bench.measure import Row
from bench.setting import TOP, Setting, fresh
from mngr.hosts import scripts

BASE = os.environ.get("BENCH_BASE", "2c951bb")
ROUNDS = 3
SPAN_S = 15.0
TRIES = 9

#: What ten agents do: some wait, some work; as the four real programs write and blink (figures of November 2026).
RULES = """
[agent_types.played]
command = ["sh", "-c"]
states = [
    { state = "permission", title = "Action Required" },
    { state = "question", title = "Answer Required" },
    { state = "running", title = "^(⠋|⠙)" },
    { state = "running", screen = "esc to interrupt" },
    { state = "finished", screen = "^>" },
]
"""
PROMPT = r"printf '\033]2;topic\007\033[2J\033[H> '"
PLAYS = {
    "waits": f"{PROMPT}; exec sleep 100000",
    "blinks": r"while sleep 1; do printf '\033]2;[ ! ] Answer Required\007'; sleep 1; printf '\033]2;[   ] Answer Required\007'; done",
    "spins": r"while sleep .25; do printf '\033]2;⠋ topic\007\033[3;1HWorking (3s esc to interrupt) %s' aaaaaaaaaaaaaaaaaaaaaaaa; done",
    "repaints": r"""a=$(awk 'BEGIN { for (i = 1; i <= 1600; i++) printf "\033[1mab\033[m" }'); while sleep .5; do printf '\033[H%s esc to interrupt' "$a"; done""",
    "asks": rf"while :; do {PROMPT}; until [ -e go ]; do sleep .02; done; printf '\033]2;[ ! ] Action Required\007'; while [ -e go ]; do sleep .02; done; done",
}
TEN = ["waits", "waits", "waits", "blinks", "spins", "spins", "repaints", "asks"]


def rows(folder: Path) -> Iterator[Row]:
    setting = fresh(folder / "watcher")
    home = Path(setting.env["MNGR_HOME"])
    home.mkdir()
    (home / "config.toml").write_text(RULES)
    setting = setting.with_env(TMUX_TMPDIR=str(folder))
    try:
        for number, play in enumerate(TEN):
            setting.run(
                "create", f"a{number}", "played", "--no-connect", "--no-code", "-q", "--", PLAYS[play]
            )
        for number in range(2):
            setting.run("create", f"shell{number}", "--no-connect", "--no-code", "-q")
        time.sleep(1)  # each create has tried to start a watcher, and the last try has ended
        yield from _rows(setting, home)
    finally:
        setting.run("destroy", "--yes", "-q", *[f"a{n}" for n in range(len(TEN))], "shell0", "shell1")


def _rows(setting: Setting, home: Path) -> Iterator[Row]:
    ours = scripts.text("watch")
    older = _older()
    label = subprocess.run(
        ["sh", "-c", "tr '\\0' ' ' </proc/$(cut -d' ' -f1 \"$1/watch.process\")/cmdline", "sh", str(home)],
        capture_output=True, text=True, check=True,
    ).stdout.split()[-1]  # fmt: skip
    os.kill(int((home / "watch.process").read_text().split()[0]), signal.SIGTERM)
    time.sleep(2)  # so do its children
    pairs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        before = _cost(older, home, label) if older else 0.0
        pairs.append((before, _cost(ours, home, label)))
    cost = median(ours for _, ours in pairs)
    if older:
        yield Row(
            "watcher, ten agents (CPU a second)", cost, BASE, median(base for base, _ in pairs),
            median(ours / base for base, ours in pairs), 0.5,
        )  # fmt: skip
    yield Row("watcher, ten agents", cost, "a core", 1, cost, 0.01)
    with _watcher(ours, home, label):
        time.sleep(3)
        took = [_told(setting.folder / "go", home, n) for n in range(TRIES)]
    yield Row("a change is told (the latest)", max(took), "a second", 1, max(took), 1)


def _older() -> str:
    """The text of the older build's watch.sh; "" if it isn't to be had."""
    here = "src/mngr/hosts/scripts"

    def text(name: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(TOP), "show", f"{BASE}:{here}/{name}.sh"], capture_output=True, text=True
        )
        if done.returncode:
            raise LookupError(done.stderr)
        lines = done.stdout.splitlines(True)
        return "".join(text(one.split()[1]) if one.startswith("#include ") else one for one in lines)

    try:
        return text("watch")
    except LookupError as error:
        print(f"no {BASE} to compare the watcher with: {error}", file=sys.stderr)
        return ""


@contextmanager
def _watcher(text: str, home: Path, label: str) -> Iterator[int]:
    """A watcher of `home`: its process."""
    file = home / "commands/watch-bench.sh"
    file.write_text(text)
    process = subprocess.Popen(
        ["sh", str(file), str(home), label], stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process.pid
        if process.poll() is not None:
            raise RuntimeError("another watcher is at work")
    finally:
        # With its children: they hold its lock, and the next one would end at once.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _cost(text: str, home: Path, label: str) -> float:
    """Seconds of CPU a second that a watcher takes, with what it starts and what that makes the tmux server do.

    (What the server does for the agents is the same for all watchers, and is taken off by a span without one.)"""
    server = int((home / "agents/.server").read_text().split()[0])
    began = _ticks(server)
    time.sleep(SPAN_S)
    alone = _ticks(server) - began
    with _watcher(text, home, label) as pid:
        time.sleep(4)  # it is settled
        began, served = _ticks(pid), _ticks(server)
        at = time.monotonic()
        time.sleep(SPAN_S)
        used, served = _ticks(pid) - began, _ticks(server) - served
        span = time.monotonic() - at
    return (used + max(0, served - alone)) / os.sysconf("SC_CLK_TCK") / span


def _ticks(pid: int) -> int:
    """CPU time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:15]))


def _told(go: Path, asking: Path, number: int) -> float:
    """Seconds from a question on an agent's screen to its line in the events."""
    while any("permission" in file.read_text() for file in asking.glob("agents/*/state")):
        time.sleep(0.1)
    time.sleep(1 + number * 0.13)
    events = asking / "agents/.events"
    known = events.stat().st_size
    go.write_text("")
    began = time.monotonic()
    try:
        while b"waiting permission" not in events.read_bytes()[known:]:
            if time.monotonic() - began > 20:
                raise RuntimeError("no line in .events within 20 s")
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        go.unlink()
