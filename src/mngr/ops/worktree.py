"""A git worktree of an agent's own on this computer: `$MNGR_HOME/worktrees/NAME`, on the branch `mngr/NAME`.

It belongs to the agent whose work dir is in it. One that is nobody's (a create or destroy was killed) is taken away by the next
create of that name, or by `gc`, if nothing would be lost.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from mngr.model.errors import Conflict, InvalidInput, MngrError
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import HostView
from mngr.ops import git
from mngr.ops.request import CreateRequest
from mngr.ops.work import Repository, Tip, Work, look
from mngr.transport.base import Completed, run_local
from mngr.transport.local import Local

#: How long nested repositories are looked at, in seconds.
LOOK_S = 20


def folder(host_dir: str) -> Path:
    """Where worktrees are: as the file system has it, however `host_dir` is spelled."""
    return Path(os.path.realpath(Path(host_dir) / "worktrees"))


def of(host: HostRecord, agent: AgentRecord) -> Path | None:
    """The worktree of an agent's own that it works in."""
    above, directory = folder(host.host_dir), Path(agent.work_dir)
    around = (*reversed(directory.parents), directory)
    return next((above / one.name for one in around if os.path.realpath(one.parent) == str(above)), None)


def branch(path: Path) -> str:
    """The branch that was made with it. (The agent may have checked out others since, which stay.)"""
    return f"mngr/{path.name}"


def repository_of(request: CreateRequest) -> Path:
    """The top of the work tree around what was asked for. Raises InvalidInput if there is none."""
    top = git.repository(request.source or Path.cwd())
    if top is None:
        raise InvalidInput(
            f"{request.source or Path.cwd()} isn't in a git repository",
            hint="--from names one; or leave out --worktree",
        )
    return top


def uncommitted(top: Path) -> int:
    """How many files of a work tree aren't as they were committed, new ones among them."""
    return len(git.text(top, "status", "--porcelain", "-uall").splitlines())


def has_submodules(top: Path) -> bool:
    return git.is_set(top, "rev-parse", "-q", "--verify", "HEAD:.gitmodules")


def check(top: Path, path: Path, hosts: Iterable[HostView]) -> None:
    """Raises InvalidInput, Conflict if the repository `top` can't have the worktree `path`; changes nothing. `hosts`: as they
    are, with the agents that have worktrees."""
    if not git.is_set(top, "rev-parse", "-q", "--verify", "HEAD^{commit}"):
        raise InvalidInput(
            f"{top} has no commit yet, so there can't be a worktree of it",
            hint="commit something, or leave out --worktree",
        )
    for owner in (
        agent.record.name
        for host in hosts
        for agent in host.agents
        if not agent.half_made and of(host.record, agent.record) == path
    ):
        raise Conflict(
            f"the worktree {path} is of agent {owner}, which was called {path.name}",
            hint="choose another name for the agent",
        )
    if os.path.lexists(path) and not is_nothing(work(path)):
        raise Conflict(
            f"the worktree {path} of a former agent is there still, with work that is nowhere else",
            hint=f"look at it, and remove it: git -C {path} status; or another name for the agent",
        )
    _check_branch(top, path)


def _check_branch(top: Path, path: Path) -> None:
    """Raises Conflict if a new branch from HEAD can't have its name, or would drop what an old one of that name has."""
    name = branch(path)
    for ref in git.text(top, "for-each-ref", "--format=%(refname)", "refs/heads/mngr").split():
        if (
            f"{ref}/".startswith(f"refs/heads/{name}/") and ref != f"refs/heads/{name}"
        ) or ref == "refs/heads/mngr":
            short = ref.removeprefix("refs/heads/")
            raise Conflict(
                f"git can't hold the branch {name} beside {short}, which is here",
                hint=f"git branch -m {short} NEW; or another name for the agent",
            )
    if git.is_set(top, "rev-parse", "-q", "--verify", f"refs/heads/{name}"):
        where = git.text(top, "for-each-ref", "--format=%(worktreepath)", f"refs/heads/{name}")
        if where and Path(where).exists() and os.path.realpath(where) != os.path.realpath(path):
            raise Conflict(
                f"the branch {name} is checked out in {where}", hint="choose another name for the agent"
            )
        if count := _alone(top, name, [f"refs/heads/{name}"], "HEAD"):
            raise Conflict(
                f"the branch {name} is here already, with {count} commits that no other branch has",
                hint=f"git branch -m {name} NEW; or another name for the agent",
            )


