"""What a destroy would take away for good: commits that never came home, files that were never committed."""

from collections.abc import Sequence

import msgspec

from mngr.agents import tmux
from mngr.model.errors import MngrError
from mngr.model.views import AgentView
from mngr.ops.context import Mngr
from mngr.ops.names import Group
from mngr.ops.work import Repository, Work, look

#: So long a host is asked, in seconds. Hosts are asked at the same time.
LIMIT_S = 10.0

#: So many hosts are asked at once.
PARALLEL = 32


class Loss(msgspec.Struct, kw_only=True):
    """What goes with an agent. `commits` that no `mngr pull` brought home: on which `branches`, the newest's `subject`;
    `stashes` by subject; files `changed` and `untracked`, and `files` that are in no repository. `problem`: why that
    couldn't be asked. `agent` is "" for agents that aren't known themselves."""

    agent: str
    commits: int = 0
    branches: list[str] = []
    subject: str = ""
    stashes: list[str] = []
    changed: int = 0
    untracked: int = 0
    files: int = 0
    problem: str = ""

    def is_none(self) -> bool:
        """Whether it is known that nothing is lost."""
        counts = (self.commits, self.stashes, self.changed, self.untracked, self.files, self.problem)
        return not any(counts)


def losses(mngr: Mngr, groups: Sequence[Group], limit_s: float = LIMIT_S) -> list[list[Loss]]:
    """For each group, what its agents would lose. One round trip a host; raises nothing for a host that can't be asked.
    (Agents on this computer work in the user's own directories, which stay.)"""
    if len(groups) < 2:
        return [_of(mngr, group, limit_s) for group in groups]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(PARALLEL, len(groups))) as pool:
        return list(pool.map(lambda group: _of(mngr, group, limit_s), groups))


def _of(mngr: Mngr, group: Group, limit_s: float) -> list[Loss]:
    host = group.host
    agents = [one for one in group.agents or host.agents if not one.half_made]
    if not mngr.provider(host.record.provider).abilities.isolated:
        return []
    unknown = (
        [] if host.agents_known or group.agents else [Loss(agent="", problem=host.problem or host.state)]
    )
    if not agents:
        return unknown
    if host.state != "running":
        why = f"its host is {host.state}" + (f" ({host.problem})" if host.problem else "")
        return [*(Loss(agent=one.record.name, problem=why) for one in agents), *unknown]
    try:
        directories = [one.record.work_dir for one in agents]
        found = look(tmux.as_user(mngr.place(host.record)), directories, limit_s)
    except MngrError as error:
        return [*(Loss(agent=one.record.name, problem=error.message) for one in agents), *unknown]
    return [*(_loss(one, work) for one, work in zip(agents, found, strict=True)), *unknown]


def _loss(agent: AgentView, work: Work) -> Loss:
    loss = Loss(agent=agent.record.name, files=work.files)
    loss.problem = "" if work.problem == "gone" else work.problem
    for repository in work.repositories:
        if repository.unread:
            loss.problem = f"{repository.path}: {repository.unread}"
        loss.commits += repository.unpulled
        loss.changed += repository.changed
        loss.untracked += repository.untracked
        loss.subject = loss.subject or repository.subject
        _name(loss, repository)
    return loss


def _name(loss: Loss, repository: Repository) -> None:
    where = "" if repository.path == "." else f"{repository.path}: "
    for tip in repository.tips:
        if not tip.unpulled:
            continue
        if tip.kind == "stash":
            loss.stashes.append(where + tip.name)
        elif tip.kind in ("head", "branch"):
            loss.branches.append(where + (tip.name or "HEAD"))
        else:
            loss.branches.append(f"{where}{tip.kind} {tip.name}")
