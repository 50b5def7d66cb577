"""All hosts of a provider instance: the cloud's list, and one round trip to each machine, in parallel.

Part of the truth beats none: a machine that can't be reached is shown with its last known agents, and when the
cloud's own list can't be read, the machines that were seen before are asked all the same.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from mngr.journal import Entry, Intent
from mngr.model.background import each
from mngr.model.clock import left, within
from mngr.model.errors import MngrError, NotFound
from mngr.model.records import HostRecord
from mngr.model.views import HostView, Listing, Problem
from mngr.transport.ssh import Ssh
from mngr.vps_docker import accounts, evicted, intents, strays, tags, views
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.intents import CreatePlan, DestroyPlan
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.strays import Stray
from mngr.vps_docker.vps_client import Machine

if TYPE_CHECKING:
    from mngr.containers.store import HostStore

Entries = Mapping[str, Entry]  #: The journal's, by subject.


def discover(rented: Rented, only: Collection[str] | None) -> Listing:
    """Every host, also half-made ones, or those whose id or name is in `only`; and what couldn't be read."""
    errors: list[Problem] = []
    before = rented.cache.all()
    try:
        # Where machines are remembered, they are asked even if the cloud isn't there: half of the time is theirs.
        with within(left() / 2 if before else left()):
            found = strays.find(rented)
    except MngrError as error:
        errors.append(Problem(provider=rented.name, what="cloud", error=error.message, hint=error.hint))
        found = [_machine_of(rented, one) for one in before]
    entries = rented.entries()
    looks: dict[str, Callable[[], HostView | None]] = {}
    listed = {one.id for one in found}
    for machine in _one_a_host(found):
        owner = machine.owner
        names = (
            owner.host_id,
            owner.host_name,
            strays.name_of(machine) if isinstance(machine, Stray) else "",
        )
        if only is None or any(name in only for name in names if name):
            looks[owner.host_id] = partial(look, rented, machine, entries)
    for seen in before:
        wanted = only is None or seen.record.id in only or seen.record.name in only
        known = seen.record.id in looks or seen.record.id in entries or seen.record.machine_id in listed
        if wanted and not known:
            _not_listed(rented, seen, looks, errors)
    for entry in entries.values():
        try:
            plan = None if entry.intent is None else intents.read(entry.intent)
        except MngrError as error:
            entry, plan = msgspec.structs.replace(entry, intent=None, error=error.message), None
        if entry.intent is None or plan is None:
            errors.append(
                Problem(provider=rented.name, what=entry.path, error=entry.error, hint="see `mngr gc`")
            )
        elif (
            isinstance(plan, CreatePlan | DestroyPlan)
            and entry.subject not in looks
            and (only is None or entry.subject in only or plan.host_name in only)
        ):
            looks[entry.subject] = partial(_not_there_yet, rented, entry, entry.intent, plan)
    hosts = [view for view in each(lambda ask: ask(), looks.values()) if view is not None]
    return Listing(hosts=hosts, errors=errors)


def _not_listed(
    rented: Rented, seen: Remembered, looks: dict[str, Callable[[], HostView | None]], errors: list[Problem]
) -> None:
    """A host that was seen before, and isn't in the cloud's list: another account's, at the end of what was paid, or evicted.

    All others were destroyed elsewhere, or the list is older than they are.
    """
    why = accounts.unknown_here(rented, seen)
    if why:
        errors.append(
            Problem(
                provider=rented.name, what=f"host {seen.record.name}", error=why,
                hint=f"use that account's credentials; or, once it is known to be gone, `mngr gc --forget {seen.record.name}`",
            )
        )  # fmt: skip
        looks[seen.record.id] = partial(views.unreachable, rented, _machine_of(rented, seen), seen, why)
    elif views.has_run_out(rented, seen):
        looks[seen.record.id] = partial(views.run_out, rented, seen)
    elif seen.spot:
        looks[seen.record.id] = partial(evicted.look, rented, seen)


def _one_a_host(machines: Iterable[Machine]) -> list[Machine]:
    """The machine of each host id: the ready one, where an order was carried out twice."""
    chosen: dict[str, Machine] = {}
    for machine in machines:
        owner = machine.owner
        if owner.host_id and (owner.host_id not in chosen or owner.ready):
            chosen[owner.host_id] = machine
    return list(chosen.values())