def make(top: Path, path: Path) -> None:
    """Makes it, from HEAD of the repository `top`, after `check`. What a killed create left of it goes first. Raises MngrError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.path.lexists(path):
        remove(path)
    git.run(top, "worktree", "prune")
    # Hooks are the user's: none of them knows that this is a checkout for an agent.
    done = _locked(
        top,
        "-c",
        "core.hooksPath=/dev/null",
        "worktree",
        "add",
        "-q",
        "-B",
        branch(path),
        str(path),
        "HEAD",
        at=path,
    )
    if done.code:
        raise MngrError(f"git can't make a worktree of {top} in {path}", details=done.error[-1000:])


def remove(path: Path) -> None:
    """Takes a worktree away, with its branch, whatever is in them. Gone already is success: repeatable."""
    if git.own_top(path) if path.is_dir() else False:
        common, commit = (
            Path(git.common(path)),
            git.text(path, "rev-parse", "-q", "--verify", "HEAD", check=False),
        )
        if (
            git.text(path, "symbolic-ref", "-q", "HEAD", check=False) == f"refs/heads/{branch(path)}"
            and commit
        ):
            git.run(
                path, "update-ref", "--no-deref", "HEAD", commit
            )  # else git keeps the branch, as it is checked out
        git.run(common, "branch", "-q", "-D", branch(path))
        _locked(common, "worktree", "remove", "--force", "--force", str(path), at=path)
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        raise MngrError(
            f"the worktree {path} can't be removed", hint="is everything in it yours? Then run this again"
        )


def work(path: Path) -> Work:
    """What would be lost with a worktree: commits that no other branch, tag or remote's branch has, what isn't committed, and
    what repositories in it have."""
    found = Work(directory=str(path))
    if not path.is_dir():
        found.problem = "gone"
        return found
    if not git.own_top(path):
        found.files = sum(len(files) for _, _, files in os.walk(path))
        return found
    if _is_begun(path):
        return found
    own = branch(path)
    ends = [("branch", own, f"refs/heads/{own}")]
    if not git.is_set(path, "symbolic-ref", "-q", "HEAD"):
        ends.append(("head", "", "HEAD"))
    ends = [end for end in ends if git.is_set(path, "rev-parse", "-q", "--verify", end[2])]
    here = Repository(path=".", at=str(path), unpulled=_alone(path, own, [ref for _, _, ref in ends]))
    if here.unpulled:
        here.subject = git.text(path, "log", "-1", "--format=%s", *(ref for _, _, ref in ends))
        counted = [(kind, name, _alone(path, own, [ref])) for kind, name, ref in ends]
        here.tips = [
            Tip(kind=kind, name=name, commit="", new=count, unpulled=count)
            for kind, name, count in counted
            if count
        ]
    lines = git.text(path, "status", "--porcelain", "-uall", "--ignore-submodules=dirty").splitlines()
    here.untracked = sum(line.startswith("??") for line in lines)
    here.changed = len(lines) - here.untracked
    found.repositories = [here, *_nested(path)]
    return found


def is_nothing(work: Work) -> bool:
    """Whether nothing would be lost."""
    return not work.files and not any(
        one.unpulled
        or one.changed
        or one.untracked
        or one.unreadable
        or any(tip.unpulled for tip in one.tips)
        for one in work.repositories
    )


def _alone(top: Path, own: str, tips: list[str], *has: str) -> int:
    """How many commits these have that no ref but the branch `own` has, nor what is in `has`."""
    others = ("--not", f"--exclude={own}", "--branches", "--tags", "--remotes", *has)
    return int(git.text(top, "rev-list", "--count", *tips, *others)) if tips else 0


def _nested(path: Path) -> list[Repository]:
    """The repositories in it: submodules, or what the agent has cloned there."""
    found: list[str] = []
    for directory, folders, files in os.walk(path):
        if ".git" in (*folders, *files) and directory != str(path):
            found.append(directory)
            folders.clear()
        elif ".git" in folders:
            folders.remove(".git")
    if not found:
        return []
    nested: list[Repository] = []
    for one in look(Local(), found, LOOK_S):
        below = os.path.relpath(one.directory, path)
        if one.problem:
            nested.append(Repository(path=below, unreadable=True))
        for repository in one.repositories:
            repository.path = os.path.normpath(os.path.join(below, repository.path))
        nested += one.repositories
    return nested


def _is_begun(path: Path) -> bool:
    """Whether git was killed while it made it, so that nobody has worked there."""
    try:
        return (
            path / git.text(path, "rev-parse", "--git-dir") / "locked"
        ).read_text().strip() == "initializing"
    except OSError:
        return False


def _locked(top: Path, *args: str, at: Path) -> Completed:
    """Git, alone at work on worktrees here: what a killed mngr has begun ends first."""
    lock = str(at.parent / ".lock")
    return run_local(
        ["flock", "-w", "60", lock, "git", "-C", str(top), *args], place="this computer", what=f"git worktree in {top}",
        input=b"", timeout=git.LIMIT_S, env=git.environment(),
    )  # fmt: skip
