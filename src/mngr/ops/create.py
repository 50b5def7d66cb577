"""Creating an agent: its host if there is none, its code, its files, its session."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mngr.agents.types import AgentType, command_script, find_type
from mngr.config.layers import source
from mngr.config.schema import convert
from mngr.model import environment
from mngr.model.background import begin
from mngr.model.clock import iso
from mngr.model.errors import Conflict, Interrupted, InvalidInput, MngrError, brief
from mngr.model.ids import first_agent_id, new_agent_id, new_host_id
from mngr.model.names import check_name, is_text
from mngr.model.notes import Note, Remark
from mngr.model.progress import Step
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.states import SETTLED
from mngr.model.views import AgentView, HostView, Offer
from mngr.ops import memory, size, trust
from mngr.ops import notes as notes_of
from mngr.ops.context import Mngr, Phase, Phases
from mngr.ops.placing import being_created, existing_host, placed
from mngr.ops.request import CreateRequest
from mngr.ops.work_dir import check_work_dir
from mngr.providers.contract import HostProvider, HostSpec

if TYPE_CHECKING:
    from mngr.agents.tmux import Place


class Created(msgspec.Struct, frozen=True, kw_only=True):
    agent: AgentView
    host: HostView
    phases: list[Phase]
    notes: list[Note] = []


def plan(mngr: Mngr, request: CreateRequest) -> Offer:
    """Checks everything that can be known before anything is made or paid. Raises what `create` would."""
    _kind(mngr, request)
    mngr.host_settings()
    request = placed(mngr, request)
    provider = mngr.provider(request.provider)
    check_work_dir(request, provider)
    return _check(mngr, provider, request, _spec(request, new_host_id()))


def _check(mngr: Mngr, provider: HostProvider, request: CreateRequest, spec: HostSpec) -> Offer:
    """A snapshot's id is looked for first: it may be another provider's, which this one can't know."""
    notes = code_notes(provider, request)
    if spec.snapshot:
        trust.check_snapshot(provider, sends=request.trust_first_contact)
    if spec.snapshot and not Path(spec.snapshot).is_file():
        from mngr.ops import snapshots

        snapshots.find(mngr, spec.snapshot)
        spec = msgspec.structs.replace(spec, snapshot="")
    offer = provider.check(spec)
    return msgspec.structs.replace(offer, notes=[*offer.notes, *notes]) if notes else offer


def code_notes(provider: HostProvider, request: CreateRequest) -> list[Note]:
    """What can't come of the code. Raises InvalidInput if none of it can."""
    if not (request.source and provider.abilities.isolated):
        return []
    from mngr.ops import code

    return code.check(request.source)


def create(
    mngr: Mngr,
    request: CreateRequest,
    phases: Phases | None = None,
    offered: Callable[[Offer], None] = lambda offer: None,
) -> Created:
    """Makes the agent and, if needed, its host; when it returns, the agent was seen alive, or its exit code is known
    (`agent.state` is `done` then). `offered` is told what a new host costs,
    before anything is bought.

    A failure or Ctrl-C takes back what this call made. Killed at any point and run again, it goes on from
    where it was. Raises Conflict if the agent is there already.
    """
    phases = phases or Phases(mngr.clock)
    phases(Step("check"))
    kind = _kind(mngr, request)
    request = placed(mngr, request)
    provider = mngr.provider(request.provider)
    check_work_dir(request, provider)
    script = command_script(kind, request.command)
    work = _Work(mngr, provider, request, kind, script, mngr.host_settings(), phases, offered)
    with being_created(mngr, provider.name, request.host or request.name):
        return _create(work)


@dataclass(frozen=True)
class _Work:
    """One create, as all its steps know it. `script`: the agent's command as a shell script. `settings`: files with
    what the user set for hosts. `ended`: gets the exit code of an agent that has ended at once."""

    mngr: Mngr
    provider: HostProvider
    request: CreateRequest
    kind: AgentType
    script: str
    settings: dict[str, bytes]
    phases: Phases
    offered: Callable[[Offer], None]
    ended: list[int] = field(default_factory=list[int])


