"""`from mngr import Mngr`: its examples, the README's, a script, and a notebook's surroundings; all on this computer."""

import asyncio
import doctest
import inspect
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mngr import Agent, Host, Mngr, MngrError
from mngr.model.errors import Conflict, InvalidInput, NotFound, TimedOut
from mngr.ops.mngr import Listed
from support.local import MARK, Local

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture
def front(mngr: Local, monkeypatch: pytest.MonkeyPatch) -> Mngr:
    """The front door of this test's user, in this process."""
    for name in (MARK, "TMUX_TMPDIR", "MNGR_HOME"):
        monkeypatch.setenv(name, mngr.env[name])
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.chdir(mngr.cwd)
    return Mngr()


def public() -> list[tuple[str, object]]:
    """All that the front door offers and that does something: classes, methods."""
    found: list[tuple[str, object]] = []
    for one in (Mngr, Agent, Host, Listed):
        found.append((one.__name__, one))
        found += [
            (f"{one.__name__}.{name}", value)
            for name, value in vars(one).items()
            if inspect.isfunction(value) and not name.startswith("_") and name != "phases"
        ]
    return found


@pytest.mark.parametrize(("name", "what"), public(), ids=[name for name, _ in public()])
def test_everything_has_an_example(name: str, what: object) -> None:
    assert ">>>" in (what.__doc__ or ""), f"{name} has no example"


def test_the_examples_are_true(front: Mngr) -> None:
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    told: list[str] = []
    for name, what in public():
        for test in finder.find(what, name, globs={"mngr": front, "MngrError": MngrError}):
            runner.run(test, out=told.append)
    assert not runner.failures, "".join(told)
    assert runner.tries > 30
    for agent in front.list():
        agent.destroy()


def test_the_example_is_the_first_life(mngr: Local) -> None:
    done = subprocess.run(
        [sys.executable, TOP / "examples/first_life.py"], env=mngr.env, cwd=mngr.cwd, capture_output=True, text=True
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "first is running on localhost.local",
            "first running running",
            "3 hello",
            "after a stop: stopped, its host running",
            "after a start: running, its host running",
            "its host stays",
        ],
    ), done.stderr
    assert mngr.names() == []


def test_the_readme_s_code_runs(mngr: Local) -> None:
    section = (TOP / "README.md").read_text().split("\n### From Python\n")[1].split("\n## ")[0]
    code = "".join(line[4:] + "\n" for line in re.findall(r"^    .*|^$", section, re.MULTILINE))
    done = subprocess.run(
        [sys.executable, "-c", code], env=mngr.env, cwd=mngr.cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert mngr.names() == []


def test_a_plan_makes_nothing_and_is_then_made(front: Mngr, mngr: Local) -> None:
    plan = front.plan("later", command=["sleep", "1000"], labels={"team": "docs"})
    assert (plan.costs, plan.offer.per_hour, plan.request.name) == (False, None, "later")
    assert mngr.names() == []
    assert front.create(plan).labels == {"team": "docs"}
    with pytest.raises(Conflict, match="agent later is on local already"):
        front.plan("later")
    with pytest.raises(InvalidInput, match="a plan is created as it is"):
        front.create(plan, env={"A": "b"})


def test_an_agent_begins_in_a_directory_of_its_source(front: Mngr, tmp_path: Path) -> None:
    (tmp_path / "app/docs").mkdir(parents=True)
    agent = front.create("docs", command=["sleep", "1000"], source=tmp_path / "app", subdirectory="docs")
    assert agent.exec("pwd").text == f"{tmp_path}/app/docs\n"
    for odd, why in (("../x", "isn't below"), ("/etc", "isn't below"), ("none", "no such directory")):
        with pytest.raises(InvalidInput, match=why):
            front.plan("odd", source=tmp_path / "app", subdirectory=odd)
    with pytest.raises(InvalidInput, match="in no source"):
        front.plan("odd", subdirectory="docs")


def test_an_argument_that_there_isn_t_is_refused(front: Mngr) -> None:
    with pytest.raises(TypeError, match="no such argument: imgae"):
        front.create("odd", imgae="x")  # type: ignore[call-arg]


def test_ssh_settings_are_written_whole_or_not_at_all(front: Mngr, tmp_path: Path) -> None:
    file = tmp_path / "mngr.conf"
    assert front.ssh_config(file).text == file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidInput, match="isn't a file that can be written"):
        front.ssh_config(tmp_path / "none/mngr.conf")


