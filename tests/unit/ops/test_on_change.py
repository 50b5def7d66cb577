"""The command of `on_change`: it can't hold up whoever runs it."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mngr.config.schema import Config
from mngr.model.clock import SYSTEM
from mngr.model.errors import MngrError, TimedOut
from mngr.model.events import Event
from mngr.ops import on_change
from mngr.ops.on_change import OnChange


def made(home: Path, command: str, told: list[MngrError] | None = None) -> OnChange:
    mngr: Any = SimpleNamespace(config=Config(on_change=command), home=home, clock=SYSTEM)
    return OnChange(mngr, (told if told is not None else []).append)


def event(name: str, number: int | None = None) -> Event:
    return Event(
        at=7, number=number, host_id="h", host="h", provider="p", agent_id=name, name=name, state="done"
    )


def until_lines(file: Path, number: int) -> None:
    end = time.monotonic() + 20
    while not file.exists() or len(file.read_text().splitlines()) < number:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_left_the_command_s_group_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_change, "LIMIT_S", 0.3)
    monkeypatch.setattr(on_change, "AT_ONCE", 1)
    left, told = tmp_path / "left", list[MngrError]()
    ours = made(tmp_path, f"setsid sh -c 'sleep 30 & echo $! >>{left}; wait' & sleep 30", told)
    ours(event("one"))
    until_lines(left, 1)
    ours(event("two"))
    try:
        until_lines(left, 2)
    finally:
        for pid in left.read_text().split():
            _kill(int(pid))
    assert [type(one) for one in told] == [TimedOut]


def test_what_a_command_leaves_behind_isn_t_waited_for(tmp_path: Path) -> None:
    left, told = tmp_path / "left", list[MngrError]()
    with made(tmp_path, f"sleep 1000 & echo $! >{left}; echo no room >&2; exit 3", told) as ours:
        ours(event("one"))
    _kill(int(left.read_text()))  # it is still there
    assert [str(one) for one in told] == ["on_change: its command gave 3: no room"]


def test_an_interrupt_ends_what_runs(tmp_path: Path) -> None:
    began = tmp_path / "began"
    with contextlib.suppress(KeyboardInterrupt), made(tmp_path, f"echo $$ >>{began}; sleep 1000") as ours:
        ours(event("one"))
        until_lines(began, 1)
        raise KeyboardInterrupt
    end = time.monotonic() + 10
    while Path(f"/proc/{began.read_text().strip()}").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_another_mngr_s_turn_comes_as_soon_as_this_one_follows_no_more(tmp_path: Path) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    command = f"until [ -e {go} ]; do sleep 0.05; done; cat >>{done}"
    first, second = made(tmp_path, command), made(tmp_path, command)
    first(event("one"))
    second(event("one"))
    with first.turn([]):
        pass
    first(event("two"))
    second(event("two"))
    go.touch()
    first.close()
    second.close()
    assert sorted(json.loads(line)["name"] for line in done.read_text().splitlines()) == ["one", "two"]


def test_a_change_that_comes_when_another_mngr_has_run_it_is_not_run_again(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with made(tmp_path, f"cat >>{done}") as first, first.turn([]):
        first(event("one", 41))
    with made(tmp_path, f"cat >>{done}") as second:
        second(event("one", 41))
        second(event("two", 42))
    assert sorted(json.loads(line)["name"] for line in done.read_text().splitlines()) == ["one", "two"]


def test_what_came_already_is_run_when_it_follows_no_more(tmp_path: Path) -> None:
    done = tmp_path / "done"
    with made(tmp_path, f"cat >>{done}") as ours:
        ours(event("one"))
        with ours.turn([event("two")]):
            assert ours.on
    assert sorted(json.loads(line)["name"] for line in done.read_text().splitlines()) == ["one", "two"]


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
