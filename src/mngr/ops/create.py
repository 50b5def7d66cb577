"""Creating an agent, and its host if there is none."""

from collections.abc import Callable
from functools import partial

import msgspec

from mngr.model.errors import Interrupted, MngrError, brief
from mngr.model.ids import first_agent_id, new_agent_id, new_host_id
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView
from mngr.ops import memory, new_agent, worktree
from mngr.ops.context import Mngr, Phase, Phases
from mngr.ops.new_agent import Work
from mngr.ops.notes import ImageUserUnused
from mngr.ops.placing import being_created
from mngr.ops.plan import CreatePlan, checked, prepared, seen_again
from mngr.ops.request import CreateRequest
from mngr.providers.contract import HostProvider, HostSpec

#: A plan that somebody thought about for longer, in seconds, has its host looked up again.
FRESH_S = 5.0


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that was seen alive, or whose exit code is known (`agent.state` is `done` then), and its host."""

    agent: AgentView
    host: HostView
    phases: list[Phase]
    notes: list[Note] = []


def create(
    mngr: Mngr,
    wanted: CreateRequest | CreatePlan,
    phases: Phases | None = None,
    agree: Callable[[CreatePlan], object] = lambda plan: None,
) -> Created:
    """Makes the agent and, if needed, its host. What `plan` has checked isn't checked again.

    `agree` is given the plan before anything is bought or made; what it raises ends the create. A failure or Ctrl-C takes
    back what this call made. Killed at any point and run again, it goes on from where it was. Raises Conflict if the agent
    is there already.
    """
    phases = phases or Phases(mngr.clock)
    phases(Step("check"))
    ready = wanted if isinstance(wanted, CreatePlan) else prepared(mngr, wanted)
    # Here there is one host, and a name is one agent's.
    held = ready.spec.name if ready.provider.abilities.isolated else ready.request.name
    with being_created(mngr, ready.provider.name, held):
        plan = seen_again(mngr, ready) if ready is wanted else checked(mngr, ready)
        phases.finish()
        since = mngr.clock.monotonic()
        agree(plan)
        if mngr.clock.monotonic() - since > FRESH_S:
            plan = seen_again(mngr, plan)
        return _carry_out(Work(mngr, plan, phases))


def _carry_out(work: Work) -> Created:
    plan, onto = work.plan, work.plan.onto
    work.note(*plan.notes)
    if onto:
        record = onto.record
        if not onto.up:
            record = plan.provider.start(record.id, work.phases)
        agent = _onto(work, record)
    else:
        record, agent = _with_host(work)
        if plan.offer.image_user:
            work.note(ImageUserUnused(user=plan.offer.image_user))
    seen = AgentView(record=agent, state="running", active_at=work.mngr.clock.now())
    if work.ended:
        seen.state, seen.exit_code = "done", work.ended[-1]
    host = HostView(record=record, state="running", permanent=not plan.provider.abilities.isolated)
    if plan.existing:  # the rest is as it was seen before
        host = msgspec.structs.replace(
            plan.existing,
            record=record,
            state="running",
            problem="",
            idle=None,
            half_made=False,
            sshd_down=False,
        )
    others = [one for one in host.agents if not one.half_made and one.record.name != agent.name]
    host = msgspec.structs.replace(host, agents=[*others, seen])
    memory.remember(work.mngr, host, seen)
    return Created(agent=seen, host=host, phases=work.phases.finish(), notes=[*work.notes, *plan.unused])


def _onto(work: Work, record: HostRecord) -> AgentRecord:
    """Puts the agent on a host that is there. After a failure it is taken off again."""
    from mngr.ops.lifecycle import while_it_runs

    mngr, provider = work.mngr, work.plan.provider
    for agent in work.half_made:
        # Here the name's lock tells that nobody is at work on it; on a shared host another computer may be.
        new_agent.take_off(mngr, provider, record, agent, half_made=provider.abilities.isolated)
    agent = new_agent.record(work, new_agent_id(), mngr.place(record))
    try:
        while_it_runs(mngr, record, work.phases, lambda record: new_agent.send_code(work, record, agent))
        while_it_runs(mngr, record, work.phases, lambda record: new_agent.start(work, record, agent))
    except BaseException:
        new_agent.take_off(mngr, provider, record, agent)
        for path in work.worktrees:
            worktree.remove(path)
        raise
    return agent


def _with_host(work: Work) -> tuple[HostRecord, AgentRecord]:
    """Makes the host, or goes on making it, and the agent on it. After a failure what this call made is taken back."""
    mngr, provider, existing = work.mngr, work.plan.provider, work.plan.existing
    spec = msgspec.structs.replace(
        work.plan.spec, id=existing.record.id if existing else new_host_id(), resumed=existing is not None
    )
    announced = _announced(work, spec.id)
    if announced:
        files = {}
        if provider.abilities.starts_agents:
            files = new_agent.files(work, announced, provider.abilities.ssh_trust)
        spec = msgspec.structs.replace(
            spec, agent=announced, agent_files=files, agent_begun=partial(new_agent.begun, work)
        )
    record = _make(work, spec)
    if not provider.abilities.isolated:
        return record, _onto(work, record)
    if announced and provider.abilities.starts_agents:
        return record, announced
    try:
        for agent in work.half_made:
            new_agent.take_off(mngr, provider, record, agent, half_made=True)
        agent = announced or new_agent.record(work, new_agent_id(), mngr.place(record))
        new_agent.send_code(work, record, agent)
        new_agent.start(work, record, agent, announced=announced is not None)
    except BaseException as failure:
        if existing is None or _carries_nothing(provider, record):
            _take_back(work, record, failure)
        raise
    return record, agent


def _announced(work: Work, host_id: str) -> AgentRecord | None:
    """The agent whose record the new host's brings along. None where something that takes a while comes before it: until
    then the host shall not look as if it had an agent."""
    request, existing = work.plan.request, work.plan.existing
    slow = request.source or request.snapshot
    if slow or not work.plan.provider.abilities.isolated or (existing and existing.agents):
        return None
    # Once the host was recorded, its first agent may have been removed since, and its id with it.
    recorded = existing is not None and existing.record.host_key
    return new_agent.record(work, new_agent_id() if recorded else first_agent_id(host_id))


def _make(work: Work, spec: HostSpec) -> HostRecord:
    provider, offer = work.plan.provider, work.plan.offer
    if not spec.snapshot:
        return provider.create(spec, offer, work.phases)
    from mngr.ops import snapshots

    with snapshots.usable(work.mngr, provider, spec.snapshot, work.phases) as snapshot:
        return provider.create(msgspec.structs.replace(spec, snapshot=snapshot), offer, work.phases)


def _carries_nothing(provider: HostProvider, record: HostRecord) -> bool:
    """Whether a host that was there in part before this create holds no agent; False where that can't be told."""
    try:
        view = provider.view(record.id)
        return view.agents_known and all(agent.half_made for agent in view.agents)
    except MngrError:
        return False


def _take_back(work: Work, record: HostRecord, failure: BaseException) -> None:
    """Destroys a host that was made a moment ago. What can't be removed is named, and kept for the sweep."""
    work.phases(Step("take back"))
    try:
        work.plan.provider.destroy(record.id, work.phases)
    except (MngrError, KeyboardInterrupt) as error:
        interrupted = isinstance(failure, KeyboardInterrupt) or isinstance(error, KeyboardInterrupt)
        raise (Interrupted if interrupted else MngrError)(
            f"{brief(failure)}; and host {record.name} on {record.provider} was made and isn't removed again: {brief(error)}",
            hint=f"`mngr gc` tries again; until then it is listed as @{record.name}"
            + (", and billed" if record.price_per_hour else ""),
        ) from error
