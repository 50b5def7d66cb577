"""`mngr exec` on a host in a container, through the program as it is installed (warm: over an open connection) and
through Python: who tells it to end ends the command there; what ssh says isn't the command's."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mngr.cli
from mngr.ops.size import WORD_BYTES
from support.cli import Cli

from .conftest import INSTANCE, clear, docker, until

COLD = [sys.executable, "-m", "mngr"]
#: As the program is installed: this tree's own, not what an older set-up has copied.
WARM = ["sh", str(Path(mngr.cli.__file__).with_name("mngr.sh"))]
BOTH = pytest.mark.parametrize("program", [WARM, COLD], ids=["warm", "cold"])


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Cli]:
    """A user with an agent `a1` in a container."""
    instance = f"{INSTANCE}-exec"
    key = f"MNGR__PROVIDERS__{instance.replace('-', '_').upper()}__BACKEND"
    home = tmp_path_factory.mktemp("exec") / "home"
    home.mkdir()
    (home / "config.toml").write_text(f"[providers.{instance}]\nbackend = 'docker'\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # mngr.sh takes the first python3
    cli = Cli(home, {key: "docker", "PATH": path})
    cli.run("create", "a1", "--provider", instance, "--image", image, "--no-code", "--", "sleep", "100000")
    yield cli
    cli.run("destroy", "a1", "--yes")
    docker("rm", "-f", "-v", f"mngr-state-{instance}", check=False)
    clear(instance)


def run(cli: Cli, program: list[str], *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    argv = [*program, "exec", "a1", *words]
    return subprocess.run(argv, env=cli.env, cwd=cli.cwd, input=stdin, capture_output=True, timeout=60)


def begun(cli: Cli, program: list[str], line: str, **options: object) -> subprocess.Popen[bytes]:
    """A running exec of `line`, which has said `ready`."""
    run(cli, program, "true")
    pipe = subprocess.PIPE
    streams: dict[str, object] = {
        "stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "preexec_fn": hears_all, **options,
    }  # fmt: skip
    process = subprocess.Popen(  # type: ignore[call-overload]
        [*program, "exec", "a1", f"echo ready; {line}"],
        env=cli.env,
        cwd=cli.cwd,
        **streams,
    )
    assert process.stdout is None or process.stdout.readline() == b"ready\n"
    return process


def hears_all() -> None:
    """What our own caller ignores (nohup: SIGHUP), a program that we start would ignore, too."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_DFL)


def at_its_terminal() -> None:
    """Makes standard input the terminal that a Ctrl-C comes from."""
    hears_all()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def sleeps(cli: Cli, seconds: int) -> str:
    return run(cli, WARM, f"pgrep -af 'slee[p] {seconds}'").stdout.decode()


@BOTH
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_the_client_ends_the_command_with_its_children(
    cli: Cli, program: list[str], name: str
) -> None:
    process = begun(cli, program, "sleep 771 & sleep 772; echo not reached")
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b""), err
    assert b"Traceback" not in err
    assert sleeps(cli, 77) == ""


@BOTH
def test_ctrl_c_at_a_terminal_ends_the_command(cli: Cli, program: list[str]) -> None:
    ours, theirs = pty.openpty()
    process = begun(
        cli, program, "exec sleep 773", stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
        start_new_session=True, preexec_fn=at_its_terminal,
    )  # fmt: skip
    os.write(ours, b"\x03")
    assert process.wait(30) == 130
    os.close(theirs)
    os.close(ours)
    assert sleeps(cli, 77) == ""


@BOTH
def test_a_command_that_ignores_ctrl_c_is_killed(cli: Cli, program: list[str]) -> None:
    process = begun(cli, program, "trap '' INT TERM HUP; while :; do sleep 774; done")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=40)
    assert process.returncode == 130
    assert time.monotonic() - began < 25  # 5 s on an idle computer
    assert sleeps(cli, 77) == ""


def test_a_command_may_clean_up_on_ctrl_c(cli: Cli) -> None:
    process = begun(
        cli, WARM, "trap 'sleep 0.5; echo saved >/tmp/saved; exit' INT; while :; do sleep 0.1; done"
    )
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert run(cli, WARM, "cat /tmp/saved").stdout == b"saved\n"


