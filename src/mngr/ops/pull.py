"""Commits on their way home: every branch and stash of an agent with new work, from each repository in its work dir.

HEAD becomes the branch `mngr/<agent>` here, another branch `mngr/<agent>+<branch>`, a stash `mngr/<agent>+stash-<id>`
(`git stash apply` takes it). What has come home is noted on the host, for `destroy`.
"""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from mngr.agents import tmux
from mngr.hosts import scripts
from mngr.model.errors import InvalidInput, MngrError, NotFound, TimedOut, Unreachable
from mngr.model.names import parse_address
from mngr.model.progress import Step
from mngr.ops import git
from mngr.ops.context import Mngr, Phases
from mngr.ops.git import LIMIT_S
from mngr.ops.run import reachable
from mngr.ops.work import Repository, Tip, look
from mngr.transport.base import SSH_FAILED, Completed, Transport

#: The look at what there is, before anything is sent.
LOOK_S = 120


#: Why something stayed with the agent: git can't read its repository; there is no such repository here; its branch here
#: is checked out, can't stand beside another one's name, or has other commits; git says why.
Reason = Literal["unreadable", "no-repository", "checked-out", "name-clash", "diverged", "git"]


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """A branch that is new here, or has moved. `kind`, `of`: what it is there (Tip). `repository`: the nested one that it
    is in, here and there ("." for the agent's own)."""

    branch: str
    commit: str
    kind: str
    of: str
    repository: str = "."


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """New work that stayed with the agent. `kind`, `of`: the tip (Tip), and `branch` its name here; without a `kind` it is
    all of a `repository`, and `commits` how many. `git`: what git said (`reason` "git")."""

    reason: Reason
    repository: str = "."
    kind: str = ""
    of: str = ""
    branch: str = ""
    commits: int = 0
    git: str = ""


class Pulled(msgspec.Struct, kw_only=True):
    """What a pull did. `branch`, `commit`: of the agent's HEAD, here (`commit` is "" if that has nothing new). `changed`,
    `untracked`: files that aren't committed and stayed; `dropped`: commits that only the agent's reflog has; `busy`:
    operations that haven't come to their end there. `noted`: whether the host knows what has come home."""

    branch: str
    commit: str = ""
    brought: list[Brought] = []
    left: list[Left] = []
    changed: int = 0
    untracked: int = 0
    dropped: int = 0
    busy: list[str] = []
    noted: bool = True


def pull_agent(
    mngr: Mngr, text: str, into: Path, branch: str, phases: Phases, *, force: bool = False
) -> Pulled:
    """As `pull`, of an agent, into the repository around `into`; as the branch `mngr/NAME` unless `branch` says another."""
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
    return pull(
        tmux.as_user(mngr.place(target.host.record)), target.agent.record.work_dir, top,
        branch or f"mngr/{parse_address(text).name}", force=force,
    )  # fmt: skip


def pull(transport: Transport, work_dir: str, into: Path, branch: str, *, force: bool = False) -> Pulled:
    """Brings what was committed and stashed in `work_dir` into the repository `into`: HEAD as `branch`, all else as
    branches that begin with it. Repeatable: what is here already isn't brought again.

    What can't be brought is in `left`. Raises NotFound if there is no repository there, InvalidInput if git allows no branch
    of that name, MngrError if nothing can be read.
    """
    if git.run(into, "check-ref-format", f"refs/heads/{branch}").code:
        raise InvalidInput(f"{branch!r} can't be a branch's name", hint="--branch takes another one")
    [work] = look(transport, [work_dir], LOOK_S)
    if work.problem not in ("", "gone"):
        raise MngrError(f"what is in {work_dir} on {transport.place} can't be read: {work.problem}")
    if not work.repositories:
        raise NotFound(f"there is no git repository in {work_dir} on {transport.place}")
    pulled = Pulled(branch=branch)
    here: list[tuple[str, str]] = []
    for repository in work.repositories:
        _count(repository, pulled)
        here += [
            (repository.at, commit)
            for commit in sorted(_pull_repository(transport, repository, into, pulled, force))
        ]
    if here:
        words = [word for pair in here for word in pair]
        pulled.noted = scripts.script(transport, "code-pulled", *words, check=False).code == 0
    return pulled


def _count(repository: Repository, pulled: Pulled) -> None:
    """Adds up what can't be pulled as it is in no commit, or in none that a branch holds."""
    pulled.changed += repository.changed
    pulled.untracked += repository.untracked
    pulled.dropped += repository.dropped
    if repository.busy:
        pulled.busy.append(repository.busy)


