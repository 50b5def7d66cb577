"""What agents have worked and nobody has brought home: the reading side of scripts/code-work.sh."""

import os
from collections.abc import Sequence

import msgspec

from mngr.hosts.scripts import script
from mngr.model.errors import MngrError
from mngr.transport.base import Transport


class Tip(msgspec.Struct, frozen=True, kw_only=True):
    """A commit that has, with what leads to it, something new. `kind`: head, branch, worktree, stash, tag, ref; `name`: its
    branch, tag or ref, a stash's subject; `new`: commits since the code was sent, `unpulled`: those that no pull brought."""

    kind: str
    commit: str
    new: int
    unpulled: int
    name: str = ""


class Repository(msgspec.Struct, kw_only=True):
    """A repository in a work dir; `path`: where, below its top ("." is the agent's own), `at`: its directory. `base`: the commit that was sent.
    `unpulled`: commits that no pull brought, stashes apart; `subject`: of the newest. `dropped`: commits that only the reflog
    has. `busy`: an operation that hasn't come to its end, such as a rebase. `unreadable`: git can't read it."""

    path: str
    at: str = ""
    base: str = ""
    branch: str = ""
    tips: list[Tip] = []
    unpulled: int = 0
    subject: str = ""
    changed: int = 0
    untracked: int = 0
    dropped: int = 0
    busy: str = ""
    unreadable: bool = False


class Work(msgspec.Struct, kw_only=True):
    """What is in a work dir. `files`: how many are in no repository. `problem`: why nothing is known, in the host's words;
    "gone" if there is no such directory."""

    directory: str
    files: int = 0
    repositories: list[Repository] = []
    problem: str = ""


def look(transport: Transport, directories: Sequence[str], timeout: float) -> list[Work]:
    """The work in each of these directories, in one round trip. Raises TimedOut, Unreachable, MngrError."""
    found = parse(script(transport, "code-work", *directories, timeout=timeout).stdout)
    if len(found) != len(directories):
        raise MngrError(f"the answer of {transport.place} was cut short")
    return found


def parse(output: bytes) -> list[Work]:
    """What code-work.sh printed; a directory whose facts aren't whole is left out."""
    words = output.split(b"\0")[:-1]
    found: list[Work] = []
    for word in words:
        key, _, value = word.decode(errors="replace").partition(" ")
        if key == "dir":
            found.append(Work(directory=value))
        elif key == "none":
            found[-1].problem = value.removeprefix("unread ")
        elif key == "files":
            found[-1].files = int(value)
        elif key == "repo":
            found[-1].repositories.append(Repository(path=value))
        elif key == "at":
            found[-1].repositories[-1].at = os.fsdecode(word[len("at ") :])
        elif key == "unread":
            found[-1].repositories.append(Repository(path=value, unreadable=True))
        elif key != "end":
            _fact(found[-1].repositories[-1], key, value)
    return found if words[-1:] == [b"end"] else found[:-1]


def _fact(repository: Repository, key: str, value: str) -> None:
    if key == "tip":
        kind, commit, new, unpulled, name = value.split(" ", 4)
        tip = Tip(kind=kind, commit=commit, new=int(new), unpulled=int(unpulled), name=name)
        repository.tips.append(tip)
    elif key in ("base", "branch", "subject", "busy"):
        setattr(repository, key, value)
    elif key in ("unpulled", "changed", "untracked", "dropped"):
        setattr(repository, key, int(value))
