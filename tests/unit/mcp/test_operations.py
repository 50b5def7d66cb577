"""Long calls of `mngr mcp`: what their folders say, with workers that the test plays."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pydantic", reason="the extra mcp isn't installed")

from mngr.mcp.operations import KEPT_S, UNHEARD_S, Operations
from mngr.model.errors import NotFound

#: Writes what it is told to be its result, once `go` is there; counts its runs.
PLAY = """
import json, os, sys, time
folder = sys.argv[1]
asked = json.loads(sys.stdin.read())
home = os.path.dirname(os.path.dirname(folder))
open(home + "/runs", "a").write("x")
while not os.path.exists(home + "/go"):
    time.sleep(0.01)
if asked["tool"] == "dies":
    sys.exit(1)
told = {"problem": {"title": "t", "status": 409, "detail": "no"}} if asked["tool"] == "fails" else {"answer": {"is": asked["arguments"]}}
open(folder + "/result.new", "w").write(json.dumps({**told, "at": time.time()}))
os.replace(folder + "/result.new", folder + "/result")
"""


@pytest.fixture
def operations(tmp_path: Path) -> Operations:
    return Operations(tmp_path / "mcp", worker=(sys.executable, "-c", PLAY))


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text()) if (folder / "runs").exists() else 0


def test_the_same_call_finds_it_while_it_runs_and_once_after(operations: Operations, tmp_path: Path) -> None:
    id = operations.begin("a", "c", '{"x":1}', "web")
    assert operations.begin("a", "other", '{"x":1}', "web") == id
    assert operations.begin("a", "c", '{"x":2}', "web") != id
    until(lambda: runs(tmp_path) == 2)
    shown = operations.show(id)
    assert (shown.state, shown.action, shown.target, shown.result) == ("running", "a", "web", None)
    (tmp_path / "go").touch()
    until(lambda: operations.has_ended(id))
    assert operations.begin("a", "c", '{"x":1}', "web") == id
    assert (operations.show(id).state, operations.show(id).result) == ("done", {"is": '{"x":1}'})
    operations.heard(id)
    operations.heard(id)
    assert (operations.show(id).state, [one.id for one in operations.list_() if one.id == id]) == ("done", [])
    assert operations.begin("a", "c", '{"x":1}', "web", within="elsewhere") != id
    until(lambda: runs(tmp_path) == 3)
    assert operations.begin("a", "c", '{"x":1}', "web") == id
    until(lambda: runs(tmp_path) == 4 and operations.has_ended(id))
    with pytest.raises(NotFound):
        operations.show("op-0")


@pytest.mark.parametrize(("tool", "said"), [("fails", "no"), ("dies", "killed before its end")])
def test_one_that_failed_or_was_killed_is_done_again(
    operations: Operations, tmp_path: Path, tool: str, said: str
) -> None:
    (tmp_path / "go").touch()
    id = operations.begin(tool, "c", "{}", "web")
    until(lambda: operations.has_ended(id))
    shown = operations.show(id)
    assert shown.problem
    assert (shown.state, said in shown.problem.detail) == ("failed", True)
    assert operations.begin(tool, "c", "{}", "web") == id
    until(lambda: runs(tmp_path) == 2 and operations.has_ended(id))


def test_parameters_are_not_on_disk(operations: Operations, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    id = operations.begin("fails", "c", '{"env":{"TOKEN":"s3cret"}}', "web")
    until(lambda: operations.has_ended(id))
    files = [one for one in (tmp_path / "mcp").rglob("*") if one.is_file()]
    assert not [one for one in files if "s3cret" in one.read_text()]
    assert not [
        one for one in [tmp_path / "mcp", *(tmp_path / "mcp").iterdir()] if one.stat().st_mode & 0o077
    ]


def test_what_nobody_asks_for_any_more_goes(operations: Operations, tmp_path: Path) -> None:
    class Later:
        ahead = UNHEARD_S + 60

        def now(self) -> float:
            return time.time() + self.ahead

    (tmp_path / "go").touch()
    id = operations.begin("a", "c", "{}", "web")
    until(lambda: operations.has_ended(id))
    later = Later()
    new = Operations(tmp_path / "mcp", later, (sys.executable, "-c", PLAY))  # type: ignore[arg-type]
    assert new.begin("a", "c", "{}", "web") == id
    until(lambda: runs(tmp_path) == 2 and new.has_ended(id))
    later.ahead = KEPT_S + 60
    other = new.begin("a", "c", '{"other":1}', "web")
    assert [one.id for one in new.list_()] == [other]
    until(lambda: new.has_ended(other))
    assert os.listdir(tmp_path / "mcp" / other)
