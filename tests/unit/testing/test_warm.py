"""A run of mngr that is forked of one that has all imported is as one that is started anew."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from mngr.testing import warm
from mngr.testing.cli import Cli
from mngr.testing.warm import Warm


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli({**os.environ, "MNGR_HOME": str(tmp_path / "home")}, tmp_path)


def test_what_it_prints_and_how_it_ends_is_the_same(cli: Cli) -> None:
    assert warm.can(cli.env)
    for words in (
        ["list", "--format", "json"],
        ["lis"],
        ["--version"],
        ["show", "nobody"],
        ["config", "path"],
    ):
        cold = cli.start(*words, before=["env"])
        out, err = cold.communicate(timeout=60)
        done = cli(*words)
        assert (done.code, done.out, done.err) == (cold.returncode, out, err), words


def test_it_has_the_environment_and_directory_it_is_given_and_a_session_of_its_own(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "docker").write_text(f'#!/bin/sh\necho "$MY_PID $(pwd)" >{tools}/said\nexit 1\n')
    (tools / "docker").chmod(0o755)
    env = {**os.environ, "MNGR_HOME": str(tmp_path / "home"), "PATH": f"{tools}:{os.environ['PATH']}"}
    with Warm(["list", "--provider", "docker"], env, tmp_path, own_id="MY_PID") as process:
        assert os.getsid(process.pid) == process.pid
        process.communicate(timeout=60)
    assert (tools / "said").read_text() == f"{process.pid} {tmp_path}\n"
    assert "MY_PID" not in os.environ


def test_one_that_is_killed_says_so_and_one_that_runs_is_waited_for(cli: Cli) -> None:
    cli.ok("create", "a1", "--no-connect", "-q", "--", "sleep", "1000")
    try:
        process = cli.start("wait", "a1", "--for", "done")
        assert process.poll() is None
        began = time.monotonic()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert time.monotonic() - began < 5
        process.kill()
        assert process.wait(20) == process.poll() == -signal.SIGKILL
        process.communicate()
    finally:
        cli.ok("destroy", "a1", "--yes", "-q")


def test_python_s_own_settings_take_a_fresh_one(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('from there')\n")
    assert not warm.can({**cli.env, "PYTHONPATH": str(tmp_path)})
    other = Cli({**cli.env, "PYTHONPATH": str(tmp_path)}, tmp_path)
    assert other("--version").out.startswith("from there\n")
    assert json.loads(cli("list", "--format", "json").out)["agents"] == []
