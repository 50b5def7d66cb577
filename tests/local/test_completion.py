"""Completion as the shells do it: bash, zsh and fish, on terminals."""

import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.local import Local

#: What is typed, and what it becomes.
LINES = {
    "mngr sto": "mngr stop",
    "mngr stop alp": "mngr stop alpha",
    "mngr connect alpha@": "mngr connect alpha@localhost.local",
    "mngr exec @loc": "mngr exec @localhost.local",
    "mngr list --stat": "mngr list --state",
    "mngr create new --provider=doc": "mngr create new --provider=docker",
    "mngr create new --idle-mode disa": "mngr create new --idle-mode disabled",
    "mngr create new.vultr -b --vps-plan=vc2-2": "mngr create new.vultr -b --vps-plan=vc2-2c-4gb",
    "mngr config get providers.docker.every": "mngr config get providers.docker.every_laptop",
    "mngr snapshot cr": "mngr snapshot create",
    "mngr help conf": "mngr help config",
}


@pytest.fixture
def user(mngr: Local) -> Iterator[Local]:
    """With an agent `alpha`, Vultr's plans as a create reads them, and names in its files that a shell would act on."""
    mngr.create("alpha", "sleep", "1000")
    mngr.env["PATH"] = f"{Path(sys.executable).parent}:{mngr.env['PATH']}"
    mngr.env["HOME"] = str(mngr.home.parent)
    (mngr.home / "cache/vultr").mkdir()
    (mngr.home / "cache/vultr/plans").write_text("vc2-1c-1gb\nvc2-2c-4gb\n$(touch${IFS}odd)\n")
    known = mngr.home / "cache/names"
    shutil.copy(known / "alpha.json", known / "$(touch odd).json")
    shutil.copy(known / "alpha.json", known / "*.json")
    (mngr.home / "config.toml").write_text("[providers.'`touch odd`']\nbackend = 'docker'\nenabled = false\n")
    yield mngr
    (mngr.home / "config.toml").unlink()


class Shell:
    """An interactive shell that completes mngr's words."""

    def __init__(self, user: Local, argv: list[str], setup: str) -> None:
        self.out = user.home.parent / "completed"
        self.ours, theirs = pty.openpty()
        env = {**user.env, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=user.cwd, start_new_session=True
        )
        os.close(theirs)
        self.typed(f"{setup}; echo ready >{self.out}\r")

    def typed(self, keys: str) -> str:
        """What is in the file once these keys were read."""
        self.out.unlink(missing_ok=True)
        os.write(self.ours, keys.encode())
        shown, limit = b"", time.monotonic() + 60
        while not (self.out.exists() and self.out.read_text().endswith("\n")):
            assert time.monotonic() < limit, shown
            if select.select([self.ours], [], [], 0.05)[0]:
                shown += os.read(self.ours, 65536)
        return self.out.read_text().strip()

    def completed(self, line: str) -> str:
        """The line after a Tab, as an echo of it says."""
        return self.typed(f"{line}\t\x01>{self.out} echo \r")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


TERMINALS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(mngr completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(mngr completion zsh)"'),
}


def needs(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} isn't here")


@pytest.mark.parametrize("name", TERMINALS)
def test_a_tab_completes(user: Local, name: str) -> None:
    needs(name)
    shell = Shell(user, *TERMINALS[name])
    try:
        assert {line: shell.completed(line) for line in LINES} == LINES
    finally:
        shell.end()
    assert not list(user.home.parent.rglob("odd"))


def test_fish_completes(user: Local) -> None:
    needs("fish")
    lines = [f"complete -C {shlex.quote(line)}; echo ==" for line in [*LINES, "mngr stop "]]
    done = subprocess.run(
        ["fish", "--no-config", "-c", "; ".join(["mngr completion fish | source", *lines])],
        env=user.env, cwd=user.cwd, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    *found, names, _ = done.stdout.split("==\n")
    assert [[one.split("\t")[0] for one in some.splitlines()][:1] for some in found] == [
        [line.split()[-1]] for line in LINES.values()
    ]
    assert names == "alpha\n"
    assert not list(user.home.parent.rglob("odd"))


def test_no_odd_name_reaches_bash(user: Local) -> None:
    """All that it is offered, word by word."""
    offered = """
        eval "$(mngr completion bash)"
        for COMP_LINE in "mngr stop " "mngr stop @" "mngr create x.vultr -b " "mngr create x --provider " "mngr config get "; do
            COMP_POINT=${#COMP_LINE}
            _mngr_completion mngr ""
            [ ${#COMPREPLY[@]} -gt 0 ] || echo "nothing for $COMP_LINE"
            printf '%s\\n' "${COMPREPLY[@]}"
        done
    """
    done = subprocess.run(
        ["bash", "-c", offered],
        env=user.env,
        cwd=user.cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == ""
    assert {"alpha", "localhost.local", "--vps-plan=vc2-1c-1gb", "docker", "default_type"} <= set(
        done.stdout.split("\n")
    )
    assert set("$`* \t") & set(done.stdout) == set()
    assert not list(user.home.parent.rglob("odd"))


def test_a_broken_config_completes_what_it_can_and_says_nothing(
    user: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    (user.home / "config.toml").write_text("x = [")
    with monkeypatch.context() as patch:
        patch.setitem(user.env, "_MNGR_COMPLETE", "bash_complete")
        for line, said in {
            "mngr sto": "plain,stop\n",
            "mngr stop ": "plain,alpha\n",
            "mngr config get ": "\n",
            "mngr nosuch ": "\n",
        }.items():
            patch.setitem(user.env, "COMP_LINE", line)
            patch.setitem(user.env, "COMP_WORD", line.split(" ")[-1])
            done = user.run()
            assert (done.stdout, done.stderr) == (said, "")
