"""Talking to an agent in a container, over ssh; and what a connection that breaks is to that."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from support.cli import Cli

from .conftest import INSTANCE, clear, docker, until

#: Says what it gets, with a prompt.
SAYS = "printf '> '; while read -r line; do echo got $line; printf '> '; done"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Cli]:
    """A user with an agent `a1` in a container, whose type knows its prompt."""
    instance = f"{INSTANCE}-talk"
    home = tmp_path_factory.mktemp("talk") / "home"
    home.mkdir()
    (home / "config.toml").write_text(
        f"[providers.{instance}]\nbackend = 'docker'\n[agent_types.says]\ncommand = 'sh'\nprompt = '^>$'\n"
        "[agent_types.writes]\ncommand = 'exec sleep 1000'\n"
        "[agent_types.writes.transcript]\nread = 'cat said.jsonl'\ntext = 'said'\n"
    )
    cli = Cli(home, {f"MNGR__PROVIDERS__{instance.replace('-', '_').upper()}__BACKEND": "docker"})
    cli.run(
        "create",
        "a1",
        "says",
        "--provider",
        instance,
        "--image",
        image,
        "--no-code",
        "--no-connect",
        "--",
        "-c",
        SAYS,
    )
    yield cli
    cli.run("destroy", "a1", "--yes")
    docker("rm", "-f", "-v", f"mngr-state-{instance}", check=False)
    clear(instance)


def ssh(cli: Cli) -> list[str]:
    """`ssh -F CONFIG ALIAS`, as mngr's own commands go there."""
    [config] = cli.home.glob("profile/providers/docker/*/ssh/*.container")
    return ["ssh", "-F", str(config), config.name]


def break_connection(cli: Cli) -> None:
    """Ends the shared connection, under whatever goes over it."""
    command = ssh(cli)
    subprocess.run([*command[:3], "-O", "exit", command[3]], capture_output=True, timeout=20)


def clients(cli: Cli) -> str:
    listed = [*ssh(cli), "tmux -L mngr list-clients -F '#{client_tty}'"]
    return subprocess.run(listed, capture_output=True, text=True, timeout=20).stdout.strip()


def test_a_message_goes_over_ssh_and_a_host_that_is_down_is_started(cli: Cli) -> None:
    assert cli.run("send", "a1", "first").stdout.startswith("sent to a1 (")
    until("it has it", lambda: "got first" in cli.run("screen", "a1").stdout)
    break_connection(cli)
    cli.run("send", "a1", "-", input="a second one\n")
    until("it has it", lambda: "got a second one" in cli.run("screen", "a1").stdout)
    assert cli.run("screen", "a1").stdout.count("got") == 2
    cli.run("stop", "a1")
    down = cli.run("send", "a1", "third", code=4)
    assert "--start" in down.stderr
    cli.run("send", "--start", "a1", "third")
    until("it has it", lambda: "got third" in cli.run("screen", "a1").stdout)


def test_a_message_is_typed_once_though_the_connection_broke_under_it(cli: Cli) -> None:
    cli.run("send", "a1", "warm")
    process = cli.start("send", "a1", "only once")
    until("it is shown", lambda: "only once" in subprocess.run(
        [*ssh(cli), "tmux -L mngr capture-pane -p -t a1"], capture_output=True, text=True, timeout=20
    ).stdout, 30)  # fmt: skip
    break_connection(cli)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, (out, error)
    assert cli.run("screen", "a1").stdout.count("got only once") == 1


def test_what_was_said_is_kept_where_a_host_stops_and_its_loss_is_said(cli: Cli, image: str) -> None:
    """A host that is down can't be read when it is destroyed."""
    where = [f"@b1.{INSTANCE}-talk"]
    words = ["--image", image, "--no-code", "--no-connect", "-q"]
    cli.run("create", f"b1@b1.{INSTANCE}-talk", "writes", *words)
    cli.run("exec", "b1", """echo '{"said": "before"}' >said.jsonl""")
    agent = cli.agent("b1")["id"]
    cli.run("stop", "b1", "-q")
    assert cli.run("transcript", "b1", "--format", "{text}").stdout == "before\n"
    file = cli.home / "transcripts" / f"{agent}.json"
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "read_at": kept["read_at"] - 1000}))
    said = cli.run("destroy", *where, "--yes").stderr
    assert "what b1 has said couldn't be kept: its host was stopped, and it was last read at " in said
    cli.run("create", f"b1@b1.{INSTANCE}-talk", "writes", *words)
    docker("stop", "-t", "1", f"mngr-{cli.agent('b1')['host']['id']}")
    said = cli.run("destroy", *where, "--yes").stderr
    assert "what b1 has said couldn't be kept: its host was stopped, and it was never read before" in said


def test_connect_comes_back_after_the_connection_broke(cli: Cli) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mngr", "connect", "a1"], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**cli.env, "TERM": "xterm-256color"}, cwd=cli.cwd, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""

    def read() -> bytes:
        nonlocal shown
        while select.select([ours], [], [], 0.2)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # it has ended
                break
        return shown

    try:
        until("it is attached", lambda: bool(read() and clients(cli)), 30)
        break_connection(cli)
        until("it says so", lambda: b"a1: the connection broke; trying again" in read(), 30)
        until("it is attached again", lambda: read().count(b"\033[?1049h") > 1 and clients(cli) != "", 60)
        time.sleep(0.5)  # tmux may pass over what is typed while it draws a new client
        os.write(ours, b"\x02d")
        until("it has ended", lambda: (read(), process.poll() is not None)[1])
        assert process.returncode == 0
    finally:
        process.kill()
        os.close(ours)


def test_following_goes_on_over_a_connection_that_broke_and_leaves_nothing(cli: Cli) -> None:
    cli.run("send", "a1", "one")
    process = cli.start("logs", "-f", "a1")
    assert process.stdout
    shown = ""
    while "got one" not in shown:
        shown += process.stdout.readline()
    break_connection(cli)
    cli.run("send", "a1", "after that")
    while "got after that" not in shown:
        shown += process.stdout.readline()
    assert shown.count("got one") == 1
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    listed = [*ssh(cli), "ps -eo args | grep -c '[a]gent-follow'"]
    until("nothing is left", lambda: subprocess.run(listed, capture_output=True, text=True).stdout == "0\n")
