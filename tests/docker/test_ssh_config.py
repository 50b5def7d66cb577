"""`mngr ssh-config`: the user's own ssh reaches every host, under whatever that user's configuration says for all hosts."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cli import Cli
from mngr.testing.local import clean_environment

from .conftest import RUN, clear, left, until

FIRST, SECOND = f"test-{RUN}-a", f"test-{RUN}-b"

USERS = """
Host *
  ProxyJump nowhere.invalid
  RemoteCommand echo theirs
  RequestTTY force
  LocalForward 127.0.0.1:9 127.0.0.1:9
  ExitOnForwardFailure yes
  HostKeyAlias theirs
  User joe
  BindAddress 192.0.2.1
  NoHostAuthenticationForLocalhost yes
"""


@pytest.fixture(scope="module")
def mngr(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Cli]:
    """Two docker instances, each with a host called `twin`."""
    folder = tmp_path_factory.mktemp("ssh-config")
    env = {**clean_environment(), "MNGR_HOME": str(folder / "home")}
    for name in (FIRST, SECOND):
        key = f"MNGR__PROVIDERS__{name.upper().replace('-', '_')}"
        env |= {f"{key}__BACKEND": "docker", f"{key}__DEFAULT_IMAGE": image}
    (folder / "home").mkdir()
    (folder / "home/config.toml").write_text(f"[providers.{FIRST}]\n[providers.{SECOND}]\n")
    mngr = Cli(env, folder)
    try:
        for name in (FIRST, SECOND):
            mngr(
                "create",
                "twin",
                "--provider",
                name,
                "--no-code",
                "--no-connect",
                "--quiet",
                "--",
                "sleep",
                "999",
                codes=[0],
            )
        yield mngr
        mngr("destroy", *[f"@twin.{name}" for name in (FIRST, SECOND)], "--yes", "--quiet", codes=[0])
        assert left(FIRST) + left(SECOND) == []
    finally:
        clear(FIRST)
        clear(SECOND)


@pytest.fixture
def config(mngr: Cli, tmp_path: Path) -> Path:
    """The user's ~/.ssh/config, as the README says, with more below."""
    mngr("ssh-config", "--output", str(tmp_path / "mngr.conf"), codes=[0])
    (tmp_path / "config").write_text(f"Include {tmp_path}/mngr.conf\n{USERS}")
    return tmp_path / "config"


