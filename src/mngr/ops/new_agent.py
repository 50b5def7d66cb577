"""A new agent on its way to a host: its record, files, code and session; and off it again if its create fails."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mngr.model.clock import iso
from mngr.model.errors import Conflict, MngrError
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.model.records import AgentRecord, HostRecord, SshTrust
from mngr.ops import git, trust, worktree
from mngr.ops.context import Mngr, Phases
from mngr.ops.notes import MadeReady, PassedOn
from mngr.ops.plan import CreatePlan
from mngr.ops.work_dir import here
from mngr.providers.contract import HostProvider

if TYPE_CHECKING:
    from mngr.agents.tmux import Begun, Place


@dataclass(frozen=True)
class Work:
    """One create, as all its steps know it. `ended`: gets the exit code of an agent that has ended at once;
    `worktrees`: what was made for it."""

    mngr: Mngr
    plan: CreatePlan
    phases: Phases
    ended: list[int] = field(default_factory=list[int])
    notes: list[Note] = field(default_factory=list[Note])
    worktrees: list[Path] = field(default_factory=list[Path])

    def note(self, *notes: Note) -> None:
        """Repeatable: a step that is done again says the same once."""
        self.notes.extend(note for note in notes if note not in self.notes)

    @property
    def half_made(self) -> list[AgentRecord]:
        """What an earlier create of this name left on the host."""
        host, name = self.plan.existing, self.plan.request.name
        seen = host.agents if host else []
        return [one.record for one in seen if one.half_made and one.record.name == name]


def record(work: Work, id: str, place: "Place | None" = None) -> AgentRecord:
    """`place`: the host, once it is there."""
    request, mngr = work.plan.request, work.mngr
    return AgentRecord(
        id=id, name=request.name, type=request.type or mngr.config.default_type, command=list(request.command),
        work_dir=work_dir(work.plan, place), labels=request.labels, created_at=iso(mngr.clock.now()),
    )  # fmt: skip


def files(work: Work, agent: AgentRecord, ssh_trust: SshTrust) -> dict[str, bytes]:
    """The files that make the agent. `ssh_trust`: of its host. All that an agent gets passes here, so here it is asked
    whether secrets may go there: the values of its variables may be some, and an unverified host an impostor's."""
    from mngr.agents import tmux

    plan = work.plan
    withheld = trust.withheld(plan.provider, ssh_trust, plan.request, plan.env, plan.settings)
    work.note(*withheld)
    # In a worktree git has to find its own repository, whatever the shell says from which mngr was called.
    drop = git.BOUND if plan.request.worktree else ()
    env = {} if withheld else plan.env
    if plan.passed and not withheld:
        work.note(PassedOn(agent=agent.name, type=agent.type, names=plan.passed))
    settings = trust.settings(plan.provider, ssh_trust, plan.settings, sends=plan.request.trust_first_contact)
    return {**tmux.agent_files(agent, env, plan.of_type, drop), **settings}


def send_code(work: Work, host: HostRecord, agent: AgentRecord) -> None:
    """Brings the code along, if there is any and it isn't there; or makes the agent's worktree."""
    request = work.plan.request
    if request.worktree:
        work.phases(Step("worktree"))
        path = worktree.of(host, agent)
        if path is None:
            raise MngrError(
                f"{agent.work_dir} is in no worktree below {host.host_dir}, where agents here were put so far",
                hint="was MNGR_HOME moved? Where it was before, --worktree works",
            )
        work.worktrees.append(path)
        worktree.make(worktree.repository_of(request), path)
    if not (request.source and work.plan.provider.abilities.isolated):
        return
    from mngr.agents import tmux
    from mngr.ops import code

    work.phases(Step("code"))
    begin = request.subdirectory
    target = agent.work_dir.removesuffix(f"/{begin}") if begin else agent.work_dir
    transport = tmux.as_user(work.mngr.place(host), target)
    read = work.plan.code or code.Code(request.source, work.mngr.clock)
    work.note(*code.send(transport, read, target, subdirectory=begin))


def start(work: Work, host: HostRecord, agent: AgentRecord, *, announced: bool = False) -> None:
    """Announces the agent, unless it is, and starts it. Repeatable."""
    from mngr.agents import tmux

    work.phases(Step("agent"))
    sent = files(work, agent, host.ssh_trust)
    if not announced:
        work.plan.provider.agent_saved(host.id, agent)
    begun(work, tmux.start(work.mngr.place(host), agent, sent))


def begun(work: Work, how: "Begun") -> None:
    """Keeps how the agent's start went."""
    if how.code is not None:
        work.ended.append(how.code)
    if how.said or how.readying:
        work.note(MadeReady(agent=work.plan.request.name, said=how.said, goes_on=how.readying))


def take_off(
    mngr: Mngr, provider: HostProvider, host: HostRecord, agent: AgentRecord, *, half_made: bool = False
) -> None:
    """Removes a half-made agent from its host, if that can be reached.

    `half_made`: another create's, which may still be at work: raises Conflict if the agent is there by now.
    """
    from mngr.agents import tmux

    try:
        tmux.remove(mngr.place(host), agent, half_made=half_made)
        provider.agent_removed(host.id, agent.id)
    except Conflict:
        raise
    except MngrError:
        pass  # it stays marked as half-made, and the next create of that name removes it


def work_dir(plan: CreatePlan, place: "Place | None" = None) -> str:
    """Where the agent works. On a host that is there and was made from a snapshot it may be known already."""
    request = plan.request
    if not plan.provider.abilities.isolated:
        return here(request, plan.provider.host_dir)
    restored = ""
    if place and request.snapshot and not request.work_dir:
        from mngr.ops import snapshots

        restored = snapshots.restored_work_dir(place, request.name, gets_code=request.source is not None)
    host_dir = place.host_dir if place else plan.provider.host_dir
    whole = request.work_dir or restored or f"{host_dir}/work/{request.name}"
    return f"{whole}/{request.subdirectory}" if request.source and request.subdirectory else whole
