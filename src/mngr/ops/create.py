"""Creating an agent: its host if there is none, its code, its files, its session."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mngr.agents.types import AgentType, command_script, find_type
from mngr.config.schema import convert
from mngr.model.background import begin
from mngr.model.clock import iso
from mngr.model.errors import Conflict, InvalidInput, MngrError
from mngr.model.ids import first_agent_id, new_agent_id, new_host_id
from mngr.model.names import check_name
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, Offer
from mngr.ops import memory
from mngr.ops.context import Mngr, Phase, Phases
from mngr.ops.placing import being_created, existing_host, placed
from mngr.providers.contract import HostProvider, HostSpec, IdleRequest

if TYPE_CHECKING:
    from mngr.agents.tmux import Place


class CreateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What `mngr create` was asked for.

    `source`: the directory whose code comes along (None: none). `idle`: None leaves the provider's default.
    `work_dir`: on the host; by default `<host dir>/work/<name>`, here the source itself. `command`: for type
    `command` the argv, for others words after the type's command. `trust_first_contact`: secrets go to hosts whose
    `ssh_trust` is `unverified` too.
    """

    name: str
    host: str = ""
    provider: str = ""
    type: str = ""
    command: Sequence[str] = ()
    build_args: Sequence[str] = ()
    start_args: Sequence[str] = ()
    image: str = ""
    env: dict[str, str] = {}
    labels: dict[str, str] = {}
    idle: IdleRequest | None = None
    snapshot: str = ""
    work_dir: str = ""
    source: Path | None = None
    trust_first_contact: bool = False


class Created(msgspec.Struct, frozen=True, kw_only=True):
    agent: AgentView
    host: HostView
    phases: list[Phase]
    notes: list[str] = []


def plan(mngr: Mngr, request: CreateRequest) -> Offer:
    """Checks everything that can be known before anything is made or paid. Raises what `create` would."""
    _kind(mngr, request)
    request = placed(mngr, request)
    provider = mngr.provider(request.provider)
    return _check(mngr, provider, _spec(request, new_host_id()))


def _check(mngr: Mngr, provider: HostProvider, spec: HostSpec) -> Offer:
    """A snapshot's id is looked for first: it may be another provider's, which this one can't know."""
    if spec.snapshot and not Path(spec.snapshot).is_file():
        from mngr.ops import snapshots

        snapshots.find(mngr, spec.snapshot)
        spec = msgspec.structs.replace(spec, snapshot="")
    return provider.check(spec)


def create(mngr: Mngr, request: CreateRequest, phases: Phases | None = None) -> Created:
    """Makes the agent and, if needed, its host; when it returns, the agent runs.

    A failure or Ctrl-C takes back what this call made. Killed at any point and run again, it goes on from
    where it was. Raises Conflict if the agent is there already.
    """
    phases = phases or Phases(mngr.clock)
    phases("check")
    kind = _kind(mngr, request)
    request = placed(mngr, request)
    provider = mngr.provider(request.provider)
    with being_created(mngr, provider.name, request.host or request.name):
        return _create(mngr, provider, request, kind, phases)


def _create(
    mngr: Mngr, provider: HostProvider, request: CreateRequest, kind: AgentType, phases: Phases
) -> Created:
    script = command_script(kind, request.command)
    spec = _spec(request, new_host_id())
    checked = begin(lambda: _check(mngr, provider, spec))  # another wait than the look for the name
    existing = existing_host(mngr, provider, request)
    half_made = (
        [agent for agent in existing.agents if agent.half_made and agent.record.name == request.name]
        if existing
        else []
    )
    announced: AgentRecord | None = None  # to the provider, which keeps its record from the beginning
    started = False  # by the provider, too
    if existing and existing.state in ("running", "stopped", "paused", "crashed"):
        record = existing.record
        if existing.state != "running":
            record = provider.start(record.id, phases)
        fresh = False
        if not provider.abilities.isolated:
            checked()
    else:
        checked()
        spec = msgspec.structs.replace(spec, id=existing.record.id if existing else spec.id)
        # What takes a while comes before the agent: until then the host shall not look as if it had one.
        if not (request.source or request.snapshot or (existing and existing.agents)):
            # The id that a killed create of this host has used, unless that agent was removed since.
            known = existing is not None and existing.record.host_key
            agent_id = new_agent_id() if known else first_agent_id(spec.id)
            announced = _agent(mngr, request, agent_id, _work_dir(request, provider))
            started = provider.abilities.starts_agents
            files = _files(announced, kind, request, script) if started else {}
            spec = msgspec.structs.replace(spec, agent=announced, agent_files=files)
        record = _make(mngr, provider, spec, phases)
        fresh = provider.abilities.isolated
    try:
        for agent in half_made:
            # Here the name's lock tells that nobody is at work on it; on a shared host another computer may be.
            take_off(mngr, provider, record, agent.record, half_made=provider.abilities.isolated)

        def put(record: HostRecord) -> tuple[AgentView, list[str]]:
            return _put_agent(
                mngr, provider, record, request, announced, kind, script, phases, stays=not fresh
            )

        if announced and started:
            agent, notes = _running(mngr, announced), list[str]()
        elif fresh:
            agent, notes = put(record)
        else:
            from mngr.ops.lifecycle import while_it_runs

            agent, notes = while_it_runs(mngr, record, phases, put)
    except BaseException:
        if fresh and (existing is None or _carries_nothing(provider, record)):
            _take_back(provider, record, phases)
        raise
    host = HostView(record=record, state="running", agents=[agent])
    memory.remember(mngr, host, agent)
    return Created(
        agent=agent, host=host, phases=phases.finish(), notes=[*notes, *_unused(request, existing)]
    )


