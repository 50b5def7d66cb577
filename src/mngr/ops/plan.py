"""What a create will do: checked, priced and looked up once, before anything is made or paid."""

import dataclasses
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mngr.agents.type_files import type_files
from mngr.agents.types import AgentType
from mngr.model import environment
from mngr.model.background import begin
from mngr.model.errors import Conflict, InvalidInput, MngrError
from mngr.model.ids import new_host_id
from mngr.model.names import check_name, is_text
from mngr.model.notes import Note
from mngr.model.states import SETTLED
from mngr.model.views import HostView, Offer
from mngr.ops import agent_types, size, trust, worktree
from mngr.ops.context import Mngr
from mngr.ops.notes import NoCode, NotAsRoot, RequestUnused, SharesDirectory, WorksInWorktree
from mngr.ops.placing import elsewhere, existing_host, placed
from mngr.ops.request import CreateRequest
from mngr.ops.work_dir import check_work_dir, here
from mngr.providers.contract import HostProvider, HostSpec

if TYPE_CHECKING:
    from mngr.ops.code import Code


@dataclass(frozen=True, kw_only=True, repr=False)
class CreatePlan:
    """A create that has passed its checks; `mngr.ops.create.create` carries it out.

    `request`: with its provider. `kind`: the agent's type. `env`: its variables, those of its type among them, and `passed`: the names of the caller's that its type takes along.
    `of_type`: the files that its type makes. `settings`: files with what the user set for hosts. `spec`: a new host, as asked for. `offer`: its
    price; nothing's where no host is made. `existing`: the host to put the agent on, or to go on making, as it was seen.
    `code`: what comes along, as it was read. `notes`: on that, and on the host.
    """

    request: CreateRequest
    provider: HostProvider
    kind: AgentType
    env: dict[str, str]
    passed: list[str]
    of_type: dict[str, str]
    settings: dict[str, bytes]
    spec: HostSpec
    offer: Offer = field(default_factory=Offer)
    existing: HostView | None = None
    code: "Code | None" = None
    notes: Sequence[Note] = ()

    @property
    def onto(self) -> HostView | None:
        """The host that is there already and that the agent is put on; None where one is made."""
        host = self.existing
        return host if host and (host.up or host.state in SETTLED) and not host.half_made else None

    @property
    def costs(self) -> bool:
        """Whether money is spent, now or by use."""
        offer = self.offer
        return not self.onto and any((offer.per_hour, offer.per_month, offer.due_now, offer.unpriced))

    def asks(self, above: float | None) -> bool:
        """Whether somebody has to agree first: to what is paid at once and isn't given back if it is destroyed a minute later,
        to what has no hourly price, to an hourly one over `above`, also of a fallback. None: nobody can be asked; then only the first needs a word."""
        offer = self.offer
        if not self.costs or offer.agreed or self.request.agreed:
            return False
        above_it = above is not None and (not offer.most_per_hour or offer.most_per_hour > above)
        return offer.due_now > 0 or above_it

    @property
    def unused(self) -> list[Note]:
        """What was asked for that only a new host can have."""
        host, request = self.existing, self.request
        if host is None or all(agent.half_made for agent in host.agents):
            return []
        given = {
            "image": request.image, "build_args": request.build_args, "start_args": request.start_args,
            "snapshot": request.snapshot, "user": request.user == "image" and not host.record.user, "idle": request.idle,
        }  # fmt: skip
        fields = [field for field, value in given.items() if value]
        return [RequestUnused(host=host.record.name, fields=fields)] if fields else []


def plan(mngr: Mngr, request: CreateRequest) -> CreatePlan:
    """Checks everything that can be known before anything is made or paid. Raises what `create` would."""
    return checked(mngr, prepared(mngr, request))


def prepared(mngr: Mngr, request: CreateRequest) -> CreatePlan:
    """The part of `plan` that asks no provider, unless it is for where a host is that was named."""
    kind = _kind(mngr, request)
    of_type = type_files(request.type or mngr.config.default_type, kind, request.command)
    if not is_text(of_type["command.sh"]):
        raise InvalidInput("the agent's command isn't text in UTF-8")
    settings = mngr.host_settings()
    request = placed(mngr, request)
    provider = mngr.provider(request.provider)
    check_work_dir(request, provider)
    # Here an agent has its caller's variables anyway, as they are at each start.
    passed = [one for one in kind.pass_env if one in os.environ] if provider.abilities.isolated else []
    env = {**kind.env, **{one: os.environ[one] for one in passed}, **request.env}
    environment.check(env)
    return CreatePlan(
        request=request, provider=provider, kind=kind, env=env, passed=[one for one in passed if one not in request.env],
        of_type=of_type, settings=settings, spec=_spec(request),
    )  # fmt: skip


def checked(mngr: Mngr, ready: CreatePlan) -> CreatePlan:
    """The rest of `plan`: the provider's limits and price, the name, the code, all at the same time. Where the host is
    there, its provider isn't waited for."""
    read = begin(lambda: _code(mngr, ready))
    offer = begin(lambda: _offer(mngr, ready))
    found = _seen(mngr, ready)
    code = read()
    notes = [*_code_notes(ready, code), *_host_notes(mngr, found), *_beside(found)]
    found = dataclasses.replace(found, code=code, notes=notes)
    if found.onto and ready.provider.abilities.isolated:
        return found
    if found.existing and not found.onto:
        with suppress(MngrError):
            offer()
        # Of a create that was killed: what it has ordered already, under that id, is nothing in its own way.
        ready = dataclasses.replace(
            ready, spec=msgspec.structs.replace(ready.spec, id=found.existing.record.id)
        )
        return dataclasses.replace(found, offer=_offer(mngr, ready))
    return dataclasses.replace(found, offer=offer())