def _pull_repository(
    transport: Transport, repository: Repository, into: Path, pulled: Pulled, force: bool
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
    wanted = [
        (tip, name)
        for tip, name in _names(repository, pulled.branch)
        if not _is_here(home, tip, name, pulled.branch)
    ]
    done = _bring(transport, repository, home, wanted, force) if wanted else []
    brought = [one for one in done if isinstance(one, Brought)]
    pulled.brought += brought
    pulled.left += [one for one in done if isinstance(one, Left)]
    if path == ".":
        pulled.commit = next((one.commit for one in brought if one.kind == "head"), "")
    here = {tip.commit for tip in repository.tips} - {tip.commit for tip, _ in wanted}
    here |= {one.commit for one in brought}
    return here & {tip.commit for tip in repository.tips if tip.unpulled}


def _names(repository: Repository, branch: str) -> list[tuple[Tip, str]]:
    """Each tip with the branch that it becomes here. A name that two would have gets the commit's beginning."""
    found: dict[str, Tip] = {}
    for tip in repository.tips:
        short = tip.commit[:7]
        own = {"head": "", "branch": f"+{tip.name}", "stash": f"+stash-{short}"}
        name = branch + own.get(tip.kind, f"+{tip.kind}-{tip.name}")
        name = re.sub(r"[^\w./+=@-]|\.\.+|@\{", "-", name)
        found[f"{name}-{short}" if name in found else name] = tip
    return [(tip, name) for name, tip in found.items()]


def _is_here(home: Path, tip: Tip, name: str, branch: str) -> bool:
    """Whether the repository `home` has a tip where it belongs, or (merged, say) in what isn't of this agent."""
    done = git.run(home, "for-each-ref", "--format=%(refname)", "--contains", tip.commit)
    if done.code:  # it doesn't have the commit
        return False
    holders = done.text.split()
    if f"refs/heads/{name}" in holders:
        return True
    if git.run(home, "rev-parse", "-q", "--verify", f"refs/heads/{name}").code == 0:
        return False
    return any(not re.match(rf"refs/heads/{re.escape(branch)}(\+|$)", one) for one in holders)


def _bring(
    transport: Transport, repository: Repository, home: Path, wanted: Sequence[tuple[Tip, str]], force: bool
) -> list[Brought | Left]:
    """Fetches these tips, together; one by one where some are refused."""
    with tempfile.TemporaryDirectory(prefix="mngr-pull-") as folder:
        bundle = Path(folder) / "bundle"
        _bundle(transport, repository, [tip for tip, _ in wanted], bundle)
        sign = "+" if force else ""
        refs = [f"{sign}refs/mngr/out/{at}:refs/heads/{name}" for at, (_, name) in enumerate(wanted)]
        together = _fetch(home, bundle, refs)
        if together.code == 0:
            return [_result(together, repository, tip, name, home) for tip, name in wanted]
        alone = [_fetch(home, bundle, [ref]) for ref in refs]
        for at, (_, name) in enumerate(wanted):
            # HEAD may be on another branch than it was: nothing is lost by that once the former one is here.
            if alone[at].code and _is_elsewhere(home, name, repository):
                alone[at] = _fetch(home, bundle, [f"+{refs[at].removeprefix('+')}"])
        return [
            _result(fetched, repository, tip, name, home)
            for fetched, (tip, name) in zip(alone, wanted, strict=True)
        ]


def _is_elsewhere(home: Path, name: str, repository: Repository) -> bool:
    """Whether what the branch `name` has here, another branch has, and the agent's repository."""
    done = git.run(
        home, "for-each-ref", "--format=%(refname)", "--contains", f"refs/heads/{name}", "refs/heads"
    )
    others = done.code == 0 and set(done.text.split()) - {f"refs/heads/{name}"}
    return bool(others) and any(
        git.run(home, "merge-base", "--is-ancestor", f"refs/heads/{name}", tip.commit).code == 0
        for tip in repository.tips
    )


def _bundle(transport: Transport, repository: Repository, tips: Sequence[Tip], file: Path) -> None:
    words = [tip.commit for tip in tips]
    argv = transport.argv(
        ["sh", "-c", scripts.text("code-send"), "code-send", repository.at, repository.base, *words]
    )
    try:
        with open(file, "wb") as out:
            done = subprocess.run(
                argv, stdout=out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=LIMIT_S
            )
    except subprocess.TimeoutExpired:
        raise TimedOut(
            f"the commits in {repository.at} on {transport.place} didn't arrive within {LIMIT_S} s",
            hint="is the host overloaded, or the line slow? The command may be run again",
        ) from None
    said = done.stderr.decode(errors="replace")
    if done.returncode == SSH_FAILED:
        raise Unreachable(
            f"the connection to {transport.place} broke while commits came home", hint="run it again"
        )
    if done.returncode:
        raise MngrError(
            f"the commits in {repository.at} couldn't be read on {transport.place}", details=said[-1000:]
        )


def _fetch(home: Path, bundle: Path, refs: Sequence[str]) -> Completed:
    # Not -q: it is silent about what it rejects.
    return git.run(
        home, "fetch", "--no-tags", "--no-prune", "--no-recurse-submodules", "--no-write-fetch-head",
        str(bundle), *refs,
    )  # fmt: skip


def _result(fetched: Completed, repository: Repository, tip: Tip, name: str, home: Path) -> Brought | Left:
    """What became of a tip. Raises MngrError on what isn't about this one."""
    path, said, words = repository.path, fetched.error, ""
    if fetched.code == 0:
        return Brought(branch=name, commit=tip.commit, kind=tip.kind, of=tip.name, repository=path)
    reason: Reason
    if "refusing to fetch into" in said:
        reason = "checked-out"
    elif "exists; cannot create" in said:
        reason = "name-clash"
    elif "non-fast-forward" in said or "rejected" in said:
        reason = "diverged"
    elif "prerequisite" in said:
        raise MngrError(
            f"the commits couldn't be brought into {home}",
            details=said[-1000:],
            hint="--into names the repository that the agent's code came from",
        )
    else:
        reason, words = "git", (said.splitlines() or [""])[-1]
    return Left(reason=reason, repository=path, kind=tip.kind, of=tip.name, branch=name, git=words)


def _nested(into: Path, path: str) -> Path | None:
    """The repository `path` below `into`, if there is one of its own."""
    found = into / path
    return found if found.is_dir() and git.own_top(found) else None
