"""rename and label, as a user types them, on this computer."""

import json
import subprocess
import sys
from pathlib import Path

from support.local import Local
from support.repositories import commit, git, repository


def tmux(mngr: Local, *words: str) -> str:
    """What its agents' tmux server says."""
    [label] = [path.name for path in mngr.tmux.glob("tmux-*/mngr-*")]
    argv = ["tmux", "-L", label, *words]
    return subprocess.run(argv, env=mngr.env, capture_output=True, text=True, check=True).stdout


def sessions(mngr: Local) -> list[str]:
    return tmux(mngr, "list-sessions", "-F", "#{session_name}").split()


def test_an_agent_runs_on_under_another_name(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000", options=("--env", "SECRET=it's", "--label", "team=search"))
    before = mngr.agent("a1")
    look = "cat $MNGR_HOST_DIR/agents/$MNGR_AGENT_ID/process; echo $MNGR_AGENT_NAME $SECRET"
    processes = mngr.run("exec", "a1", look).stdout.removesuffix("a1 it's\n")
    assert mngr.run("rename", "a1", "b-2").stdout == "renamed a1 to b-2\n"
    now = mngr.agent("b-2")
    assert {**now, "name": "a1", "state": "", "active_at": ""} == {**before, "state": "", "active_at": ""}
    assert (mngr.names(), sessions(mngr)) == (["b-2"], ["b-2"])
    assert mngr.run("exec", "b-2", look).stdout == f"{processes}b-2 it's\n"
    assert (mngr.home / "agents" / now["id"] / "env.sh").stat().st_mode & 0o777 == 0o600
    assert mngr.run("exec", "a1", "true", code=3).stderr.startswith("mngr: there is no agent called a1")
    mngr.run("stop", "b-2")
    mngr.run("start", "b-2")
    assert (mngr.state("b-2"), sessions(mngr)) == ("running", ["b-2"])
    mngr.run("rename", "b-2", "a1")
    mngr.run("destroy", "a1", "--yes")


def test_a_rename_may_be_given_again_and_a_name_that_is_taken_is_a_conflict(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    mngr.create("a2", "sleep", "1000")
    assert "agent a2 is on local already" in mngr.run("rename", "a1", "a2", code=4).stderr
    assert "can't be used" in mngr.run("rename", "a1", "a/b", code=2).stderr
    mngr.run("rename", "a1", "a1")
    for _ in range(2):
        mngr.run("rename", "a1", "a3")
    mngr.run("rename", "nobody", "a3", code=3)
    tmux(mngr, "new-session", "-d", "-s", "mine", "sleep 60")  # somebody's own
    mngr.run("rename", "a3", "mine", code=4)
    assert (sessions(mngr), sorted(mngr.names())) == (["a2", "a3", "mine"], ["a2", "a3"])
    tmux(mngr, "kill-session", "-t", "mine")
    mngr.create("a1", "sleep", "1000")
    assert sorted(mngr.names()) == ["a1", "a2", "a3"]
    mngr.run("rename", "a1", "a3", code=4)
    mngr.run("stop", "a3")
    mngr.run("rename", "a3", "a4")
    assert mngr.state("a4") == "stopped"
    mngr.run("destroy", "a1", "a2", "a4", "--yes")


def test_a_rename_takes_the_branches_of_its_pulls_along(mngr: Local, tmp_path: Path) -> None:
    top = repository(mngr.cwd)
    commit(top, "one")
    for name in ("mngr/a1/trunk", "mngr/a1/fix/x", "mngr/a10/trunk", "mngr/a1/held"):
        git(top, "branch", name)
    git(top, "worktree", "add", "-q", str(tmp_path / "tree"), "mngr/a1/held")
    mngr.create("a1", "sleep", "1000")
    done = mngr.json("rename", "a1", "b")
    assert done["agent"]["name"] == "b"
    assert done["branches"] == {"mngr/a1/fix/x": "mngr/b/fix/x", "mngr/a1/trunk": "mngr/b/trunk"}
    assert git(top, "for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/mngr").split() == [
        "a1/held", "a10/trunk", "b/fix/x", "b/trunk",
    ]  # fmt: skip
    mngr.run("destroy", "b", "--yes")


def test_labels_come_and_go(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000", options=("--label", "team=search", "--label", "todo=x"))
    for _ in range(2):
        said = mngr.run("label", "a1", "team=web front", "todo-", "none-", "new=").stdout
        assert said == "a1 has labels team=web front new=\n"
    assert mngr.agent("a1")["labels"] == {"team": "web front", "new": ""}
    assert mngr.run("list", "--label", "team=web front", "-q").stdout == "a1\n"
    for wrong in (("team",), ("a b=c",), ("a=1", "a-"), ("-",)):
        mngr.run("label", "a1", "--", *wrong, code=2)
    assert mngr.run("label", "a1", "team-", "new-").stdout == "a1 has no labels\n"
    mngr.run("label", "a2", "a=b", code=3)
    mngr.run("destroy", "a1", "--yes")


#: VERB, its words, and in the middle of it, when the agent has been read, another command.
AT_THE_SAME_TIME = """
import json, subprocess, sys
from pathlib import Path
from mngr.model.errors import MngrError
from mngr.ops import amend
from mngr.ops.context import Mngr, Phases
verb, name, what, other = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
mngr = Mngr()
def progress(step):
    if step.phase == verb:
        subprocess.run(other, check=True)
phases = Phases(mngr.clock, progress)
try:
    amend.label(mngr, name, what, phases) if verb == "label" else amend.rename(mngr, name, what, Path("."), phases)
except MngrError as error:
    print(error.message)
"""

MNGR = (sys.executable, "-m", "mngr")


def test_a_label_and_a_rename_at_the_same_time_leave_each_other_s_work(mngr: Local) -> None:
    def both(verb: str, name: str, what: object, *other: str) -> str:
        argv = [sys.executable, "-c", AT_THE_SAME_TIME, verb, name, json.dumps(what), json.dumps(other)]
        return subprocess.run(
            argv, env=mngr.env, cwd=mngr.cwd, capture_output=True, text=True, check=True
        ).stdout

    mngr.create("a1", "sleep", "1000", options=("--label", "team=x"))
    both("label", "a1", {"one": "1", "team": None}, *MNGR, "label", "a1", "two=2", "-q")
    assert mngr.agent("a1")["labels"] == {"one": "1", "two": "2"}
    both("label", "a1", {"three": "3"}, *MNGR, "rename", "a1", "b1", "-q")
    assert (mngr.agent("b1")["labels"], sessions(mngr)) == ({"one": "1", "two": "2", "three": "3"}, ["b1"])
    both("rename", "b1", "c1", *MNGR, "label", "b1", "two-", "-q")
    assert (mngr.agent("c1")["labels"], sessions(mngr)) == ({"one": "1", "three": "3"}, ["c1"])
    assert (
        both("rename", "c1", "d1", *MNGR, "rename", "c1", "e1", "-q")
        == "agent c1 was renamed to e1 meanwhile\n"
    )
    assert (mngr.names(), sessions(mngr)) == (["e1"], ["e1"])
    record = mngr.home / "agents" / mngr.agent("e1")["id"] / "agent.json"
    record.write_text(record.read_text().replace(":", ": ") + "\n")  # as another mngr writes it
    mngr.run("label", "e1", "four=4")
    assert mngr.agent("e1")["labels"] == {"one": "1", "three": "3", "four": "4"}
    spoil = f"open('{record}', 'a').write('}}')"
    argv = (sys.executable, "-c", spoil)
    assert "the record of agent e1 can't be read" in both("label", "e1", {"five": "5"}, *argv)
    record.write_text(record.read_text().removesuffix("}"))
    mngr.run("destroy", "e1", "--yes")


def test_a_name_that_was_remembered_before_a_rename_elsewhere_isn_t_the_agent_s_any_more(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    remembered = mngr.home / "cache" / "names" / "a1.json"
    before = remembered.read_bytes()
    mngr.run("rename", "a1", "b1")
    for words in (("stop", "a1"), ("destroy", "a1", "--yes")):
        remembered.write_bytes(before)  # as where the rename wasn't seen
        assert "there is no agent called a1" in mngr.run(*words, code=3).stderr
    assert mngr.state("b1") == "running"
    mngr.create("a1", "sleep", "1000")
    remembered.write_bytes(before)
    mngr.run("destroy", "a1", "--yes")
    assert mngr.names() == ["b1"]
    mngr.run("destroy", "b1", "--yes")
