"""Setting right what this provider instance's intents and its cloud's list disagree on. No host with agents goes.

- The cloud's list is read before the intents: whoever orders after that holds a lock, or has a lease that runs.
- A list that can't be read ends the sweep with nothing touched. "Not seen" isn't "gone": only release() says that.
- A ready machine is never released here, whatever else is wrong with it.
- A machine that isn't ready holds no work. It goes when its intent lies here with nobody at work on it, or when
  its lease has passed, whoever made it.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from mngr.journal import Held, Intent
from mngr.model.errors import Conflict, MngrError, NotFound
from mngr.model.ids import new_host_id
from mngr.model.swept import Found, Swept, Why
from mngr.vps_docker import accounts, intents, leftovers, machine_snapshots, strays, tags, views, wiping
from mngr.vps_docker.discovery import refreshed
from mngr.vps_docker.intents import CreatePlan, SnapshotPlan, WipePlan
from mngr.vps_docker.releasing import release
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.strays import Stray
from mngr.vps_docker.tags import Owner
from mngr.vps_docker.vps_client import Machine, MachineSpec

#: How long the sweep waits for one release; what isn't gone by then is looked at by the next sweep.
RELEASE_S = 60.0


def sweep(rented: Rented, dry_run: bool) -> Swept:
    """See contract.HostProvider.sweep. Raises nothing but bugs: what fails is in `errors`."""
    swept = Swept()
    try:
        found = strays.find(rented)
    except MngrError as error:
        swept.errors.append(Found(thing="instance", name=rented.name, why="not-swept", said=error.message))
        return swept
    machines = [one for one in found if not isinstance(one, Stray)]
    with_intent = set()
    for entry in rented.journal.entries(rented.name):
        with_intent.add(entry.subject)
        if entry.intent is None:
            swept.errors.append(Found(thing="journal", name=str(entry.path), why="failed", said=entry.error))
            with_intent.discard(entry.subject)
        elif entry.busy:
            swept.kept.append(_host(entry.intent, "busy"))
        else:
            host = _host(entry.intent, "failed")
            _apart(swept, host, lambda entry=entry: _intent(rented, entry.subject, swept, dry_run))
    for machine in machines:
        owner = machine.owner
        if not owner.host_id or owner.ready or owner.host_id in with_intent:
            continue
        _apart(swept, _found(machine), lambda machine=machine: _machine(rented, machine, swept, dry_run))
    _two_of_one(machines, swept)
    for one in found:
        if isinstance(one, Stray):
            _apart(swept, _found(one), lambda one=one: _stray(rented, one, swept, dry_run))
    _apart(
        swept, Found(thing="instance", name=rented.name, why="failed"),
        lambda: leftovers.sweep(rented, {one.name for one in found}, with_intent, swept, dry_run),
    )  # fmt: skip
    listed = {one.owner.host_id for one in found}
    for seen in rented.cache.all():
        if seen.record.id not in listed | with_intent and (why := accounts.unknown_here(rented, seen)):
            swept.errors.append(Found(thing="host", name=seen.record.name, why="foreign", said=why))
    return swept


def _stray(rented: Rented, machine: Stray, swept: Swept, dry_run: bool) -> None:
    """A machine that lost tags: they are put back where this computer knows them."""
    if not machine.known:
        swept.kept.append(_found(machine, "lost-tags", others=[*machine.lost], host=strays.name_of(machine)))
        return
    if not dry_run:
        strays.claim(rented, machine)
    swept.finished.append(_found(machine, "tags-put-back", others=[*machine.lost]))


def _apart(swept: Swept, found: Found, act: Callable[[], None]) -> None:
    """One that fails doesn't keep the others from being looked at."""
    try:
        act()
    except Conflict as error:
        swept.kept.append(found.instead("refused", error.message))
    except MngrError as error:
        swept.errors.append(found.instead("failed", error.message))


def _intent(rented: Rented, host_id: str, swept: Swept, dry_run: bool) -> None:
    """An intent that nobody works on: its process was killed, or couldn't finish."""
    with rented.journal.hold(rented.name, host_id) as held:
        intent = held.intent
        if intent is None:
            return  # it ended while we looked
        plan = intents.read(intent)
        accounts.insist(rented, f"host {intents.host_name(intent)}", plan.account)
        if isinstance(plan, SnapshotPlan):
            name = plan.host_name or plan.host_id
            would = Found(thing="snapshot", name=intent.subject, host=name, why="snapshot-cut-short")
            swept.released.append(
                would if dry_run else machine_snapshots.clear(rented, held, intent.subject, plan)
            )
            return
        if isinstance(plan, WipePlan):
            wiping.again(rented, held, plan, _host(intent, "wiped"), swept, dry_run)
            return
        if isinstance(plan, CreatePlan):
            ready = [one for one in _of_host(rented, host_id, intent) if one.owner.ready]
            if ready:
                _finish(rented, held, ready[0], swept, dry_run)
                return
        found = _host(intent, "create-cut-short" if intent.kind == "create" else "destroy-cut-short")
        if dry_run:
            swept.released.append(found)
            return
        unwiped = wiping.wipe(rented, held)
        why = release(rented, plan.machine.spec, intent.handle, RELEASE_S)
        if why:
            held.note(f"its {intent.kind} was cut short; not yet released: {why}")
            swept.kept.append(found.instead("not-released", why))
            return
        swept.released.append(found)
        if unwiped:
            rented.cache.drop(host_id)
            owed = wiping.keep(held, unwiped)
            swept.kept.append(found.instead("not-wiped", unwiped, until=owed.paid_until))
            return
        forget(rented, host_id)
        held.done()


