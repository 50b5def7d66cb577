"""`mngr ssh-config`: the user's own ssh reaches every host, under whatever that user's configuration says for all hosts."""

from __future__ import annotations

import contextlib
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
        mngr("destroy", *[f"twin@twin.{name}" for name in (FIRST, SECOND)], "--yes", "--quiet", codes=[0])
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
    assert f"several hosts are called twin: `ssh twin` is the one on {FIRST}" in said


def test_the_default_provider_s_host_has_the_short_name(mngr: Cli, tmp_path: Path) -> None:
    mine = Cli({**mngr.env, "MNGR__DEFAULT_PROVIDER": SECOND}, mngr.cwd)
    mine("ssh-config", "-o", str(tmp_path / "conf"), codes=[0])
    assert f'"provider":"{SECOND}"' in ssh(tmp_path / "conf", "twin", "cat /mngr/host.json | tr -d ' \\n'")


def test_a_forward_of_the_command_line_works_as_ever(config: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inside = ssh(config, "twin", "sed -n 's/^Port //p' /mngr/ssh/sshd_config")
    config.write_text(
        config.read_text().replace("127.0.0.1:9 127.0.0.1:9", f"127.0.0.1:{port + 1} 127.0.0.1:9")
    )
    forward = f"127.0.0.1:{port}:127.0.0.1:{inside or 22}"
    process = subprocess.Popen(["ssh", "-F", config, "-L", forward, "twin", "cat"], stdin=subprocess.PIPE)
    try:
        until("the forwarded port answers", lambda: banner(port).startswith(b"SSH-2.0"))
    finally:
        process.communicate()


def banner(port: int) -> bytes:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as there:
        return there.recv(20)
    return b""


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
