"""Agents' sessions in a container: the image's configuration of tmux, stray processes, what keeps a host up."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Cli

from .conftest import IMAGE, INSTANCE, docker, until


@pytest.fixture
def mngr(image: str, tmp_path: Path) -> Iterator[Cli]:
    """A user whose container has a tmux configuration that ends what nobody looks at."""
    assert image == IMAGE
    docker("build", "-qt", f"{INSTANCE}-conf", "-", input=f"FROM {IMAGE}\nRUN echo 'set -g destroy-unattached on' | tee /etc/tmux.conf >/root/.tmux.conf\n".encode())  # fmt: skip
    mngr = Cli(tmp_path / "home")
    mngr.home.mkdir()
    config = f'default_provider = "{INSTANCE}"\n[providers.{INSTANCE}]\nbackend = "docker"\n'
    (mngr.home / "config.toml").write_text(config)
    try:
        yield mngr
    finally:
        mngr.run("destroy", "@box", "--yes", "-q", code=None)
        docker("rmi", "-f", f"{INSTANCE}-conf", check=False)


def create(mngr: Cli, name: str, *command: str) -> dict[str, object]:
    mngr.run(
        "create",
        f"{name}@box",
        "--no-code",
        "--no-connect",
        "-q",
        "--image",
        f"{INSTANCE}-conf",
        "--",
        *command,
    )
    return mngr.agent(name)


def test_who_looks_on_when_the_host_stops_is_told(mngr: Cli, tmp_path: Path) -> None:
    mngr.run(
        "create", "a1@box", "--no-code", "--no-connect", "-q", "--image", IMAGE, "--idle-mode", "boot",
        "--idle-timeout", "15", "--", "sleep", "1000",
    )  # fmt: skip
    line = shlex.join([sys.executable, "-m", "mngr", "connect", "a1"])
    with subprocess.Popen(
        ["script", "-qec", line, str(tmp_path / "shown")], env={**mngr.env, "TERM": "xterm"}, cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
    ) as terminal:  # fmt: skip
        terminal.wait(90)
    shown = (tmp_path / "shown").read_text(errors="replace")
    assert "mngr: the host stops, as it was idle for 15 s; mngr start a1 brings it back" in shown
    end = time.monotonic() + 30
    while mngr.host("box")["state"] != "paused":
        assert time.monotonic() < end, mngr.host("box")
        time.sleep(0.5)


def test_sessions_in_a_container(mngr: Cli) -> None:
    first = create(mngr, "a1", "sh", "-c", "setsid -f sleep 778; exec sleep 1000")
    assert first["state"] in ("running", "waiting")
    create(mngr, "a2", "sh", "-c", "setsid -f sleep 779; while sleep 1; do date; done")
    assert create(mngr, "a3", "no-such-command")["exit_code"] == 127
    running = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o 'sleep 77[89]' | sort -u"
    assert mngr.run("exec", "a2", running).stdout == "sleep 778\nsleep 779\n"
    mngr.run("stop", "a1")
    assert mngr.run("exec", "a2", running).stdout == "sleep 779\n"
    assert mngr.agent("a1")["state"] == "stopped"
    end = time.monotonic() + 30
    while mngr.host("box")["idle"]["last_seen"] != "agent a2: output":
        assert time.monotonic() < end, mngr.host("box")["idle"]
        time.sleep(0.5)
    assert "after agent a2: output" in mngr.run("list").stdout


def test_a_watcher_of_an_older_build_is_replaced_by_the_next_start(mngr: Cli) -> None:
    """Whoever brings the next one: the container's process 1."""
    create(mngr, "a1", "sleep", "1000")
    host = str(mngr.agent("a1")["host"]["id"])

    def inside(line: str) -> str:
        return docker("exec", f"mngr-{host}", "sh", "-c", line, check=False)

    inside(
        r"""cd /mngr && sed -i 's/ \$build"/"/' commands/watch.sh && read pid _ <watch.process && kill $pid"""
    )
    until("the old one watches", lambda: len(inside("cat /mngr/watch.process").split()) == 2)
    create(mngr, "a2", "sleep", "1000")
    until("the new one watches", lambda: len(inside("cat /mngr/watch.process").split()) == 4)
    assert inside("read pid _ </mngr/watch.process && kill -0 $pid && echo alive") == "alive"
