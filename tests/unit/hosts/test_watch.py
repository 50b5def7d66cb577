"""The watcher itself, on a host dir whose agents are processes of this test: no tmux is needed. It looks each second here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mngr.hosts import scripts

#: Fails as long as a file says so, and tells that it did; notes which CPU times it was told.
AWK = """#!/bin/sh
if [ -e {top}/broken ] && [ -n "${{roster-}}" ]; then echo >>{top}/failed; exit 2; fi
[ -z "${{roster-}}" ] || printf '%s\\n' "${{cpu-}}${{warm-}}" >>{top}/cpu
exec {awk} "$@"
"""


class Host:
    def __init__(self, top: Path) -> None:
        self.top = top
        self.dir = top / "dir"
        self.agent = self.dir / "agents/a"
        self.agent.mkdir(parents=True)
        self.processes: list[subprocess.Popen[bytes]] = []
        (top / "bin").mkdir()
        (top / "bin/awk").write_text(AWK.format(top=top, awk=shutil.which("awk")))
        (top / "bin/awk").chmod(0o755)
        (self.dir / "idle.conf").write_text(
            "mode=io\ntimeout=100000\nsignals=user agent ssh\nhost_stop=sentinel\n"
        )

    def start(self, rules: str, *command: str) -> None:
        """An agent whose command is `command`, and the watcher."""
        env = {**os.environ, "MNGR_AGENT_ID": "a", "PATH": f"{self.top}/bin:{os.environ['PATH']}"}
        program = subprocess.Popen([*command], env=env, start_new_session=True)
        began = Path(f"/proc/{program.pid}/stat").read_text().rpartition(") ")[2].split()[19]
        (self.agent / "session").write_text("fix\n")
        (self.agent / "rules").write_text(rules)
        (self.agent / "log").write_text("")
        (self.agent / "process").write_text(f"{program.pid} {began} %0\n")
        watch = scripts.text("watch").replace("every=3", "every=1").replace("rarely=150", "rarely=0")
        assert "every=1" in watch
        assert "rarely=0" in watch
        (self.top / "watch.sh").write_text(watch)
        del env["MNGR_AGENT_ID"]
        argv = ["sh", f"{self.top}/watch.sh", str(self.dir), f"none-{os.getpid()}"]
        self.processes = [program, subprocess.Popen(argv, env=env, start_new_session=True)]

    def write(self, text: str) -> None:
        with (self.agent / "log").open("a") as log:
            log.write(text)

    def state(self) -> str:
        """`STATE REASON`"""
        path = self.agent / "state"
        return " ".join(path.read_text().split()[:2]) if path.exists() else ""


def until(what: Callable[[], object], limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    for process in reversed(host.processes):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


RULES = "permission\ttold\task\nfinished\ttold\tover\n"


def test_after_an_awk_that_failed_rules_are_read_again(host: Host) -> None:
    """It was killed, say, as memory was short; nothing is started or stopped meanwhile."""
    host.start(RULES, "sleep", "1000")
    host.write("\033]7501;over\007")
    until(lambda: host.state() == "waiting finished")
    (host.top / "broken").touch()
    host.write("text")
    until((host.top / "failed").exists)
    (host.top / "broken").unlink()
    host.write("\033]7501;ask\007")
    until(lambda: host.state() == "waiting permission")


def test_what_judges_gets_no_more_of_processes_than_it_reads(host: Host) -> None:
    """An environment variable holds 128 KiB, and a host may have thousands of processes."""
    host.start("", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; while :; do :; done")
    until(lambda: (host.top / "cpu").exists() and "hot: a" in (host.top / "cpu").read_text())
    lines = (host.top / "cpu").read_text().splitlines()
    assert {line.partition(" ")[0] for line in lines if line} <= {"hot:", "background:"}


def test_new_rules_count_for_what_was_said_before(host: Host) -> None:
    """`mngr start` of an agent that is alive lays them."""
    host.start("finished\ttold\task\n", "sleep", "1000")
    host.write("\033]7501;ask\007")
    until(lambda: host.state() == "waiting finished")
    time.sleep(0.1)
    (host.top / "new").write_text(RULES)
    (host.top / "new").replace(host.agent / "rules")
    until(lambda: host.state() == "waiting permission")


def test_who_is_made_ready_runs_until_that_is_done(host: Host) -> None:
    (host.agent / "readying").touch()
    host.start("finished\ttold\task\n", "sleep", "1000")
    host.write("\033]7501;ask\007")
    until(lambda: host.state())
    assert host.state() == "running -"
    (host.agent / "readying").unlink()
    until(lambda: host.state() == "waiting finished")


def test_a_sign_is_one_line_whatever_it_holds(host: Host) -> None:
    host.start("permission\ttold\task\n", "sleep", "1000")
    host.write("\033]7501;ask \\n \\c x\007")
    until(lambda: host.state() == "waiting permission")
    assert (host.agent / "state").read_text().endswith(" told: ask \\n \\c x\n")


def test_states_are_seen_on_a_full_disk(host: Host) -> None:
    (host.dir / "watch.seen").symlink_to("/dev/full")
    host.start(RULES, "sleep", "1000")
    host.write("\033]7501;over\007")
    until(lambda: host.state() == "waiting finished")