def look(rented: Rented, machine: Machine, entries: Entries) -> HostView:
    """The host on `machine` as it is now. Never raises MngrError: what can't be known is a `problem`."""
    if not isinstance(machine, Stray):
        return _look(rented, machine, entries)
    if not machine.known:
        return strays.show(rented, machine)
    view = _look(rented, machine, entries)
    put_back = f"its machine lost the tags {', '.join(machine.lost)}; `mngr gc` puts them back"
    view.problem = "; ".join(filter(None, [put_back, view.problem]))
    return view


def _look(rented: Rented, machine: Machine, entries: Entries) -> HostView:
    from mngr.vps_docker import machine_probe  # what a list that finds no machine doesn't need

    machine = refreshed(rented, machine, entries)
    owner = machine.owner
    entry = entries.get(owner.host_id)
    if not owner.ready:
        return _half_made(rented, machine, owner, entry)
    remembered = rented.cache.get(owner.host_id)
    if entry and entry.intent and entry.intent.kind == "destroy":
        how = "is being destroyed" if entry.busy else "its destroy was cut short; `mngr gc` ends it"
        return views.half_made(rented, machine, "stopping", how)
    if evicted.in_part(machine) and remembered is not None and remembered.spot:
        return evicted.look(rented, remembered) or views.unreachable(
            rented, machine, remembered, _down(rented, machine)
        )
    if machine.state != "running":
        view = views.unreachable(rented, machine, remembered, _down(rented, machine))
        if machine.state in ("stopped", "halted"):
            view.agents = views.as_stopped(views.known_agents(machine, remembered), remembered)
            view.state = "crashed" if machine.state == "halted" else "stopped"
            kept = views.of_kept_agents(rented, machine, remembered)
            view.problem = "; ".join(filter(None, [view.problem, kept]))
        if machine.state == "stopped" and rented.cloud.caps.stop_saves:
            views.ended(rented, machine, view, rented.cloud.ended(machine.id), remembered)
        return view
    try:
        facts = machine_probe.look(reach(rented, machine), rented.name)
    except MngrError as error:
        return views.unreachable(rented, machine, remembered, error.message)
    view = views.seen(rented, machine, facts, remembered)
    if owner.host_id in facts.survey.stored.hosts:
        rented.access.pin_container(
            view.record.id, view.record.address, view.record.ssh_port, view.record.host_key
        )
        remember(rented, view)
    return view


def refreshed(rented: Rented, machine: Machine, entries: Entries) -> Machine:
    """A machine that isn't ready by a list, which may be old: asked for by its id. As it was if that fails.

    Tags may lag there, too. What this computer made to its end, and has begun nothing with since, is ready.
    """
    owner = machine.owner
    if owner.ready:
        return machine
    try:
        machine = rented.get(machine.id)
    except MngrError:
        return machine
    host_id = machine.owner.host_id
    remembered = rented.cache.get(host_id)
    if host_id not in entries and remembered is not None and remembered.record.machine_id == machine.id:
        return msgspec.structs.replace(machine, tags={**machine.tags, tags.READY: "1"})
    return machine


def reach(rented: Rented, machine: Machine) -> Ssh:
    """SSH to a machine. Its pins are this computer's; where those were lost, the key that its tags carry."""
    owner = machine.owner
    known = rented.access.machine_pins(owner.host_id) or owner.host_keys
    rented.access.pin_machine(owner.host_id, machine.address, known)
    return rented.access.machine(owner.host_id, machine.address)


def store_on(rented: Rented, machine: Machine) -> "HostStore":
    from mngr.containers.docker import Docker
    from mngr.containers.store import HostStore

    return HostStore(Docker(reach(rented, machine)), rented.name)


def remember(rented: Rented, view: HostView) -> None:
    """Keeps what was seen. Whose account it is in is asked once; a host that is another's keeps that."""
    agents = [one.record for one in view.agents]
    codes = {one.record.id: one.exit_code for one in view.agents if one.exit_code is not None}
    before = rented.cache.get(view.record.id)
    account = before.account if before and before.account else accounts.here(rented)
    paid_until = view.paid_until or (before.paid_until if before else "")
    at = rented.context.clock.now()
    ends_at = view.idle.lifetime_ends_at if view.idle else None
    if before and not (
        view.state == "running" and view.idle
    ):  # only a machine that runs says that there is none
        ends_at = ends_at or before.ends_at
    rented.cache.put(
        Remembered(
            record=view.record, agents=agents, codes=codes, snapshots=view.snapshots, at=at, account=account,
            paid_until=paid_until, ends_at=ends_at, spot=view.spot,
        )
    )  # fmt: skip


