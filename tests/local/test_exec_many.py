"""`mngr exec` beside several agents."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.local import Local


def until(what: Callable[[], object], limit_s: float = 60) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def three(mngr: Local) -> Local:
    for name in ("web", "api", "worker"):
        mngr.create(name, "sh", "-c", "exec sleep 1000", options=("--env", f"ME={name}"))
    return mngr


def test_each_line_has_its_agents_name(three: Local) -> None:
    done = three.run("exec", "web,worker", 'echo "$ME"; echo two; echo bad >&2; printf end')
    assert sorted(done.stdout.splitlines()) == [
        "web    | end", "web    | two", "web    | web", "worker | end", "worker | two", "worker | worker",
    ]  # fmt: skip
    assert sorted(done.stderr.splitlines()) == ["web    | bad", "worker | bad"]
    done = three.run("exec", "-a", "sh", "-c", 'echo "$ME"')
    assert sorted(done.stdout.splitlines()) == ["api    | api", "web    | web", "worker | worker"]
    done = three.run("exec", "-", "--", "sh", "-c", "cat; echo $ME", input="api\nweb\n")
    assert sorted(done.stdout.splitlines()) == ["api | api", "web | web"]


def test_those_that_failed_come_last_and_the_worst_code_counts(three: Local) -> None:
    line = "case $ME in web) exit 3;; api) exit 42;; esac; sleep 0.5; echo out >&2"
    done = three.run("exec", "web,api,worker", line, code=42)
    assert done.stderr.splitlines() == ["worker | out", "mngr: web: exit code 3", "mngr: api: exit code 42"]
    done = three.run("exec", "web,worker,web", "echo x")
    assert len(done.stdout.splitlines()) == 2


def test_what_can_t_be_is_said_before_anything_runs(three: Local, tmp_path: Path) -> None:
    assert "nobody" in three.run("exec", "web,nobody", f"touch {tmp_path}/ran", code=3).stderr
    assert "--tty" in three.run("exec", "-t", "web,api", "true", code=2).stderr
    assert "NAME" in three.run("exec", code=2).stderr
    assert "COMMAND" in three.run("exec", "-a", code=2).stderr
    assert "COMMAND" in three.run("exec", "web,api", code=2).stderr
    assert three.run("exec", ",", "true", code=2).stderr
    assert three.run("exec", "-", "true", input="").stdout == ""
    assert not (tmp_path / "ran").exists()


def test_a_limit_holds_for_each(three: Local) -> None:
    done = three.run(
        "exec", "--timeout", "2", "web,api", '[ "$ME" = web ] || exec sleep 1000; echo done', code=1
    )
    assert done.stdout == "web | done\n"
    assert done.stderr == "mngr: api: the command didn't end within 2 s\n"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_end_ends_all_of_them(three: Local, tmp_path: Path, signum: int) -> None:
    line = f"touch {tmp_path}/$ME; (sleep 1212); echo late >>{tmp_path}/late"
    running = three.start("exec", "-a", line)
    until(lambda: all((tmp_path / name).exists() for name in ("web", "api", "worker")))
    running.send_signal(signum)
    assert running.wait(60) == 130
    running.communicate()
    until(lambda: not three.processes_with("sleep 1212"))
    assert not (tmp_path / "late").exists()


def test_a_line_without_an_end_comes_in_parts(three: Local) -> None:
    done = three.run("exec", "web,api", 'printf "%0200000d" 7')
    text = done.stdout.replace("web | ", "").replace("api | ", "").replace("\n", "")
    assert len(text) == 400_000


def test_what_goes_on_in_the_background_is_not_waited_for(three: Local) -> None:
    """As with one agent, where the command's own end is the end."""
    line = "sleep 1213 & echo begun; printf half"
    done = three.run("exec", "web,api", line)
    assert sorted(done.stdout.splitlines()) == ["api | begun", "api | half", "web | begun", "web | half"]
    for pid in three.processes_with("sleep 1213"):
        os.kill(pid, signal.SIGKILL)


def test_who_reads_no_more_ends_them(three: Local) -> None:
    running = three.start("exec", "-a", "while sleep 0.05; do echo 1214; done")
    assert running.stdout
    assert "| 1214" in running.stdout.readline()
    running.stdout.close()
    assert running.wait(60) == 0
    until(lambda: not three.processes_with("echo 1214"))
