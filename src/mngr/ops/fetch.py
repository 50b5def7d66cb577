"""An agent's tips into branches here: fetched from a bundle, and nothing that a branch had is lost by it."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from mngr.hosts import scripts
from mngr.model.errors import MngrError, TimedOut, Unreachable
from mngr.ops import git
from mngr.ops.git import LIMIT_S
from mngr.ops.work import Repository, Tip
from mngr.transport.base import SSH_FAILED, Completed, Transport

#: Why something stayed with the agent: git can't read its repository; there is no such repository here; its branch here
#: is checked out, can't stand beside another one's name, or has other commits; git says why.
Reason = Literal["unreadable", "no-repository", "checked-out", "name-clash", "diverged", "git"]


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """A branch that is new here, or has moved. `kind`, `of`: what it is there (Tip). `repository`: the nested one that it
    is in, here and there ("." for the agent's own). `kept`: the branch that keeps what this one had and no other ref has."""

    branch: str
    commit: str
    kind: str
    of: str
    repository: str = "."
    kept: str = ""


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


def bring(
    transport: Transport, repository: Repository, home: Path, wanted: Sequence[tuple[Tip, str]], force: bool
) -> list[Brought | Left]:
    """Fetches these tips, together; one by one where some are refused. `force`: replaces branches that went another way."""
    with tempfile.TemporaryDirectory(prefix="mngr-pull-") as folder:
        bundle = Path(folder) / "bundle"
        _bundle(transport, repository, [tip for tip, _ in wanted], bundle)
        refs = [f"refs/mngr/out/{at}:refs/heads/{name}" for at, (_, name) in enumerate(wanted)]
        together = _fetch(home, bundle, refs)
        if together.code == 0:
            return [_result(together, repository, tip, name, home) for tip, name in wanted]
        alone = [_fetch(home, bundle, [ref]) for ref in refs]
        kept = [""] * len(refs)
        for at, (_, name) in enumerate(wanted):
            # HEAD may be on another branch than it was: nothing is lost by that once the former one is here.
            if alone[at].code and (force or _is_elsewhere(home, name, repository)):
                alone[at], kept[at] = _replace(home, bundle, refs[at], name)
        return [
            _result(fetched, repository, tip, name, home, kept)
            for fetched, kept, (tip, name) in zip(alone, kept, wanted, strict=True)
        ]


def _replace(home: Path, bundle: Path, ref: str, name: str) -> tuple[Completed, str]:
    """Fetches into a branch that has other commits; the branch that keeps those which no other ref has, if it came to that."""
    former = commit_of(home, f"refs/heads/{name}")
    kept = f"{name}-was-{former[:7]}"
    if not former or holders(home, former) - {f"refs/heads/{name}"}:
        return _fetch(home, bundle, [f"+{ref}"]), ""
    git.text(home, "branch", kept, former)
    fetched = _fetch(home, bundle, [f"+{ref}"])
    if fetched.code:
        git.run(home, "branch", "-D", kept)
    return fetched, "" if fetched.code else kept


def _is_elsewhere(home: Path, name: str, repository: Repository) -> bool:
    """Whether what the branch `name` has here, another branch has, and the agent's repository."""
    others = {one for one in holders(home, f"refs/heads/{name}") if one.startswith("refs/heads/")}
    return bool(others - {f"refs/heads/{name}"}) and any(
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


def _result(
    fetched: Completed, repository: Repository, tip: Tip, name: str, home: Path, kept: str = ""
) -> Brought | Left:
    """What became of a tip. Raises MngrError on what isn't about this one."""
    path, said, words = repository.path, fetched.error, ""
    if fetched.code == 0:
        return Brought(branch=name, commit=tip.commit, kind=tip.kind, of=tip.name, repository=path, kept=kept)
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


def holders(home: Path, commit: str) -> set[str]:
    """The refs that have this commit; none if it isn't there."""
    done = git.run(home, "for-each-ref", "--format=%(refname)", "--contains", commit)
    return set(done.text.split()) if done.code == 0 else set()


def commit_of(home: Path, ref: str) -> str:
    """ "" if there is no such ref."""
    return git.text(home, "rev-parse", "-q", "--verify", ref, check=False)
