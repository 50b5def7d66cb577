"""The program `mngr`: a warm exec becomes the same ssh as the long way's; everything else starts Python."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mngr.cli
from mngr.agents import tmux
from mngr.ops import memory
from mngr.ops.memory import Seen

PROGRAM = Path(mngr.cli.__file__).with_name("mngr.sh")
SAYS_ARGV = '#!/bin/sh\nprintf \'%s\\0\' "${0##*/}" "$@"\n'


class Installed:
    """The program in a folder of its own, beside an ssh and a Python that say how they were called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "it's home"
        for name in ("ssh", "python3"):
            (folder / name).write_text(SAYS_ARGV)
            (folder / name).chmod(0o755)
        shutil.copy(PROGRAM, folder / "mngr")
        self.control = folder / "socket"
        (folder / "config").touch()
        self.places = [
            Seen(
                agent_id="agent-1", host_id="host-1", host_name="a1", provider="docker", host_dir="/it's",
                tmux_label="mngr", ssh=[str(folder / "config"), "host-1"], socket=str(self.control),
            )
        ]  # fmt: skip
        names = self.home / "cache" / "names"
        names.mkdir(parents=True)
        (names / "a1.warm").write_bytes(memory._warm(self.places))

    def __call__(
        self, *args: str, program: str = "mngr", ctrl_c: signal.Handlers = signal.SIG_DFL
    ) -> list[str]:
        env = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "MNGR_HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [self.folder / program, *args], env=env, capture_output=True, timeout=20, check=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, ctrl_c),
        )  # fmt: skip
        return done.stdout.decode(errors="surrogateescape").split("\0")[:-1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    installed = Installed(tmp_path_factory.mktemp("bin"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(installed.control))
        yield installed


HEARS = "import os, signal; signal.signal(signal.SIGINT, lambda *_: os._exit(130))"


def the_long_way(args: list[str], first: str = HEARS) -> list[str]:
    return [
        "python3",
        "-P",
        "-c",
        f"{first}; import gc; gc.set_threshold(50000); from mngr.cli.main import main; main()",
        *args,
    ]


words = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(words)
def test_any_words_reach_the_host_as_the_long_way_sends_them(installed: Installed, argv: list[str]) -> None:
    *ssh, line = installed("exec", "a1", "--", *argv)
    assert ssh == ["ssh", "-F", str(installed.folder / "config"), "-o", "LogLevel=QUIET", "host-1", "--"]
    prefix = tmux.exec_prefix("/it's", "agent-1")
    sent = shlex.split(line)
    token = sent[len(prefix)]
    assert sent == tmux.exec_argv("/it's", "agent-1", token, argv)
    assert len(token) == 36


def test_dashes_before_the_words_may_be_left_out(installed: Installed) -> None:
    one, other = installed("exec", "a1", "ls", "-la"), installed("exec", "a1", "--", "ls", "-la")
    assert len(one) == len(other) == 8
    assert one[-1].endswith("'ls' '-la'")
    assert other[-1].endswith("'ls' '-la'")


@pytest.mark.parametrize(
    "args",
    [
        [], ["--help"], ["list"], ["exec"], ["exec", "a1"], ["exec", "a1", "--"], ["exec", "-t", "a1", "ls"],
        ["exec", "a1", "-t", "ls"], ["exec", "a1", "--timeout", "3", "ls"], ["exec", "--help"], ["exec", "a1@host", "ls"],
        ["exec", "a1.docker", "ls"], ["exec", "a2", "ls"], ["exec", "../a1", "ls"], ["exec", "", "ls"],
        ["exec", "é", "a b", "it's", "\n"],
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_plain_takes_the_long_way_unchanged(installed: Installed, args: list[str]) -> None:
    assert installed(*args) == the_long_way(args)


@pytest.mark.parametrize("name", ["socket", "config"])
def test_without_connection_or_settings_it_takes_the_long_way(installed: Installed, name: str) -> None:
    (installed.folder / name).rename(installed.folder / "away")
    try:
        assert installed("exec", "a1", "ls") == the_long_way(["exec", "a1", "ls"])
    finally:
        (installed.folder / "away").rename(installed.folder / name)


def test_a_broken_memory_takes_the_long_way(installed: Installed) -> None:
    (installed.home / "cache/names/a3.warm").write_text("socket=/tmp\n")
    assert installed("exec", "a3", "ls") == the_long_way(["exec", "a3", "ls"])


def test_it_finds_its_python_through_a_link(installed: Installed) -> None:
    (installed.folder / "elsewhere").mkdir()
    (installed.folder / "elsewhere" / "mngr").symlink_to(installed.folder / "mngr")
    assert installed("list", program="elsewhere/mngr") == the_long_way(["list"])


def test_two_places_or_none_with_ssh_have_no_short_cut(installed: Installed) -> None:
    assert memory._warm([*installed.places, *installed.places]) == b""
    assert memory._warm([]) == b""


def test_a_ctrl_c_that_the_caller_ignores_stays_ignored(installed: Installed) -> None:
    assert installed("list", ctrl_c=signal.SIG_IGN) == the_long_way(["list"], first="pass")
