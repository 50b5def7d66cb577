"""Snapshots of hosts on rented machines: they live on the host's machine, and go with it.

Whoever takes one holds its place in the journal, so that the next sweep finds one that was cut short, lets the host
go on (it is paused meanwhile) and removes what was half made.
"""

from mngr.containers import snapshots
from mngr.containers.store import HostStore
from mngr.containers.survey import Stored
from mngr.journal import Held
from mngr.model.background import each
from mngr.model.errors import MngrError, NotFound, Unreachable
from mngr.model.ids import new_snapshot_id
from mngr.model.progress import Progress
from mngr.model.swept import Found
from mngr.model.views import Problem
from mngr.providers.contract import Snapshot, SnapshotListing
from mngr.vps_docker import discovery, lost_machine, tags
from mngr.vps_docker.intents import SnapshotPlan
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine


def take(rented: Rented, host: Machine, name: str, progress: Progress, *, agent: str = "") -> Snapshot:
    """Saves the host on `host`. Raises NotFound, Conflict, MngrError; what was half made is removed then."""
    store = discovery.store_on(rented, host)
    host_id = host.owner.host_id
    record = lost_machine.record(rented, store, host)
    snapshot_id = new_snapshot_id()
    with rented.journal.hold(rented.name, snapshot_id) as held:
        plan = SnapshotPlan(host_id=host_id, host_name=record.name)
        held.write(rented.intent(snapshot_id, plan))
        made = snapshots.create(
            store, record, name, rented.context.clock, progress, snapshot_id=snapshot_id, agent=agent
        )
        held.done()
    discovery.look(
        rented, host, rented.entries()
    )  # so that `destroy` knows of it even if the machine can't be reached by then
    return made


def clear(rented: Rented, held: Held, snapshot_id: str, plan: SnapshotPlan) -> Found:
    """For the sweep: undoes what a cut-short `take` left. What was found. Raises MngrError."""
    host_id = plan.host_id
    found = Found(
        thing="snapshot", name=snapshot_id, host=plan.host_name or host_id, why="snapshot-cut-short"
    )
    try:
        store = discovery.store_on(rented, discovery.find_machine(rented, host_id))
    except NotFound:
        held.done()
        return found.instead("gone-with-host")
    stored = store.read()
    if snapshot_id not in stored.snapshots and host_id in stored.hosts:
        snapshots.clear(store, snapshot_id, stored.hosts[host_id])
    held.done()
    return found.instead("whole") if snapshot_id in stored.snapshots else found


def list_(rented: Rented, host_id: str = "") -> SnapshotListing:
    """All snapshots, or those of a host. A machine that can't be read is an error row. Raises Unreadable, NotFound."""
    machines = [discovery.find_machine(rented, host_id)] if host_id else _ready(rented)
    stores, errors = _read(rented, machines)
    found = [one for _, stored in stores for one in snapshots.of(stored, host_id)]
    unread = [one for _, stored in stores for one in snapshots.unread(stored, rented.name)]
    return SnapshotListing(
        snapshots=sorted(found, key=lambda one: (one.created_at, one.id)), errors=[*errors, *unread]
    )


def keeper(rented: Rented, snapshot_id: str) -> HostStore:
    """The store that holds a snapshot. Raises NotFound only if every machine that may hold it was read."""
    found, errors = _read(rented, _ready(rented))
    for store, stored in found:
        if snapshot_id in stored.snapshots:
            return store
    if errors:
        raise Unreachable(
            f"snapshot {snapshot_id} wasn't found, and not every machine could be read: {errors[0].what}: {errors[0].error}",
            hint=errors[0].hint,
        )
    raise NotFound(f"there is no snapshot {snapshot_id}", hint="`mngr snapshot list` shows what there is")


def _ready(rented: Rented) -> list[Machine]:
    machines = rented.cloud.find({tags.PROVIDER: rented.name})
    return [one for one in machines if one.owner.ready and one.owner.host_id]


def _read(rented: Rented, machines: list[Machine]) -> tuple[list[tuple[HostStore, Stored]], list[Problem]]:
    """The stores of these machines, read in parallel; and why others, that aren't known to hold none, can't be read."""

    def read(machine: Machine) -> tuple[HostStore, Stored] | Problem | None:
        owner = machine.owner
        remembered = rented.cache.get(owner.host_id)
        try:
            if machine.state != "running":
                raise Unreachable(f"machine {machine.id} is {machine.state}", hint="start its host first")
            store = discovery.store_on(rented, machine)
            return store, store.read()
        except MngrError as error:
            if remembered is not None and not remembered.snapshots:
                return None
            what = f"snapshots of host {owner.host_name or owner.host_id}"
            return Problem(provider=rented.name, what=what, error=error.message, hint=error.hint)

    answers = each(read, machines)
    errors = [one for one in answers if isinstance(one, Problem)]
    return [one for one in answers if isinstance(one, tuple)], errors