def _down(rented: Rented, machine: Machine) -> str:
    if machine.state == "stopped":
        billed = f"its machine is powered off, which {rented.title} bills all the same"
        return "" if rented.cloud.caps.stop_saves else billed
    if machine.state == "expired":
        return views.unpaid(rented, machine)
    if machine.state == "halted":
        return f"its system was shut down, which {rented.title} bills all the same; `mngr stop` ends that"
    return f"{rented.title} shows its machine as {machine.state}"


def _half_made(rented: Rented, machine: Machine, owner: tags.Owner, entry: Entry | None) -> HostView:
    """A machine without a host: being built, here or elsewhere, or left over."""
    if entry is not None and entry.busy:
        return views.half_made(rented, machine, "building", "")
    if entry is not None and entry.intent is not None:
        why = entry.intent.note or f"its {entry.intent.kind} was cut short"
        return views.half_made(rented, machine, "failed", f"{why}; `mngr gc` releases the machine")
    if owner.abandoned(rented.cloud.now()):
        return views.half_made(
            rented, machine, "failed", "nobody builds it any more; `mngr gc` releases the machine"
        )
    if owner.until is None:
        # Who marked it as ready or put the lease may have lost that since: it may hold agents.
        way_on = f"`mngr destroy @{views.name_of(machine)}` if it is of no use"
        view = views.half_made(rented, machine, "failed", f"it isn't ready and has no lease; {way_on}")
        view.agents_known = False
        return view
    here = owner.builder == rented.context.laptop
    where = "this computer" if here else f"another computer ({owner.builder})"
    return views.half_made(rented, machine, "building", f"being built by {where}")


def _not_there_yet(rented: Rented, entry: Entry, intent: Intent, plan: CreatePlan | DestroyPlan) -> HostView:
    """An intent whose machine isn't in the cloud's list: not yet, or not any more."""
    record = HostRecord(
        id=entry.subject, name=plan.host_name, provider=rented.name, backend=rented.backend,
        builder=rented.context.laptop, handle=intent.handle,
    )  # fmt: skip
    view = HostView(record=record, state="building", stop_saves=rented.stop_saves)
    if why := accounts.foreign(rented, plan.account):
        view.state = "unreachable"
        view.problem = f"what was begun with it isn't ended: {why}"
    elif isinstance(plan, DestroyPlan):
        view.state = "stopping"
        view.problem = "being destroyed" if entry.busy else "its destroy was cut short; `mngr gc` ends it"
    elif not entry.busy:
        view.state = "failed"
        view.problem = (intent.note or "its create was cut short") + "; `mngr gc` releases what it made"
    return view


def find_machine(rented: Rented, host_id: str) -> Machine:
    """The machine of a host. Raises NotFound only if the cloud said so, Unreadable; Unreachable if it is another
    account's."""
    found = _one_a_host(rented.cloud.find({tags.PROVIDER: rented.name, tags.HOST_ID: host_id}))
    if found:
        return refreshed(rented, found[0], rented.entries())
    remembered = rented.cache.get(host_id)
    if remembered is not None and remembered.record.machine_id:
        accounts.insist(rented, f"host {remembered.record.name}", remembered.account)
        try:
            machine = rented.get(remembered.record.machine_id)  # a list may lag; this says not found
        except NotFound:
            if remembered.spot:
                lost = evicted.look(rented, remembered)
            else:
                lost = views.run_out(rented, remembered) if views.has_run_out(rented, remembered) else None
            if lost is None:
                raise
            why = lost.problem
            raise NotFound(f"host {remembered.record.name}: {why}") from None
        if machine.owner.host_id == host_id:
            return machine
    return strays.of_host(rented, host_id)


def _machine_of(rented: Rented, seen: Remembered) -> Machine:
    """The machine of a host that was seen before, for when the cloud doesn't tell of it."""
    record = seen.record
    return Machine(
        id=record.machine_id, state="running", address=record.address, plan=record.plan,
        region=record.region, spot=seen.spot,
        tags={tags.PROVIDER: rented.name, tags.HOST_ID: record.id, tags.HOST_NAME: record.name, tags.READY: "1"},
    )  # fmt: skip