def _make(mngr: Mngr, provider: HostProvider, spec: HostSpec, phases: Phases) -> HostRecord:
    if not spec.snapshot:
        return provider.create(spec, phases)
    from mngr.ops import snapshots

    with snapshots.usable(mngr, provider, spec.snapshot, phases) as snapshot:
        return provider.create(msgspec.structs.replace(spec, snapshot=snapshot), phases)


def _put_agent(
    mngr: Mngr,
    provider: HostProvider,
    record: HostRecord,
    request: CreateRequest,
    announced: AgentRecord | None,
    kind: AgentType,
    script: str,
    phases: Phases,
    *,
    stays: bool,
) -> tuple[AgentView, list[str]]:
    place = mngr.place(record)
    agent = announced or _agent(mngr, request, new_agent_id(), _work_dir(request, provider, place))
    notes: list[str] = []
    if request.source and provider.abilities.isolated:
        from mngr.ops import code

        phases("code")
        notes = code.send(place.transport, request.source, agent.work_dir)
    phases("agent")
    withheld = _withheld(mngr, request, record, {**kind.env, **request.env})
    files = _files(agent, kind, request, script, with_env=not withheld)
    notes = [*notes, *withheld]
    if announced is None:
        provider.agent_saved(record.id, agent)
    from mngr.agents import tmux

    try:
        tmux.start(place, agent, files)
    except BaseException:
        if stays:
            take_off(mngr, provider, record, agent)
        raise
    return _running(mngr, agent), notes


def _running(mngr: Mngr, agent: AgentRecord) -> AgentView:
    return AgentView(record=agent, state="running", active_at=mngr.clock.now())


def _files(
    agent: AgentRecord, kind: AgentType, request: CreateRequest, script: str, *, with_env: bool = True
) -> dict[str, bytes]:
    from mngr.agents import tmux

    return tmux.agent_files(agent, {**kind.env, **request.env} if with_env else {}, script)


def _agent(mngr: Mngr, request: CreateRequest, id: str, work_dir: str) -> AgentRecord:
    return AgentRecord(
        id=id, name=request.name, type=request.type or mngr.config.default_type, command=list(request.command),
        work_dir=work_dir, labels=request.labels, created_at=iso(mngr.clock.now()),
    )  # fmt: skip


def _withheld(mngr: Mngr, request: CreateRequest, record: HostRecord, env: dict[str, str]) -> list[str]:
    """What is said when the agent doesn't get its environment: values may be secrets, and an unverified host an
    impostor's. Empty when it does."""
    if record.ssh_trust != "unverified" or not env or request.trust_first_contact:
        return []
    settings = mngr.config.providers.get(record.provider, {})
    if str(settings.get("trust_first_contact", False)).lower() in ("true", "1", "yes"):
        return []
    return [
        f"withheld from {request.name}: {', '.join(sorted(env))}, as the first contact with {record.name} isn't verified; "
        f"`mngr {record.backend} verify {record.name} --fingerprint …` confirms it, `--trust-first-contact` sends them all the same"
    ]


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
        return all(agent.half_made for agent in provider.view(record.id).agents)
    except MngrError:
        return False


def _take_back(provider: HostProvider, record: HostRecord, phases: Phases) -> None:
    """Destroys a host that was made a moment ago. What can't be removed is named, and kept for the sweep."""
    phases("take back")
    try:
        provider.destroy(record.id, phases)
    except MngrError as error:
        raise MngrError(
            f"host {record.name} on {record.provider} was made and couldn't be removed again: {error.message}",
            hint=f"`mngr gc` tries again; until then it is listed as @{record.name}",
        ) from error


def _unused(request: CreateRequest, existing: HostView | None) -> list[str]:
    """What is said of options that only a new host can have."""
    if existing is None or all(agent.half_made for agent in existing.agents):
        return []
    given = {
        "--image": request.image, "-b": request.build_args, "-s": request.start_args, "--snapshot": request.snapshot,
        "idle and lifetime options": request.idle,
    }  # fmt: skip
    names = ", ".join(option for option, value in given.items() if value)
    return (
        [f"host {existing.record.name} was there already: {names} had no effect; a new host takes them"]
        if names
        else []
    )


def _kind(mngr: Mngr, request: CreateRequest) -> AgentType:
    check_name(request.name, "agent name")
    configured = {
        name: convert(data, AgentType, f"[agent_types.{name}]")
        for name, data in mngr.config.agent_types.items()
    }
    kind = find_type(request.type or mngr.config.default_type, configured)
    command_script(kind, request.command)
    if request.source is not None and not request.source.is_dir():
        raise InvalidInput(f"--from {request.source}: there is no such directory")
    return kind


def _spec(request: CreateRequest, host_id: str) -> HostSpec:
    return HostSpec(
        id=host_id, name=request.host or request.name, image=request.image, build_args=list(request.build_args),
        start_args=list(request.start_args), idle=request.idle, snapshot=request.snapshot, labels=request.labels,
    )  # fmt: skip


def _work_dir(request: CreateRequest, provider: HostProvider, place: "Place | None" = None) -> str:
    """Where the agent works. `place`: the host, once it is there: on one made from a snapshot it may be known already."""
    if not provider.abilities.isolated:
        return os.path.abspath(request.work_dir or request.source or os.getcwd())
    former = ""
    if place and request.snapshot and not request.source:
        from mngr.ops import snapshots

        former = snapshots.former_work_dir(place, request.name)
    host_dir = place.host_dir if place else provider.host_dir
    return request.work_dir or former or f"{host_dir}/work/{request.name}"
