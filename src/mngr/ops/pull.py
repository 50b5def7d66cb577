"""Commits on their way home: every branch and stash of an agent with new work, from each repository in its work dir.

A branch becomes `mngr/<agent>/<branch>` here, a HEAD without one `mngr/<agent>/HEAD`, a stash `mngr/<agent>/stash-<id>`
(`git stash apply` takes it). No commit that a branch has here is lost by it. What has come home is noted on the host, for
`destroy`.
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mngr.agents import tmux
from mngr.hosts import scripts
from mngr.model.errors import InvalidInput, MngrError, NotFound
from mngr.model.progress import Step
from mngr.ops import git, worktree
from mngr.ops.context import Mngr, Phases
from mngr.ops.fetch import Brought, Left, bring, commit_of, holders
from mngr.ops.run import reachable
from mngr.ops.work import Repository, Tip, look
from mngr.transport.base import Transport
from mngr.transport.local import Local

#: The look at what there is, before anything is sent.
LOOK_S = 120


class Pulled(msgspec.Struct, kw_only=True):
    """What a pull did. `branch`, `commit`: of the agent's HEAD, here (`commit` is "" if that has nothing new). `changed`,
    `untracked`: files that aren't committed and stayed; `dropped`: commits that only the agent's reflog has; `busy`:
    operations that haven't come to their end there. `noted`: whether the host knows what has come home. `renamed`: branches
    here that had names of an older mngr, by those. `here`: the agent works in a worktree of this very repository, on `branch`."""

    branch: str
    commit: str = ""
    brought: list[Brought] = []
    left: list[Left] = []
    changed: int = 0
    untracked: int = 0
    dropped: int = 0
    busy: list[str] = []
    noted: bool = True
    renamed: dict[str, str] = {}
    here: bool = False


def pull_agent(
    mngr: Mngr, text: str, into: Path, branch: str, phases: Phases, *, force: bool = False
) -> Pulled:
    """As `pull`, of an agent, into the repository around `into`, as branches `mngr/NAME/…`."""
    top = git.keeper(into)
    if top is None:
        raise InvalidInput(
            f"{into.absolute()} isn't in a git repository",
            hint="--into names the repository to bring the commits to",
        )
    phases(Step("find"))
    target = reachable(mngr, text)
    assert target.agent
    phases(Step("commits"))
    prefix = f"mngr/{target.agent.record.name}"
    path = worktree.of(target.host.record, target.agent.record)
    if path and git.common(path) == git.common(top):
        return _pull_worktree(path, top, prefix, branch, force)
    return pull(
        tmux.as_user(mngr.place(target.host.record)), target.agent.record.work_dir, top, prefix,
        branch=branch, force=force,
    )  # fmt: skip


def _pull_worktree(path: Path, top: Path, prefix: str, branch: str, force: bool) -> Pulled:
    """As `pull`, from a worktree of the repository `top` itself: what its HEAD has is here, and gets the name `branch`, if that
    is given; nested repositories' work comes as elsewhere."""
    _check_branch(top, branch)
    at = git.text(path, "symbolic-ref", "-q", "--short", "HEAD", check=False)
    commit = git.text(path, "rev-parse", "-q", "--verify", "HEAD", check=False)
    pulled = Pulled(branch=at or commit, commit=commit, here=True)
    head = Tip(kind="head", commit=commit, new=0, unpulled=0, name=at)
    repositories: list[Repository] = []
    for one in worktree.work(path).repositories:
        if one.path == ".":
            one.base, one.tips = commit, [head] if branch else []
        elif not one.unreadable and git.common(Path(one.at)) == git.common(top):
            continue  # another worktree that the agent made in its own
        repositories.append(one)
    # Within itself nothing nested comes home: it goes with the worktree.
    into = Path(git.common(top)) if top.resolve() == path.resolve() else top
    _bring(Local(), repositories, into, pulled, prefix, branch, force)
    pulled.commit = commit
    return pulled


def _check_branch(into: Path, branch: str) -> None:
    if branch and git.run(into, "check-ref-format", f"refs/heads/{branch}").code:
        raise InvalidInput(f"{branch!r} can't be a branch's name", hint="--branch takes another one")


def pull(
    transport: Transport, work_dir: str, into: Path, prefix: str, *, branch: str = "", force: bool = False
) -> Pulled:
    """Brings what was committed and stashed in `work_dir` into the repository `into`, as branches `PREFIX/…`; HEAD as
    `branch`, if that is given. Repeatable: what is here already isn't brought again.

    `force`: replaces branches that went another way here; what no other ref has of them stays as the branch `NAME-was-ID`.
    What can't be brought is in `left`. Raises NotFound if there is no repository there, InvalidInput if git allows no branch
    of that name, MngrError if nothing can be read.
    """
    _check_branch(into, branch)
    [work] = look(transport, [work_dir], LOOK_S)
    if work.problem not in ("", "gone"):
        raise MngrError(f"what is in {work_dir} on {transport.place} can't be read: {work.problem}")
    if not work.repositories:
        raise NotFound(f"there is no git repository in {work_dir} on {transport.place}")
    pulled = Pulled(branch=branch or _name(prefix, work.repositories[0].branch or "HEAD"))
    _bring(transport, work.repositories, into, pulled, prefix, branch, force)
    return pulled