def test_it_works_in_a_thread_beside_a_running_event_loop(front: Mngr) -> None:
    """As in a notebook, whose cells run within one."""
    seen: list[object] = []

    async def cell() -> None:
        agent = front.create("cell", command=["sleep", "1000"])
        seen.append(agent.exec(["echo", "hello"]).text)
        agent.stop()
        agent.start()
        seen.append(agent.state)
        agent.destroy()
        seen.append(len(front.list()))

    thread = threading.Thread(target=lambda: asyncio.run(cell()))
    thread.start()
    thread.join(120)
    assert seen == ["hello\n", "running", 0]


def test_a_command_that_takes_too_long_is_ended_with_its_children(front: Mngr, mngr: Local) -> None:
    agent = front.create("late", command=["sleep", "1000"])
    with pytest.raises(TimedOut, match=r"didn't end within 0\.5 s"):
        agent.exec("sleep 77.7 & sleep 77.7", timeout=0.5)
    assert not [line for line in mngr.processes().values() if line == "sleep 77.7"]
    assert agent.exec(["printf", "%s|", "a b", "$HOME", "'"]).text == "a b|$HOME|'|"
    (Path(agent.work_dir) / "odd $name").write_text("#!/bin/sh\necho odd\n")
    (Path(agent.work_dir) / "odd $name").chmod(0o700)
    assert agent.exec(["./odd $name"]).text == "odd\n", "one word isn't a shell line"


def test_the_command_s_own_exit_codes_are_no_time_out(front: Mngr, mngr: Local) -> None:
    agent = front.create("codes", command="sleep 1000")
    assert agent.command == ["sh", "-c", "sleep 1000"]
    assert [agent.exec(f"exit {code}", timeout=30).code for code in (124, 137)] == [124, 137]
    assert agent.exec("kill -9 $$").code == 137
    for odd in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="time-out"):
            agent.exec("true", timeout=odd)


def test_what_ends_an_exec_ends_its_command(front: Mngr, mngr: Local) -> None:
    class Enough(Exception):
        pass

    def enough(signum: int, frame: object) -> None:
        raise Enough

    agent = front.create("enough", command=["sleep", "1000"])
    before = signal.signal(signal.SIGALRM, enough)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        with pytest.raises(Enough):
            agent.exec("sleep 77.8")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not [line for line in mngr.processes().values() if line == "sleep 77.8"]


def test_no_verb_acts_on_another_agent_of_the_name(front: Mngr) -> None:
    first = front.create("one", command=["sleep", "1000"])
    front.agent("one").destroy()
    second = front.create("one", command=["sleep", "1000"])
    assert first.destroy().stays_with == ["one"]
    for verb in (first.stop, first.start, first.refresh, first.logs, first.losses, first.pull):
        with pytest.raises(NotFound, match="gone"):
            verb()
    with pytest.raises(NotFound, match="gone"):
        first.exec("true")
    assert second.refresh().state in ("running", "waiting")


def test_a_new_agent_s_host_has_the_others(front: Mngr) -> None:
    front.create("one", command=["sleep", "1000"])
    host = front.create("two", command=["sleep", "1000"]).host
    assert sorted(agent.name for agent in host.agents) == ["one", "two"]
    assert host.view.permanent


def test_it_raises_what_the_command_line_shows(front: Mngr, mngr: Local) -> None:
    agent = front.create("only", command=["true"])
    with pytest.raises(Conflict, match="agent only is on local already"):
        front.create("only", command=["true"])
    with pytest.raises(NotFound, match="there is no agent called onyl") as raised:
        front.agent("onyl")
    assert raised.value.hint == "did you mean only?"
    with pytest.raises(MngrError, match="label"):
        front.create("two", labels={"a=b": "c"})
    mngr.until_state("only", "done")
    assert (agent.refresh().state, agent.exit_code) == ("done", 0)
    assert agent.created is not None
    assert [phase.name for phase in agent.created.phases] == ["check", "agent"]
    agent.destroy()
    assert agent.destroy().stays_with == [], "gone already is success"