def _create(work: _Work) -> Created:
    provider, request = work.provider, work.request
    spec = _spec(request, new_host_id())
    # Another wait than the look for the name.
    checked = begin(lambda: _check(work.mngr, provider, request, spec))
    existing = existing_host(work.mngr, provider, request)
    half_made = [one for one in existing.agents if one.half_made] if existing else []
    half_made = [one.record for one in half_made if one.record.name == request.name]
    if existing and existing.state in SETTLED and not existing.half_made:
        if not provider.abilities.isolated:
            checked()
        _refuse_other_user(request, existing)
        record = existing.record
        if existing.state != "running":
            record = provider.start(record.id, work.phases)
        agent, notes = _onto(work, record, half_made)
    else:
        offer = checked()
        if request.onto_existing:
            raise Conflict(
                f"host {request.host or request.name} on {provider.name} was there a moment ago, and isn't now",
                hint="run the command again for a new one",
            )
        work.offered(offer)
        record, agent, notes = _with_host(work, spec, offer, existing, half_made)
        if "image_user" in offer.details:
            notes = [
                *notes,
                notes_of.ImageUserUnused(user=offer.details["image_user"]),
            ]
    seen = AgentView(record=agent, state="running", active_at=work.mngr.clock.now())
    if work.ended:
        seen.state, seen.exit_code = "done", work.ended[-1]
    host = HostView(record=record, state="running", agents=[seen])
    memory.remember(work.mngr, host, seen)
    return Created(
        agent=seen, host=host, phases=work.phases.finish(), notes=[*notes, *_unused(request, existing)]
    )


def _refuse_other_user(request: CreateRequest, existing: HostView) -> None:
    """Whom agents run as is the host's affair, and was settled when it was made."""
    user = existing.record.user or "root"
    if request.user and request.user not in (user, "image"):
        raise Conflict(
            f"agents on host {existing.record.name} run as {user}, not as {request.user}",
            hint="leave out --user, or create the agent on a host of its own",
        )


def _onto(
    work: _Work, record: HostRecord, half_made: Sequence[AgentRecord]
) -> tuple[AgentRecord, list[Note]]:
    """Puts the agent on a host that is there. After a failure it is taken off again."""
    from mngr.ops.lifecycle import while_it_runs

    mngr, provider = work.mngr, work.provider
    for agent in half_made:
        # Here the name's lock tells that nobody is at work on it; on a shared host another computer may be.
        take_off(mngr, provider, record, agent, half_made=provider.abilities.isolated)
    agent = _agent(mngr, work.request, _work_dir(work.request, provider, mngr.place(record)))
    try:
        notes = while_it_runs(mngr, record, work.phases, lambda record: _send_code(work, record, agent))
        notes += while_it_runs(mngr, record, work.phases, lambda record: _start(work, record, agent))
    except BaseException:
        take_off(mngr, provider, record, agent)
        raise
    return agent, notes


def _with_host(
    work: _Work, spec: HostSpec, offer: Offer, existing: HostView | None, half_made: Sequence[AgentRecord]
) -> tuple[HostRecord, AgentRecord, list[Note]]:
    """Makes the host, or goes on making it, and the agent on it. After a failure what this call made is taken back."""
    mngr, provider, request = work.mngr, work.provider, work.request
    if existing:
        spec = msgspec.structs.replace(spec, id=existing.record.id, resumed=True)
    announced = _announced(work, spec, existing)
    if announced:
        files = _files(work, announced) if provider.abilities.starts_agents else {}
        spec = msgspec.structs.replace(
            spec, agent=announced, agent_files=files, agent_ended=work.ended.append
        )
    record = _make(work, spec, offer)
    if not provider.abilities.isolated:
        return record, *_onto(work, record, half_made)
    if announced and provider.abilities.starts_agents:
        return record, announced, []
    try:
        for agent in half_made:
            take_off(mngr, provider, record, agent, half_made=True)
        agent = announced or _agent(mngr, request, _work_dir(request, provider, mngr.place(record)))
        notes = _send_code(work, record, agent)
        notes += _start(work, record, agent, announced=announced is not None)
    except BaseException as failure:
        if existing is None or _carries_nothing(provider, record):
            _take_back(provider, record, work.phases, failure)
        raise
    return record, agent, notes


