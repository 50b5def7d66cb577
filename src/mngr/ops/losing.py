"""What a destroy would take away for good: commits that never came home, files that were never committed."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from mngr.agents import tmux
from mngr.model.background import each
from mngr.model.errors import MngrError
from mngr.model.views import AgentView
from mngr.ops import worktree
from mngr.ops.context import Mngr
from mngr.ops.names import Group
from mngr.ops.work import Work, look

#: How long a host is asked, in seconds. Hosts are asked at the same time.
LIMIT_S = 10.0


class Unpulled(msgspec.Struct, frozen=True, kw_only=True):
    """A branch, stash or whatever else holds commits that no `mngr pull` brought home: `kind`, `name` as in Tip."""

    kind: str
    name: str
    repository: str = "."


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """Why it isn't known what would be lost: git can't read a `repository`, or the host couldn't be asked: its `state`
    where it doesn't run, the `error`."""

    repository: str = ""
    state: str = ""
    error: str = ""


class Loss(msgspec.Struct, kw_only=True):
    """What goes with an agent. `commits` that no `mngr pull` brought home, in `unpulled` branches and stashes; the
    newest's `subject` (of a `worktree` on this computer: that no other ref has); files `changed` and `untracked`, and `files` that are in no repository. `agent` is "" for agents
    that aren't known themselves."""

    agent: str
    commits: int = 0
    unpulled: list[Unpulled] = []
    subject: str = ""
    changed: int = 0
    untracked: int = 0
    files: int = 0
    unread: Unread | None = None
    worktree: str = ""

    def is_none(self) -> bool:
        """Whether it is known that nothing is lost."""
        counts = (self.commits, self.unpulled, self.changed, self.untracked, self.files, self.unread)
        return not any(counts)


def losses(mngr: Mngr, groups: Sequence[Group], limit_s: float = LIMIT_S) -> list[list[Loss]]:
    """For each group, what its agents would lose. One round trip a host; raises nothing for a host that can't be asked.
    (Agents on this computer work in the user's own directories, which stay, but for worktrees.)"""
    return each(lambda group: _of(mngr, group, limit_s), groups)


def _of(mngr: Mngr, group: Group, limit_s: float) -> list[Loss]:
    host = group.host
    agents = [one for one in group.agents or host.agents if not one.half_made]
    if not mngr.provider(host.record.provider).abilities.isolated:
        trees = [(one, worktree.of(host.record, one.record)) for one in group.agents]
        return [_of_worktree(one, path) for one, path in trees if path]
    unknown: list[Loss] = []
    if not (host.agents_known or group.agents):
        unknown = [Loss(agent="", unread=Unread(state=host.state, error=host.problem))]
    if not agents:
        return unknown
    if not host.up:
        why = Unread(state=host.state, error=host.problem)
        return [*(Loss(agent=one.record.name, unread=why) for one in agents), *unknown]
    try:
        directories = [one.record.work_dir for one in agents]
        found = look(tmux.as_user(mngr.place(host.record)), directories, limit_s)
    except MngrError as error:
        why = Unread(error=error.message)
        return [*(Loss(agent=one.record.name, unread=why) for one in agents), *unknown]
    return [*(_loss(one, work) for one, work in zip(agents, found, strict=True)), *unknown]


def _of_worktree(agent: AgentView, path: Path) -> Loss:
    try:
        loss = _loss(agent, worktree.work(path))
    except MngrError as error:
        loss = Loss(agent=agent.record.name, unread=Unread(error=error.message))
    loss.worktree = str(path)
    return loss


def _loss(agent: AgentView, work: Work) -> Loss:
    loss = Loss(agent=agent.record.name, files=work.files)
    if work.problem not in ("", "gone"):
        loss.unread = Unread(error=work.problem)
    for repository in work.repositories:
        if repository.unreadable:
            loss.unread = Unread(repository=repository.path)
        loss.commits += repository.unpulled
        loss.changed += repository.changed
        loss.untracked += repository.untracked
        loss.subject = loss.subject or repository.subject
        loss.unpulled += [
            Unpulled(kind=tip.kind, name=tip.name, repository=repository.path)
            for tip in repository.tips
            if tip.unpulled
        ]
    return loss