def _bring(
    transport: Transport,
    repositories: Sequence[Repository],
    into: Path,
    pulled: Pulled,
    prefix: str,
    branch: str,
    force: bool,
) -> None:
    """Brings what is new in each of these repositories, and notes there that it has come home."""
    here: list[tuple[str, str]] = []
    for repository in repositories:
        _count(repository, pulled)
        names = _names(repository, prefix, branch)
        here += [
            (repository.at, commit)
            for commit in sorted(_pull_repository(transport, repository, names, into, pulled, prefix, force))
        ]
    if here:
        words = [word for pair in here for word in pair]
        pulled.noted = scripts.script(transport, "code-pulled", *words, check=False).code == 0


def _count(repository: Repository, pulled: Pulled) -> None:
    """Adds up what can't be pulled as it is in no commit, or in none that a branch holds."""
    pulled.changed += repository.changed
    pulled.untracked += repository.untracked
    pulled.dropped += repository.dropped
    if repository.busy:
        pulled.busy.append(repository.busy)


def _pull_repository(
    transport: Transport,
    repository: Repository,
    names: "_Named",
    into: Path,
    pulled: Pulled,
    prefix: str,
    force: bool,
) -> set[str]:
    """Brings one repository's work. Returns the commits that are here now, and that the host doesn't know to be."""
    path = repository.path
    if repository.unreadable:
        pulled.left.append(Left(reason="unreadable", repository=path))
        return set()
    if not repository.tips:
        return set()
    home = into if path == "." else _nested(into, path)
    if home is None:
        if repository.unpulled or any(tip.kind == "stash" for tip in repository.tips):
            pulled.left.append(Left(reason="no-repository", repository=path, commits=repository.unpulled))
        return set()
    # A worktree's own branch is called as an older mngr called those of pulls.
    if path != "." or not pulled.here:
        pulled.renamed |= _rename_former(home, prefix, repository.branch)
    wanted = [(tip, name) for tip, name in names if not _is_here(home, tip, name, [prefix, pulled.branch])]
    done = bring(transport, repository, home, wanted, force) if wanted else []
    brought = [one for one in done if isinstance(one, Brought)]
    pulled.brought += brought
    pulled.left += [one for one in done if isinstance(one, Left)]
    if path == ".":
        pulled.commit = next((one.commit for one in brought if one.kind == "head"), "")
    here = {tip.commit for tip in repository.tips} - {tip.commit for tip, _ in wanted}
    here |= {one.commit for one in brought}
    return here & {tip.commit for tip in repository.tips if tip.unpulled}


#: Each tip with the branch that it becomes here.
_Named = Sequence[tuple[Tip, str]]


def _names(repository: Repository, prefix: str, branch: str) -> _Named:
    """A name that two would have gets the commit's beginning. `branch`: HEAD's, if it shall be another one."""
    found: dict[str, Tip] = {}
    for tip in repository.tips:
        short = tip.commit[:7]
        own = {"head": tip.name or "HEAD", "branch": tip.name, "stash": f"stash-{short}"}
        name = _name(prefix, own.get(tip.kind, f"{tip.kind}-{tip.name}"))
        name = branch if branch and tip.kind == "head" else name
        found[f"{name}-{short}" if name in found else name] = tip
    return [(tip, name) for name, tip in found.items()]


def _name(prefix: str, own: str) -> str:
    return re.sub(r"[^\w./+=@-]|\.\.+|@\{", "-", f"{prefix}/{own}")


def _rename_former(home: Path, prefix: str, head: str) -> dict[str, str]:
    """Gives branches that an older mngr made, `PREFIX` and `PREFIX+BRANCH`, the names that they have today, `head` being
    the agent's branch. One that is checked out stays as it is: somebody works on it."""
    return _rename(home, prefix, ("+",), lambda rest: _name(prefix, rest.removeprefix("+") or head or "HEAD"))


def rename_branches(home: Path, prefix: str, new: str) -> dict[str, str]:
    """Calls the branches that pulls of an agent made here by its new name: `new` in place of `prefix`. Repeatable."""
    return _rename(home, prefix, ("+", "/"), lambda rest: new + rest)


def _rename(home: Path, prefix: str, marks: tuple[str, ...], to: Callable[[str], str]) -> dict[str, str]:
    """Those called `prefix`, and those in which one of `marks` follows, unless checked out: `to` is given what follows."""
    form = "--format=%(refname:lstrip=2)%09%(worktreepath)"
    lines = git.text(home, "for-each-ref", form, f"refs/heads/{os.path.dirname(prefix)}").splitlines()
    renamed: dict[str, str] = {}
    for former, _, checked_out in (line.partition("\t") for line in lines):
        rest = former.removeprefix(prefix)
        if former != prefix and (rest == former or not rest.startswith(marks)):
            continue
        if not checked_out and git.run(home, "branch", "-m", former, to(rest)).code == 0:
            renamed[former] = to(rest)
    return renamed


def _is_here(home: Path, tip: Tip, name: str, own: Sequence[str]) -> bool:
    """Whether the repository `home` has a tip where it belongs, or (merged, say) in what isn't of this agent. `own`: its
    branches are called so, or are below that."""
    found = holders(home, tip.commit)
    if f"refs/heads/{name}" in found:
        return True
    if commit_of(home, f"refs/heads/{name}"):
        return False
    return any(not f"{one}/".startswith(tuple(f"refs/heads/{name}/" for name in own)) for one in found)


def _nested(into: Path, path: str) -> Path | None:
    """The repository `path` below `into`, if there is one of its own."""
    found = into / path
    return found if found.is_dir() and git.own_top(found) else None