def _announced(work: _Work, spec: HostSpec, existing: HostView | None) -> AgentRecord | None:
    """The agent whose record the new host's brings along. None where something that takes a while comes before it: until
    then the host shall not look as if it had an agent."""
    request, provider = work.request, work.provider
    slow = request.source or request.snapshot
    if slow or not provider.abilities.isolated or (existing and existing.agents):
        return None
    # Once the host was recorded, its first agent may have been removed since, and its id with it.
    recorded = existing is not None and existing.record.host_key
    id = new_agent_id() if recorded else first_agent_id(spec.id)
    return _agent(work.mngr, request, _work_dir(request, provider), id)


def _make(work: _Work, spec: HostSpec, offer: Offer) -> HostRecord:
    provider = work.provider
    if not spec.snapshot:
        return provider.create(spec, offer, work.phases)
    from mngr.ops import snapshots

    with snapshots.usable(work.mngr, provider, spec.snapshot, work.phases) as snapshot:
        return provider.create(msgspec.structs.replace(spec, snapshot=snapshot), offer, work.phases)


def _send_code(work: _Work, record: HostRecord, agent: AgentRecord) -> list[Note]:
    """Brings the code along, if there is any and it isn't there; what doesn't come of it."""
    if not (work.request.source and work.provider.abilities.isolated):
        return []
    from mngr.agents import tmux
    from mngr.ops import code

    work.phases(Step("code"))
    begin = work.request.subdirectory
    target = agent.work_dir.removesuffix(f"/{begin}") if begin else agent.work_dir
    return code.send(
        tmux.as_user(work.mngr.place(record), target), work.request.source, target, subdirectory=begin
    )


def _start(work: _Work, record: HostRecord, agent: AgentRecord, *, announced: bool = False) -> list[Note]:
    """Announces the agent and starts it; what was withheld from it. Repeatable."""
    from mngr.agents import tmux

    work.phases(Step("agent"))
    env = {**work.kind.env, **work.request.env}
    withheld = trust.withheld(
        work.mngr, record, work.request.name, env, sends=work.request.trust_first_contact
    )
    if not announced:
        work.provider.agent_saved(record.id, agent)
    code = tmux.start(work.mngr.place(record), agent, _files(work, agent, with_env=not withheld))
    if code is not None:
        work.ended.append(code)
    return [Remark(text=text) for text in withheld]


def _files(work: _Work, agent: AgentRecord, *, with_env: bool = True) -> dict[str, bytes]:
    from mngr.agents import tmux

    env = {**work.kind.env, **work.request.env} if with_env else {}
    return {**tmux.agent_files(agent, env, work.script), **work.settings}


def _agent(mngr: Mngr, request: CreateRequest, work_dir: str, id: str = "") -> AgentRecord:
    return AgentRecord(
        id=id or new_agent_id(), name=request.name, type=request.type or mngr.config.default_type, command=list(request.command),
        work_dir=work_dir, labels=request.labels, created_at=iso(mngr.clock.now()),
    )  # fmt: skip


def take_off(
    mngr: Mngr, provider: HostProvider, record: HostRecord, agent: AgentRecord, *, half_made: bool = False
) -> None:
    """Takes an agent that never came to be off its host, as far as the host can be reached.

    `half_made`: another create's, which may still be at work: raises Conflict if the agent is there by now.
    """
    from mngr.agents import tmux

    try:
        tmux.remove(mngr.place(record), agent, half_made=half_made)
        provider.agent_removed(record.id, agent.id)
    except Conflict:
        raise
    except MngrError:
        pass  # it stays marked as half-made, and the next create of that name removes it