def ssh(config: Path, *words: str) -> str:
    done = subprocess.run(
        ["ssh", "-F", config, *words],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


def test_two_hosts_of_one_name_are_both_reachable_under_any_host_star(mngr: Cli, config: Path) -> None:
    seen = {
        name: ssh(config, name, "cat /mngr/host.json | tr -d ' \\n'")
        for name in (f"twin.{FIRST}", f"twin.{SECOND}", "twin")
    }
    assert f'"provider":"{FIRST}"' in seen[f"twin.{FIRST}"]
    assert f'"provider":"{SECOND}"' in seen[f"twin.{SECOND}"]
    assert seen["twin"] == seen[f"twin.{FIRST}"]
    said = mngr("ssh-config", codes=[0]).err
    assert said == f"mngr: several are called twin: `ssh twin` is twin.{FIRST}; else: twin.{SECOND}\n"


def test_the_default_provider_s_host_has_the_short_name(mngr: Cli, tmp_path: Path) -> None:
    mine = Cli({**mngr.env, "MNGR__DEFAULT_PROVIDER": SECOND}, mngr.cwd)
    mine("ssh-config", "-o", str(tmp_path / "conf"), codes=[0])
    assert f'"provider":"{SECOND}"' in ssh(tmp_path / "conf", "twin", "cat /mngr/host.json | tr -d ' \\n'")


@pytest.mark.parametrize("how", ["-N", "sleep 99"])
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_forward_of_the_command_line_works_as_ever(config: Path, how: str, told: int) -> None:
    """It ends with its ssh, which stays in front."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inside = ssh(config, "twin", "sed -n 's/^Port //p' /mngr/ssh/sshd_config")
    config.write_text(
        config.read_text().replace("127.0.0.1:9 127.0.0.1:9", f"127.0.0.1:{port + 1} 127.0.0.1:9")
    )
    words = [
        "-L",
        f"127.0.0.1:{port}:127.0.0.1:{inside or 22}",
        *(["-N", "twin"] if how == "-N" else ["twin", how]),
    ]
    process = subprocess.Popen(["ssh", "-F", config, *words], stdin=subprocess.DEVNULL, preexec_fn=hears_all)
    until("the forwarded port answers", lambda: banner(port).startswith(b"SSH-2.0"))
    assert process.poll() is None
    process.send_signal(told)
    process.wait(20)
    assert banner(port) == b""


def hears_all() -> None:
    """Tests may be run by what ignores these."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_DFL)


def banner(port: int) -> bytes:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as there:
        return there.recv(20)
    return b""


@pytest.fixture(scope="module")
def agent(mngr: Cli) -> str:
    """A second agent, on the first twin, which isn't called as its host is."""
    words = ("--no-code", "--no-connect", "--quiet", "--env", "A=b  c", "--", "sleep", "999")
    mngr("create", f"daemon@twin.{FIRST}", *words, codes=[0])  # the image has a user of that name, too
    mngr("create", f"second@twin.{FIRST}", *words, codes=[0])
    return "second"


AT_HOME = 'printf "%s" "$PWD|$A|$MNGR_AGENT_NAME|$HOME|$SHELL|$(id -un)"'


def test_ssh_to_an_agent_is_at_home_in_it(agent: str, config: Path) -> None:
    seen = {name: f"/mngr/work/{name}|b  c|{name}|/root|/bin/bash|root" for name in ("second", "daemon")}
    for name in ("second", f"second.{FIRST}", f"second.twin.{FIRST}", f"second@twin.{FIRST}"):
        assert ssh(config, name, AT_HOME) == seen["second"], name
    assert ssh(config, "daemon", AT_HOME) == seen["daemon"]
    assert ssh(config, "twin", "pwd") == "/mngr/work/twin"
    assert ssh(config, "root@second", AT_HOME) == "/root|||/root|/bin/bash|root"


def test_a_terminal_on_an_agent_is_a_login_shell_in_its_work_dir(agent: str, config: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["ssh", "-F", config, "-o", "RequestTTY=yes", "second"], stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, f"shopt login_shell; {AT_HOME}; tty; exit 7\n".encode())
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert process.wait(20) == 7
    assert b"login_shell    \ton\r\n" in shown
    assert b"/mngr/work/second|b  c|second|/root|/bin/bash|root/dev/pts/" in shown


def test_what_rides_on_ssh_works_in_an_agent_s_work_dir(agent: str, config: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("data")
    over = f"ssh -F {config}"
    for number, line in enumerate(
        [
            f"scp -q -F {config} file second:0",
            f"scp -O -q -F {config} file second:1",
            f"rsync -e '{over}' file second:2",
            f"echo put file 3 | sftp -q -F {config} -b - second",
            f"{over} second 'cat >4' <file",
        ]
    ):
        subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True, timeout=60, capture_output=True)
        assert ssh(config, "second", f"cat /mngr/work/second/{number}") == "data", line
    subprocess.run(["scp", "-q", "-F", config, "second:3", "back"], cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "back").read_text() == "data"
    ssh(
        config,
        "second",
        "git init -q code && cd code && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one",
    )
    env = {**os.environ, "GIT_SSH_COMMAND": over}
    subprocess.run(["git", "clone", "-q", "second:code"], cwd=tmp_path, env=env, check=True, timeout=60)
    log = subprocess.run(
        ["git", "-C", tmp_path / "code", "log", "--format=%s"], capture_output=True, text=True, check=True
    )
    assert log.stdout == "one\n"


def test_where_nobody_answers_ssh_says_how_it_is_started(mngr: Cli, config: Path) -> None:
    mngr("stop", f"@twin.{SECOND}", codes=[0])
    said = ssh(config, f"twin.{SECOND}", "true")
    assert said.startswith(
        f"255: mngr: nobody answers at twin.{SECOND}; if it is stopped: mngr start @twin.{SECOND}\nssh: "
    )
    mngr("start", f"@twin.{SECOND}", codes=[0])
    assert ssh(config, f"twin.{SECOND}", "pwd") == "/mngr/work/twin"


def test_hosts_of_a_provider_that_can_t_be_read_stay_in_the_file(mngr: Cli, tmp_path: Path) -> None:
    before = mngr("ssh-config", codes=[0]).out
    key = f"MNGR__PROVIDERS__{SECOND.upper().replace('-', '_')}"
    broken = Cli({**mngr.env, f"{key}__DOCKER_HOST": "unix:///dev/null"}, mngr.cwd)
    done = broken("ssh-config", codes=[5])
    assert done.out == before
    assert f"as last seen, not asked now: twin.{SECOND}" in done.err
    wrong = Cli({**mngr.env, f"{key}__NO_SUCH": "x"}, mngr.cwd)
    assert wrong("ssh-config", codes=[5]).out == before


def test_a_file_that_can_t_be_written_is_said_and_the_old_one_stays(mngr: Cli, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("old")
    wrong = Cli({**mngr.env, "MNGR__PROVIDERS": "3"}, mngr.cwd)
    wrong("ssh-config", "-o", str(tmp_path / "conf"), codes=[2])
    assert (tmp_path / "conf").read_text() == "old"
    for name in ("", str(tmp_path), str(tmp_path / "no/conf")):
        assert "isn't a file that can be written" in mngr("ssh-config", "-o", name, codes=[2]).err