def seen_again(mngr: Mngr, before: CreatePlan) -> CreatePlan:
    """The plan with the host as it is now. Raises Conflict if the plan's host isn't there any more: nobody has agreed to
    a new one."""
    now = _seen(mngr, before)
    if before.onto and not now.onto:
        raise Conflict(
            f"host {before.spec.name} on {before.provider.name} was there a moment ago, and isn't now",
            hint="run the command again for a new one",
        )
    return now


def _seen(mngr: Mngr, ready: CreatePlan) -> CreatePlan:
    found = dataclasses.replace(ready, existing=existing_host(mngr, ready.provider, ready.request))
    if found.onto:
        _refuse_other_user(found.request, found.onto)
    return found


def _refuse_other_user(request: CreateRequest, host: HostView) -> None:
    """Whom agents run as is the host's affair, and was settled when it was made."""
    user = host.record.user or "root"
    if request.user and request.user not in (user, "image"):
        raise Conflict(
            f"agents on host {host.record.name} run as {user}, not as {request.user}",
            hint="leave out --user, or create the agent on a host of its own",
        )


def _offer(mngr: Mngr, ready: CreatePlan) -> Offer:
    """A snapshot's id is looked for first: it may be another provider's, which this one can't know."""
    spec = ready.spec
    if spec.snapshot:
        trust.check_snapshot(ready.provider, sends=ready.request.trust_first_contact)
    if spec.snapshot and not Path(spec.snapshot).is_file():
        from mngr.ops import snapshots

        snapshots.find(mngr, spec.snapshot)
        spec = msgspec.structs.replace(spec, snapshot="")
    return ready.provider.check(spec)


def _code(mngr: Mngr, ready: CreatePlan) -> "Code | None":
    """The code that is sent. Raises InvalidInput if it can't be."""
    if not ready.provider.abilities.isolated or ready.request.source is None:
        return None
    from mngr.ops.code import Code

    return Code(ready.request.source, mngr.clock)


def _code_notes(ready: CreatePlan, code: "Code | None") -> Sequence[Note]:
    """What comes of the code, and what can't."""
    if code:
        return [*code.comes, *code.notes]
    implied = ready.provider.abilities.isolated and ready.request.source_implied
    return [NoCode(path=os.getcwd())] if implied else []


def _host_notes(mngr: Mngr, found: CreatePlan) -> Sequence[Note]:
    """What the agent's host, which is there or will be, means for it."""
    request, abilities = found.request, found.provider.abilities
    ssh_trust = found.onto.record.ssh_trust if found.onto else abilities.ssh_trust
    others = [] if found.existing else elsewhere(mngr, request)
    withheld = trust.withheld(found.provider, ssh_trust, request, found.env, found.settings)
    return [*others, *withheld, *_as_root(found)]


def _as_root(found: CreatePlan) -> list[Note]:
    """What of the command doesn't work as root, where the agent is root."""
    request = found.request
    if found.onto and found.provider.abilities.isolated:
        root = not found.onto.record.user
    else:
        root = not request.user if found.provider.abilities.isolated else os.geteuid() == 0
    why = found.kind.as_root
    return [
        NotAsRoot(agent=request.name, word=word, why=why[word])
        for word in request.command
        if root and word in why
    ]


def _beside(plan: CreatePlan) -> list[Note]:
    """Who works in the same directory of this computer, or in the same work tree; or what a worktree is without. Raises as
    `worktree.check`."""
    if plan.provider.abilities.isolated:
        return []
    request, existing = plan.request, plan.existing
    if request.worktree:
        top = worktree.repository_of(request)
        path = worktree.folder(plan.provider.host_dir) / request.name
        worktree.check(top, path, [existing] if existing else [])
        changes, submodules = worktree.uncommitted(top), worktree.has_submodules(top)
        name = worktree.branch(path)
        return [WorksInWorktree(path=str(path), branch=name, uncommitted=changes, submodules=submodules)]
    if existing is None:
        return []
    top = Path(here(request) if request.work_dir or not request.source else request.source)
    others = [
        agent.record.name
        for agent in existing.agents
        if not agent.half_made
        and agent.state != "done"
        and worktree.of(existing.record, agent.record) is None
        and top in (Path(agent.record.work_dir), *Path(agent.record.work_dir).parents)
    ]
    return [SharesDirectory(path=str(top), agents=others)] if others else []


def _kind(mngr: Mngr, request: CreateRequest) -> AgentType:
    check_name(request.name, "agent name")
    kind = agent_types.find(mngr, request.type or mngr.config.default_type)
    environment.check({**kind.env, **request.env})
    words = [*kind.command, *request.command] if isinstance(kind.command, list) else request.command
    size.check_create(words, request.labels, [*request.start_args, *request.build_args])
    if request.source is not None and not request.source.is_dir():
        raise InvalidInput(f"--from {request.source}: there is no such directory")
    return kind


def _spec(request: CreateRequest) -> HostSpec:
    return HostSpec(
        id=new_host_id(), name=request.host or request.name, image=request.image, user=request.user,
        build_args=list(request.build_args), start_args=list(request.start_args), idle=request.idle,
        snapshot=request.snapshot, labels=request.labels,
    )  # fmt: skip