def _carries_nothing(provider: HostProvider, record: HostRecord) -> bool:
    """Whether a host that was there in part before this create holds no agent; False where that can't be told."""
    try:
        view = provider.view(record.id)
        return view.agents_known and all(agent.half_made for agent in view.agents)
    except MngrError:
        return False


def _take_back(provider: HostProvider, record: HostRecord, phases: Phases, failure: BaseException) -> None:
    """Destroys a host that was made a moment ago. What can't be removed is named, and kept for the sweep."""
    phases(Step("take back"))
    try:
        provider.destroy(record.id, phases)
    except (MngrError, KeyboardInterrupt) as error:
        interrupted = isinstance(failure, KeyboardInterrupt) or isinstance(error, KeyboardInterrupt)
        raise (Interrupted if interrupted else MngrError)(
            f"{brief(failure)}; and host {record.name} on {record.provider} was made and isn't removed again: {brief(error)}",
            hint=f"`mngr gc` tries again; until then it is listed as @{record.name}"
            + (", and billed" if record.price_per_hour else ""),
        ) from error


def _unused(request: CreateRequest, existing: HostView | None) -> list[Note]:
    """What only a new host can have, and had no effect."""
    if existing is None or all(agent.half_made for agent in existing.agents):
        return []
    given = {
        "image": request.image, "build_args": request.build_args, "start_args": request.start_args, "idle": request.idle,
        "snapshot": request.snapshot, "user": request.user == "image" and not existing.record.user,
    }  # fmt: skip
    fields = [field for field, value in given.items() if value]
    return [notes_of.RequestUnused(host=existing.record.name, fields=fields)] if fields else []


def _kind(mngr: Mngr, request: CreateRequest) -> AgentType:
    check_name(request.name, "agent name")
    configured = {
        name: convert(data, AgentType, partial(_type_from, mngr, name))
        for name, data in mngr.config.agent_types.items()
    }
    kind = find_type(request.type or mngr.config.default_type, configured)
    if not is_text(command_script(kind, request.command)):
        raise InvalidInput("the agent's command isn't text in UTF-8")
    environment.check({**kind.env, **request.env})
    words = [*kind.command, *request.command] if isinstance(kind.command, list) else request.command
    size.check_create(words, request.labels, [*request.start_args, *request.build_args])
    if request.source is not None and not request.source.is_dir():
        raise InvalidInput(f"--from {request.source}: there is no such directory")
    return kind


def _type_from(mngr: Mngr, name: str, key: str) -> str:
    """Where a setting of an agent type is from, for an error about it."""
    return f"{source(mngr.home, ('agent_types', name, key))}: [agent_types.{name}]"


def _spec(request: CreateRequest, host_id: str) -> HostSpec:
    return HostSpec(
        id=host_id, name=request.host or request.name, image=request.image, user=request.user, build_args=list(request.build_args),
        start_args=list(request.start_args), idle=request.idle, snapshot=request.snapshot, labels=request.labels,
    )  # fmt: skip


def _work_dir(request: CreateRequest, provider: HostProvider, place: "Place | None" = None) -> str:
    """Where the agent works. `place`: the host, once it is there: on one made from a snapshot it may be known already."""
    if not provider.abilities.isolated:
        here = os.path.join(request.source, request.subdirectory) if request.source else os.getcwd()
        return os.path.abspath(request.work_dir or here)
    former = ""
    if place and request.snapshot and not request.source:
        from mngr.ops import snapshots

        former = snapshots.former_work_dir(place, request.name)
    host_dir = place.host_dir if place else provider.host_dir
    whole = request.work_dir or former or f"{host_dir}/work/{request.name}"
    return f"{whole}/{request.subdirectory}" if request.source and request.subdirectory else whole
