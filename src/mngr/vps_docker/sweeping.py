"""Setting right what this provider instance's intents and its cloud's list disagree on. No host with agents goes.

- The cloud's list is read before the intents: whoever orders after that holds a lock, or has a lease that runs.
- A list that can't be read ends the sweep with nothing touched. "Not seen" isn't "gone": only release() says that.
- A ready machine is never released here, whatever else is wrong with it.
- A machine that isn't ready holds no work. It goes when its intent lies here with nobody at work on it, or when
  its lease has passed, whoever made it.
"""

from collections.abc import Callable

import msgspec

from mngr.journal import Held, Intent
from mngr.model.errors import Conflict, MngrError, NotFound
from mngr.model.ids import new_host_id
from mngr.providers.contract import Swept
from mngr.vps_docker import accounts, intents, leftovers, machine_snapshots, strays, tags, views, wiping
from mngr.vps_docker.discovery import refreshed
from mngr.vps_docker.intents import CreatePlan, SnapshotPlan, WipePlan
from mngr.vps_docker.releasing import release
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.strays import Stray
from mngr.vps_docker.vps_client import Machine, MachineSpec

#: How long the sweep waits for one release; what isn't gone by then is looked at by the next sweep.
RELEASE_S = 60.0


def sweep(rented: Rented, dry_run: bool) -> Swept:
    """See contract.HostProvider.sweep. Raises nothing but bugs: what fails is in `errors`."""
    swept = Swept()
    try:
        found = strays.find(rented)
    except MngrError as error:
        swept.errors.append(f"its machines can't be listed, so nothing was touched: {error.message}")
        return swept
    machines = [one for one in found if not isinstance(one, Stray)]
    with_intent = set()
    for entry in rented.journal.entries(rented.name):
        with_intent.add(entry.subject)
        if entry.intent is None:
            swept.errors.append(f"{entry.path} can't be read: {entry.error}")
            with_intent.discard(entry.subject)
        elif entry.busy:
            swept.kept.append(
                f"{_called(entry.intent)}: {_doing(entry.intent)} by another mngr on this computer"
            )
        else:
            _apart(
                swept,
                _called(entry.intent),
                lambda entry=entry: _intent(rented, entry.subject, swept, dry_run),
            )
    for machine in machines:
        owner = machine.owner
        if not owner.host_id or owner.ready or owner.host_id in with_intent:
            continue
        _apart(swept, _name(machine), lambda machine=machine: _machine(rented, machine, swept, dry_run))
    _two_of_one(machines, swept)
    for one in found:
        if isinstance(one, Stray):
            _apart(swept, _name(one), lambda one=one: _stray(rented, one, swept, dry_run))
    _apart(
        swept, "what machines that are gone left",
        lambda: leftovers.sweep(rented, {one.name for one in found}, with_intent, swept, dry_run),
    )  # fmt: skip
    listed = {one.owner.host_id for one in found}
    for seen in rented.cache.all():
        if seen.record.id not in listed | with_intent and (why := accounts.unknown_here(rented, seen)):
            swept.errors.append(f"host {seen.record.name}: {why}; nothing was done about it")
    return swept


def _stray(rented: Rented, machine: Stray, swept: Swept, dry_run: bool) -> None:
    """A machine that lost tags: they are put back where this computer knows them."""
    if not machine.known:
        swept.kept.append(f"{_name(machine)}: {strays.why(machine)}")
        return
    if not dry_run:
        strays.claim(rented, machine)
    swept.finished.append(f"{_name(machine)}: its tags {', '.join(machine.lost)}, which it had lost")


def _apart(swept: Swept, what: str, act: Callable[[], None]) -> None:
    """One that fails doesn't keep the others from being looked at."""
    try:
        act()
    except Conflict as error:
        swept.kept.append(f"{what}: {error.message}")
    except MngrError as error:
        swept.errors.append(f"{what}: {error.message}")


def _intent(rented: Rented, host_id: str, swept: Swept, dry_run: bool) -> None:
    """An intent that nobody works on: its process was killed, or couldn't finish."""
    with rented.journal.hold(rented.name, host_id) as held:
        intent = held.intent
        if intent is None:
            return  # it ended while we looked
        plan = intents.read(intent)
        accounts.insist(rented, _called(intent), plan.account)
        if isinstance(plan, SnapshotPlan):
            row = f"snapshot {intent.subject} (cut short)"
            swept.released.append(
                row if dry_run else machine_snapshots.clear(rented, held, intent.subject, plan)
            )
            return
        if isinstance(plan, WipePlan):
            wiping.again(rented, held, plan, _called(intent), swept, dry_run)
            return
        if isinstance(plan, CreatePlan):
            ready = [one for one in _of_host(rented, host_id, intent) if one.owner.ready]
            if ready:
                _finish(rented, held, ready[0], swept, dry_run)
                return
        row = f"{_called(intent)} ({intent.kind} cut short)"
        if dry_run:
            swept.released.append(row)
            return
        unwiped = wiping.wipe(rented, held)
        why = release(rented, plan.machine.spec, intent.handle, RELEASE_S)
        if why:
            held.note(f"its {intent.kind} was cut short; not yet released: {why}")
            swept.kept.append(f"{_called(intent)}: not yet released: {why}")
            return
        swept.released.append(row)
        if unwiped:
            rented.cache.drop(host_id)
            swept.kept.append(f"{_called(intent)}: {wiping.keep(held, unwiped)}")
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
    swept.finished.append(f"the create of {owner.host_name or owner.host_id}")


def _machine(rented: Rented, machine: Machine, swept: Swept, dry_run: bool) -> None:
    """A machine that isn't ready, and of which this computer's journal knows nothing."""
    owner = machine.owner
    if owner.until is None:
        swept.kept.append(
            f"{_name(machine)}: it isn't ready and has no lease; `mngr destroy @{views.name_of(machine)}` if it is of no use"
        )
        return
    if not owner.abandoned(rented.cloud.now()):
        here = owner.builder == rented.context.laptop
        who = "this computer" if here else owner.builder or "another computer"
        left = max(0, int(owner.until + tags.MARGIN_S - rented.cloud.now()))
        swept.kept.append(f"{_name(machine)}: being built by {who}; looked at again in {left} s")
        return
    with rented.journal.hold(rented.name, owner.host_id) as held:
        try:
            now = rented.get(machine.id).owner  # the list may be old: the machine itself says
        except NotFound:
            return
        if held.intent is not None or not now.abandoned(rented.cloud.now()):
            return
        row = f"{_name(machine)} (abandoned by {owner.builder})"
        if dry_run:
            swept.released.append(row)
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
            swept.kept.append(f"{_name(machine)}: not yet released: {why}")
            return
        seen = rented.cache.get(owner.host_id)
        if not twin and not (seen and seen.spot):  # an evicted host's row is a person's to take away
            forget(rented, owner.host_id)
        swept.released.append(row)


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
            ready.setdefault(owner.host_id, []).append(_name(machine))
    for host_id, names in ready.items():
        if len(names) > 1:
            swept.errors.append(
                f"{' and '.join(names)} both say that they are host {host_id}; nothing was done about it"
            )


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


def _called(intent: Intent) -> str:
    name = intents.host_name(intent)
    machine = f" (machine {intent.handle['id']})" if intent.handle.get("id") else ""
    return f"host {name} on {intent.provider}{machine}"


def _doing(intent: Intent) -> str:
    doing = {"destroy": "being destroyed", "snapshot": "being saved", "wipe": "being wiped"}
    return doing.get(intent.kind, "being built")


def _name(machine: Machine) -> str:
    return f"machine {machine.name or machine.id} ({machine.id})"