def _of_host(rented: Rented, host_id: str, intent: Intent) -> list[Machine]:
    """The machines of a host, read now: by tag, and by the id that the intent knows."""
    found = {one.id: one for one in rented.cloud.find({tags.PROVIDER: rented.name, tags.HOST_ID: host_id})}
    known = intent.handle.get("id", "")
    for id in [*found, known]:
        if not id:
            continue
        try:
            found[id] = rented.get(id)
        except NotFound:
            found.pop(id, None)
    return [one for one in found.values() if one.owner.host_id == host_id]


def _finish(rented: Rented, held: Held, machine: Machine, swept: Swept, dry_run: bool) -> None:
    """The create had made a durable host and said so to the cloud: only its intent is left to be done."""
    owner = machine.owner
    if not dry_run:
        if owner.builder or owner.until is not None:
            rented.cloud.tag(machine.id, {}, [tags.BUILDER, tags.UNTIL])
        held.done()
    swept.finished.append(Found(thing="host", name=owner.host_name or owner.host_id, why="created"))


def _machine(rented: Rented, machine: Machine, swept: Swept, dry_run: bool) -> None:
    """A machine that isn't ready, and of which this computer's journal knows nothing."""
    owner = machine.owner
    if owner.until is None:
        swept.kept.append(_found(machine, "no-lease", host=views.name_of(machine)))
        return
    if not owner.abandoned(rented.cloud.now()):
        left = max(0, int(owner.until + tags.MARGIN_S - rented.cloud.now()))
        swept.kept.append(_found(machine, "in-the-making", by=_builder(rented, owner), again_s=left))
        return
    with rented.journal.hold(rented.name, owner.host_id) as held:
        try:
            now = rented.get(machine.id).owner  # the list may be old: the machine itself says
        except NotFound:
            return
        if held.intent is not None or not now.abandoned(rented.cloud.now()):
            return
        found = _found(machine, "abandoned", by=_builder(rented, owner))
        if dry_run:
            swept.released.append(found)
            return
        spec = MachineSpec(
            host_id=owner.host_id, name=machine.name, plan=machine.plan, region=machine.region, image=""
        )
        if twin := _twin(rented, machine):
            # An order that was carried out twice. With a host id of its own, releasing it by tag can't reach the host.
            spec = msgspec.structs.replace(spec, host_id=new_host_id())
            rented.cloud.tag(machine.id, {tags.HOST_ID: spec.host_id})
        # Without an intent there is no note of it here: it is only shown, and found again by its tags.
        why = release(rented, spec, {"id": machine.id}, RELEASE_S)
        if why:
            swept.kept.append(found.instead("not-released", why))
            return
        seen = rented.cache.get(owner.host_id)
        if not twin and not (seen and seen.spot):  # an evicted host's row is a person's to take away
            forget(rented, owner.host_id)
        swept.released.append(found)


def _twin(rented: Rented, machine: Machine) -> bool:
    """Whether another machine with this one's host id is the host, as it says itself: a list may be old."""
    same = rented.cloud.find({tags.PROVIDER: rented.name, tags.HOST_ID: machine.owner.host_id})
    entries = rented.entries()
    others = [refreshed(rented, one, entries) for one in same if one.id != machine.id]
    return any(one.owner.ready for one in others)


def _two_of_one(machines: list[Machine], swept: Swept) -> None:
    """Two ready machines of one host id can't come from mngr: they are shown, and left to a person."""
    ready: dict[str, list[str]] = {}
    for machine in machines:
        owner = machine.owner
        if owner.ready and owner.host_id:
            ready.setdefault(owner.host_id, []).append(f"{machine.name or machine.id} ({machine.id})")
    for host_id, names in ready.items():
        if len(names) > 1:
            swept.errors.append(Found(thing="host", name=host_id, why="twins", others=names))


def forget(rented: Rented, host_id: str) -> None:
    """Everything that this computer kept about a host that is gone."""
    rented.access.forget(host_id)
    rented.cache.drop(host_id)


def forget_foreign(rented: Rented, host_id: str) -> str:
    """See contract.Forgets."""
    with rented.journal.hold(rented.name, host_id) as held:
        seen = rented.cache.get(host_id)
        name = intents.host_name(held.intent) if held.intent else seen.record.name if seen else host_id
        account = intents.read(held.intent).account if held.intent else seen.account if seen else ""
        if not accounts.foreign(rented, account):
            raise Conflict(
                f"host {name} is of the account whose credentials are used here",
                hint=f"`mngr destroy @{name}` ends it; only what another account has is forgotten",
            )
        forget(rented, host_id)
        held.done()
        return name


def _host(intent: Intent, why: Why) -> Found:
    doing = intent.kind if intent.kind in ("destroy", "snapshot", "wipe") else "create"
    name, id = intents.host_name(intent), intent.handle.get("id", "")
    return Found(thing="host", name=name, id=id, why=why, doing=doing)


def _builder(rented: Rented, owner: Owner) -> str:
    """As `Found.by`: "" is this computer."""
    return "" if owner.builder == rented.context.laptop else owner.builder or "?"


def _found(machine: Machine, why: Why = "failed", **facts: Any) -> Found:
    return Found(thing="machine", name=machine.name or machine.id, id=machine.id, why=why, **facts)
