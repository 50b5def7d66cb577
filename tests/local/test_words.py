"""Words, bytes and exit codes arrive as they were given."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.local import Local, local_user

ODD = [
    "", " ", "a b", "'", '"', "''", "$HOME", "`id`", "$(id)", "\\", "\\n", "a\nb", "\t", "*", "?", "~", "!", "#x",
    "-n", "--", "--help", ";", "&", "|", ">x", "(", "{a,b}", "%s", "%%", "ünï→😀", "\x1b[31m", "\x7f", "x" * 5000,
    "=", "A=b", "#{pane_id}", "#(id)", "#",
]  # fmt: skip

SHOW = "import json, sys; json.dump(sys.argv[1:], open('words.json', 'w')); print('written')"


def test_odd_words_reach_the_agent_unchanged(mngr: Local) -> None:
    mngr.create("a1", sys.executable, "-c", SHOW, *ODD)
    assert mngr.until_state("a1", "done")["exit_code"] == 0
    assert json.loads((mngr.cwd / "words.json").read_text()) == ODD
    (mngr.cwd / "words.json").unlink()
    mngr.run("start", "a1")
    mngr.until_state("a1", "done")
    assert json.loads((mngr.cwd / "words.json").read_text()) == ODD
    assert mngr.agent("a1")["command"] == [sys.executable, "-c", SHOW, *ODD]


def test_odd_words_reach_exec_unchanged(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    show = "import json, sys; print(json.dumps(sys.argv[1:]))"
    assert json.loads(mngr.run("exec", "a1", sys.executable, "-c", show, *ODD).stdout) == ODD


def test_one_word_is_a_shell_line_and_several_are_an_argv(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    assert mngr.run("exec", "a1", "echo a; echo $((1+1)) | cat").stdout == "a\n2\n"
    assert mngr.run("exec", "a1", "echo", "a; echo $((1+1)) | cat").stdout == "a; echo $((1+1)) | cat\n"
    assert mngr.run("exec", "a1", "--", "echo", "-n", "x").stdout == "x"
    assert mngr.run("exec", "a1", "ls", "-la").stdout.startswith("total")


@pytest.mark.parametrize("code", [0, 1, 2, 3, 5, 42, 130, 255])
def test_exec_hands_the_exit_code_on(mngr: Local, code: int) -> None:
    mngr.create("a1", "sleep", "1000")
    mngr.run("exec", "a1", f"exit {code}", code=code)


def test_standard_streams_of_exec_are_the_command_s(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    data = bytes(range(256)) * 4096
    argv = [sys.executable, "-m", "mngr", "exec", "a1", "cat; echo problem >&2"]
    done = subprocess.run(argv, env=mngr.env, cwd=mngr.cwd, input=data, capture_output=True, timeout=60)
    assert done.stdout == data
    assert done.stderr == b"problem\n"


def test_exec_ends_with_its_pipe(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    line = 'set -o pipefail; "$@" exec a1 "yes" | head -n 1'
    done = subprocess.run(
        ["bash", "-c", line, "x", sys.executable, "-m", "mngr"],
        env=mngr.env, cwd=mngr.cwd, capture_output=True, timeout=60, text=True,
    )  # fmt: skip
    assert done.stdout == "y\n"


def test_exec_with_a_time_limit_ends_the_command_with_its_children(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    done = mngr.run("exec", "--timeout", "0.5", "a1", "sleep 77; true", code=1, limit_s=30)
    assert "the command didn't end within 0.5 s" in done.stderr
    assert not [line for line in mngr.processes().values() if "sleep 77" in line]
    assert mngr.run("exec", "--timeout", "30", "a1", "echo", "a b").stdout == "a b\n"
    mngr.run("exec", "--timeout", "30", "a1", "exit 7", code=7)


@pytest.mark.parametrize(
    "name", ["my home", 'it\'s "quoted"', "ünï $HOME `id`", "semi;colon & more", "#{pane_id} #x", "%h%%"]
)
def test_a_home_with_odd_letters(tmp_path: Path, name: str) -> None:
    with local_user(tmp_path / name / "home", tmp_path / f"work {name}") as mngr:
        mngr.create("a1", "sh", "-c", "echo ready; exec sleep 1000")
        assert mngr.run("exec", "a1", "pwd").stdout.strip() == str(mngr.cwd)
        assert "ready" in mngr.run("logs", "a1").stdout
        mngr.run("stop", "a1")
        mngr.run("start", "a1")
        assert mngr.state("a1") == "running"


def test_labels_come_back_unchanged(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000", options=("--label", 'team=ünï cödé = "x"', "--label", "a.b/c="))
    assert mngr.agent("a1")["labels"] == {"team": 'ünï cödé = "x"', "a.b/c": ""}
