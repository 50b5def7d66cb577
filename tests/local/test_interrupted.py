"""Ctrl-C and SIGTERM in the middle of a command: exit code 130, and nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from mngr import cli
from mngr.agents import tmux
from mngr.agents.tmux import Place
from mngr.model.errors import Conflict, NotFound
from mngr.model.records import AgentRecord, HostRecord, decode
from mngr.transport.local import Local as ThisComputer
from support.local import Local

#: Holds each call of tmux that starts a session, and says that it does.
SLOW_TMUX = """#!/bin/sh
case " $* " in
*" new-session "*) touch "{folder}/held"; sleep {seconds} ;;
esac
exec {tmux} "$@"
"""


def on_its_host(mngr: Local, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, AgentRecord, Place]:
    """The only agent's folder and record, and its host as a killed command's part would reach it."""
    (folder,) = (mngr.home / "agents").glob("agent-*")
    agent = decode((folder / "agent.json").read_bytes(), AgentRecord)
    host = decode((mngr.home / "host.json").read_bytes(), HostRecord)
    monkeypatch.setenv("TMUX_TMPDIR", mngr.env["TMUX_TMPDIR"])
    return folder, agent, Place(transport=ThisComputer(), host_dir=host.host_dir, label=host.tmux_label)


@pytest.fixture
def slow(mngr: Local, tmp_path: Path) -> Path:
    """A tmux that takes three seconds to start a session; the file `held` shows that it has begun."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tmux").write_text(SLOW_TMUX.format(folder=folder, seconds=3, tmux=shutil.which("tmux")))
    (folder / "tmux").chmod(0o755)
    mngr.env["PATH"] = f"{folder}:{mngr.env['PATH']}"
    return folder


def until_held(folder: Path) -> None:
    end = time.monotonic() + 20
    while not (folder / "held").exists():
        assert time.monotonic() < end, "tmux wasn't called"
        time.sleep(0.02)


def test_ctrl_c_during_create_takes_everything_back(mngr: Local, slow: Path) -> None:
    process = mngr.start("create", "a1", "--no-connect", "--", "sleep", "1000", start_new_session=True)
    until_held(slow)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of the command's processes
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "interrupted" in err
    assert "Traceback" not in err
    assert mngr.names() == []
    assert list((mngr.home / "agents").glob("agent-*")) == []
    mngr.until_quiet(but="watch.sh")


def test_sigterm_to_mngr_alone_takes_everything_back(mngr: Local, slow: Path) -> None:
    process = mngr.start("create", "a1", "--no-connect", "--", "sleep", "1000")
    until_held(slow)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert mngr.names() == []
    mngr.until_quiet(but="watch.sh")


def test_after_sigkill_the_next_create_goes_on(mngr: Local, slow: Path) -> None:
    process = mngr.start("create", "a1", "--no-connect", "--", "sleep", "1000")
    until_held(slow)
    process.kill()
    process.communicate(timeout=60)
    mngr.create("a1", "sleep", "1000")
    assert mngr.names() == ["a1"]
    assert mngr.run("gc").stdout == "nothing to do\n"
    assert mngr.state("a1") in ("running", "waiting")


def test_the_late_start_of_a_killed_create_makes_no_second_agent_of_its_name(
    mngr: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    mngr.create("a1", "sleep", "1000")
    folder, first, place = on_its_host(mngr, monkeypatch)
    late = msgspec.structs.replace(first, id="agent-late")
    with pytest.raises(Conflict, match="a1"):
        tmux.start(place, late, tmux.agent_files(late, {}, {"command.sh": "sleep 1000"}))
    mngr.run("stop", "a1")  # a name is taken also while its session isn't there
    with pytest.raises(Conflict, match="a1"):
        tmux.start(place, late, tmux.agent_files(late, {}, {"command.sh": "sleep 1000"}))
    assert mngr.names() == ["a1"]
    assert list((mngr.home / "agents").glob("agent-*")) == [folder]
    mngr.run("start", "a1")
    assert mngr.state("a1") in ("running", "waiting")


def test_the_late_start_of_an_agent_that_was_removed_is_refused(
    mngr: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    mngr.create("a1", "sleep", "1000")
    _, agent, place = on_its_host(mngr, monkeypatch)
    with pytest.raises(Conflict, match="has come up"):
        tmux.remove(place, agent, half_made=True)
    assert mngr.state("a1") in ("running", "waiting")
    mngr.run("destroy", "--yes", "a1")
    with pytest.raises(NotFound, match="a1"):
        tmux.start(place, agent, tmux.agent_files(agent, {}, {"command.sh": "sleep 1000"}))
    assert mngr.names() == []
    assert list((mngr.home / "agents").glob("agent-*")) == []
    mngr.create("a1", "sleep", "1000")


def test_ctrl_c_during_exec_goes_to_the_command(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    process = mngr.start("exec", "a1", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done", start_new_session=True)  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out == "caught\n"
    assert process.returncode == 9


def test_two_creates_of_one_name_at_once_make_one(mngr: Local, slow: Path) -> None:
    first = mngr.start("create", "a1", "--no-connect", "--", "sleep", "1000")
    until_held(slow)
    second = mngr.run("create", "a1", "--no-connect", "--", "sleep", "1000", code=4)
    assert "mngr: " in second.stderr
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert mngr.names() == ["a1"]


def program(mngr: Local, *args: str) -> subprocess.Popen[str]:
    """The program itself (the other tests start Python), where Ctrl-C isn't ignored."""
    path = f"{Path(sys.executable).parent}:{mngr.env['PATH']}"  # it takes the first python3
    return subprocess.Popen(
        ["sh", str(Path(cli.__file__).with_name("mngr.sh")), *args], env={**mngr.env, "PATH": path}, cwd=mngr.cwd,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_at_any_moment_is_no_traceback(mngr: Local, signum: signal.Signals) -> None:
    for moment_ms in range(0, 200, 8):
        process = program(mngr, "list")
        time.sleep(moment_ms / 1000)
        os.killpg(process.pid, signum)
        _, err = process.communicate(timeout=60)
        # Right at the start it is the shell, or for SIGTERM Python, that the signal ends.
        assert process.returncode in (0, 130, -signum), (moment_ms, err)
        assert err.strip() in ("", "mngr: interrupted"), moment_ms


def test_commands_and_agents_inherit_no_ignored_ctrl_c(mngr: Local) -> None:
    look = "grep SigIgn /proc/self/status"
    assert (
        program(mngr, "create", "a1", "--no-connect", "--", "sh", "-c", f"{look}; sleep 1000").wait(60) == 0
    )
    said, _ = program(mngr, "exec", "a1", look).communicate(timeout=60)
    said += program(mngr, "logs", "a1").communicate(timeout=60)[0]
    ignored = [int(line.split()[1], 16) for line in said.splitlines() if line.startswith("SigIgn")]
    assert len(ignored) == 2, said
    assert not any(one & 1 << signal.SIGINT - 1 for one in ignored), said