@BOTH
def test_the_end_of_its_input_ends_no_command(cli: Cli, program: list[str]) -> None:
    assert run(cli, program, "cat; sleep 0.5; echo end").stdout == b"end\n"


@BOTH
def test_standard_streams_are_the_command_s(cli: Cli, program: list[str]) -> None:
    data = bytes(range(256)) * 2048
    done = run(cli, program, "cat; echo problem >&2", stdin=data)
    assert (done.stdout, done.stderr) == (data, b"problem\n")
    line = '"$@" exec a1 "cat; echo end" <&-'
    closed = subprocess.run(
        ["bash", "-c", line, "bash", *program], env=cli.env, cwd=cli.cwd, capture_output=True, timeout=60
    )
    assert closed.stdout == b"end\n"
    piped = subprocess.run(
        ["bash", "-c", '"$@" exec a1 yes | head -n 1', "bash", *program],
        env=cli.env, cwd=cli.cwd, capture_output=True, timeout=60,
    )  # fmt: skip
    assert piped.stdout == b"y\n"


@BOTH
@pytest.mark.parametrize("code", [0, 3, 130, 255])
def test_the_exit_code_is_the_command_s(cli: Cli, program: list[str], code: int) -> None:
    done = run(cli, program, f"exit {code}")
    assert (done.returncode, done.stderr) == (code, b"")


@BOTH
def test_a_line_is_bash_s_where_there_is_one(cli: Cli, program: list[str]) -> None:
    run(cli, program, "echo 'echo from .bashrc' >>~/.bashrc")
    assert run(cli, program, 'a=(1 2); echo "${a[1]}"; set -o pipefail').stdout == b"from .bashrc\n2\n"
    assert run(cli, program, "sh", "-c", "sed -i /from/d ~/.bashrc").returncode == 0
    argv = [*program, "exec", "--timeout", "20", "a1", 'a=(1 2); echo "${a[1]}"']
    assert subprocess.run(argv, env=cli.env, cwd=cli.cwd, capture_output=True, timeout=60).stdout == b"2\n"


@BOTH
def test_a_connection_that_breaks_is_told_from_a_command_s_255(cli: Cli, program: list[str]) -> None:
    done = run(cli, program, "kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 5")
    assert done.returncode == 5, done
    assert b"mngr: the connection to a1 broke while the command ran" in done.stderr


@BOTH
def test_words_longer_than_a_command_line_are_refused_at_once(cli: Cli, program: list[str]) -> None:
    run(cli, program, "true")
    for words in ([f": {'x' * 120_000}", "y" * 12_000], ["echo", *(["'" * 500] * 250)], ["x" * 1000] * 200):
        done = run(cli, program, *words)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count(b"\n") == 2
        assert b"mngr: the command is" in done.stderr
        assert f"at most {WORD_BYTES} can be given".encode() in done.stderr
    assert len(run(cli, program, "printf", "%s", "x" * 100_000).stdout) == 100_000


@BOTH
def test_where_sshd_does_not_answer_exec_says_so(cli: Cli, program: list[str]) -> None:
    """Nor does a container whose sshd can't be started again look as if nothing was wrong; a start mends it."""
    run(cli, program, "true")
    run(
        cli,
        program,
        "rm /mngr/ssh/authorized_keys; mv /usr/sbin/sshd /usr/sbin/away; kill -9 $(pgrep -x sshd)",
    )
    done = run(cli, program, "echo", "reached")
    assert done.returncode == 5, done
    assert b"mngr: can't reach" in done.stderr
    assert (
        b"Connection refused" in done.stderr or b"Connection closed" in done.stderr or b"reset" in done.stderr
    )
    assert "its sshd doesn't answer" in cli.host("a1")["problem"]
    assert "its sshd doesn't answer" in cli.run("list").stdout
    name = docker(
        "ps", "--filter", f"label=mngr.provider={INSTANCE}-exec", "--filter", "label=mngr.host-name=a1", "-q"
    )
    docker("exec", name, "mv", "/usr/sbin/away", "/usr/sbin/sshd")
    cli.run("start", "a1")
    assert run(cli, program, "echo", "reached").stdout == b"reached\n"
    until("the list is content", lambda: not cli.host("a1")["problem"])
