"""What `pull` and `destroy` say of an agent's work: the same facts as sentences and as data."""

from types import SimpleNamespace
from typing import Any

import pytest

from mngr.cli import losses, pull, words
from mngr.model.notes import Note
from mngr.ops import notes
from mngr.ops.losing import Loss, Unpulled, Unread
from mngr.ops.pull import Brought, Left, Pulled


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (Left(reason="unreadable", repository="sub"), ("the repository sub", "git can't read it")),
        (
            Left(reason="no-repository", repository="new", commits=1),
            ("1 commit in new", "there is no repository new here"),
        ),
        (
            Left(reason="checked-out", kind="head", of="", branch="trunk"),
            ("HEAD", "branch trunk is checked out here, so it isn't changed"),
        ),
        (
            Left(reason="diverged", kind="stash", of="wip", branch="mngr/a/stash-1", repository="sub"),
            ("stash wip in sub", "branch mngr/a/stash-1 here has commits that the agent's doesn't"),
        ),
        (
            Left(reason="name-clash", kind="head", of="main", branch="x"),
            ("branch main", "branch x clashes with an existing one: git can't hold both a and a/b"),
        ),
        (Left(reason="git", kind="tag", of="v1", branch="x", git="disk full"), ("tag v1", "disk full")),
    ],
)
def test_each_reason_why_work_stayed_has_its_sentence(left: Left, said: tuple[str, str]) -> None:
    [row] = pull._row(Pulled(branch="mngr/a", left=[left]))["left"]
    assert (row["what"], row["why"]) == said
    assert row["reason"] == left.reason


def test_a_pull_s_json_has_booleans_and_numbers() -> None:
    brought = Brought(branch="mngr/a", commit="c", kind="head", of="main")
    row = pull._row(Pulled(branch="mngr/a", commit="c", brought=[brought], changed=2, untracked=1))
    assert (row["new"], row["uncommitted"], row["noted"], row["dropped"]) == (True, 3, True, 0)
    assert row["brought"][0]["repository"] == "."
    assert pull._row(Pulled(branch="mngr/a"))["new"] is False


def lost(loss: Loss) -> tuple[str, dict[str, Any]]:
    """The line and the data of one loss."""
    group: Any = SimpleNamespace(host=SimpleNamespace(record=SimpleNamespace(id="h")))
    [line], [row] = losses.lines({"h": [loss]}, group), losses.row({"h": [loss]}, group)["work"]
    return line.strip(), row


def test_what_an_agent_would_lose() -> None:
    line, row = lost(
        Loss(
            agent="a",
            commits=3,
            unpulled=[
                Unpulled(kind="head", name=""),
                Unpulled(kind="tag", name="v1", repository="sub"),
                Unpulled(kind="stash", name="wip"),
            ],
            subject="last",
            changed=1,
            untracked=2,
            files=1,
        )
    )
    assert line == (
        "a has 3 commits never pulled, on HEAD, sub: tag v1 (newest: last), 1 stash (wip), 1 uncommitted file, "
        "2 untracked files, 1 file in no repository"
    )
    assert row == {
        "agent": "a", "commits": 3, "branches": ["HEAD", "sub: tag v1"], "subject": "last", "stashes": ["wip"],
        "changed": 1, "untracked": 2, "files": 1, "problem": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "unread", "problem"),
    [
        ("a", Unread(state="stopped"), "its host is stopped"),
        ("a", Unread(state="unreachable", error="no route"), "its host is unreachable (no route)"),
        ("", Unread(state="unreachable", error="no route"), "no route"),
        ("", Unread(state="building"), "building"),
        ("a", Unread(repository="sub"), "sub: git can't read it"),
        ("a", Unread(error="git isn't installed there"), "git isn't installed there"),
    ],
)
def test_why_it_isnt_known_what_is_lost(agent: str, unread: Unread, problem: str) -> None:
    line, row = lost(Loss(agent=agent, unread=unread))
    assert line == f"{agent or 'its agents'} couldn't be asked for unpulled commits: {problem}"
    assert row["problem"] == problem


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (
            notes.ChangesLeft(filters=["crypt", "lfs"], files=["a", "b", "c", "d"], repository=True),
            "filter crypt, lfs: changes in 4 files (a, b, c, …) weren't brought, as they would be committed unfiltered "
            "there; they stay as the index has them, new ones behind",
        ),
        (
            notes.ChangesLeft(filters=["crypt"], files=["a"], repository=False),
            "filter crypt: changes in a weren't brought, as they would be committed unfiltered there; they stay behind",
        ),
        (
            notes.Unfiltered(filters=["crypt"], files=["a"]),
            "filter crypt: a is there as git stores it, unfiltered",
        ),
        (
            notes.Unfiltered(filters=["crypt"], files=["a", "b"]),
            "filter crypt: 2 files (a, b) are there as git stores them, unfiltered",
        ),
        (
            notes.RepositoryLeft(path="/r/s", worktree_of="/r"),
            "/r/s wasn't brought: it is another worktree of /r",
        ),
        (notes.RepositoryLeft(path="/r/s"), "/r/s wasn't brought: git can't read the repository there"),
        (
            notes.RequestUnused(host="box", fields=["image", "idle"]),
            "host box was there already: --image, idle and lifetime options had no effect; a new host takes them",
        ),
    ],
)
def test_what_isnt_sent_of_code_has_its_sentence(note: Note, said: str) -> None:
    assert words.of_note(note) == said
