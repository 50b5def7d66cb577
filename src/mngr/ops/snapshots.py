"""Snapshots of hosts: image and volume together, on the host's own machine or daemon until they are brought home."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mngr.agents.tmux import Place
from mngr.hosts.scripts import script
from mngr.model.errors import Conflict, MngrError, NotFound, NotSupported, Unreachable
from mngr.model.names import check_name
from mngr.model.progress import Step
from mngr.model.records import AgentRecord, decode
from mngr.model.views import Problem
from mngr.ops.context import Mngr, Phases
from mngr.ops.names import resolve
from mngr.providers.contract import HostProvider, HostSnapshots, Snapshot, SnapshotListing


def create(mngr: Mngr, text: str, name: str, to: Path | None, phases: Phases) -> Snapshot:
    """Saves the host of an agent, paused meanwhile; `to` also writes it into a file at home.

    Raises NotSupported where a provider has no snapshots.
    """
    if to is not None and to.exists():
        raise MngrError(f"{to} is there already", hint="choose another file, or remove it")
    if to is not None and not to.absolute().parent.is_dir():
        raise MngrError(f"{to.absolute().parent} isn't a directory")
    [target] = resolve(mngr, [text])
    record = target.host.record
    provider = _able(mngr.provider(record.provider))
    agent = target.agent.record.name if target.agent else ""
    name = check_name(name or record.name, "snapshot name")
    snapshot = provider.snapshot_create(record.id, name, phases, agent=agent)
    if to is not None:
        phases(Step("bring home"))
        provider.snapshot_export(snapshot.id, to, phases)
    return snapshot


def list_(mngr: Mngr, text: str = "") -> SnapshotListing:
    """All snapshots (or those of one agent's host), and what couldn't be read."""
    if text:
        [target] = resolve(mngr, [text])
        return _able(mngr.provider(target.host.record.provider)).snapshot_list(target.host.record.id)
    found: list[Snapshot] = []
    errors: list[Problem] = []
    for name in mngr.asked(()):
        try:
            provider = mngr.provider(name)
            if isinstance(provider, HostSnapshots):
                listing = provider.snapshot_list()
                found += listing.snapshots
                errors += listing.errors
        except MngrError as error:
            errors.append(Problem(provider=name, what="snapshots", error=error.message, hint=error.hint))
    return SnapshotListing(snapshots=sorted(found, key=lambda one: (one.created_at, one.id)), errors=errors)


def destroy(mngr: Mngr, wanted: str) -> None:
    """Removes a snapshot (its id or name) for good. Raises NotFound, Conflict, Unreachable."""
    provider, snapshot = find(mngr, wanted)
    _able(provider).snapshot_destroy(snapshot.id)


@contextmanager
def usable(mngr: Mngr, provider: HostProvider, wanted: str, phases: Phases) -> Iterator[str]:
    """`wanted` (a snapshot's id or name, or a file) as `provider` can restore it: the id where it keeps the snapshot itself
    and can restore by id, else a file, brought here for the time being."""
    if not wanted:
        yield ""
        return
    if Path(wanted).is_file():
        yield str(Path(wanted).absolute())
        return
    keeper, snapshot = find(mngr, wanted)
    if keeper.name == provider.name and provider.abilities.restores_by_id:
        yield snapshot.id
        return
    phases(Step("bring snapshot here"))
    with tempfile.TemporaryDirectory(prefix="mngr-snapshot-") as folder:
        file = Path(folder) / f"{snapshot.id}.tar"
        _able(keeper).snapshot_export(snapshot.id, file, phases)
        yield str(file)


def restored_work_dir(place: Place, name: str, *, gets_code: bool) -> str:
    """Where an agent called `name` works on a host restored from a snapshot: where a former one did, that of its name,
    else that of which the snapshot was taken, else the oldest. One that `gets_code`: where none did."""
    output = script(place.transport, "snapshot-agents", place.host_dir).text
    if not output:
        return ""
    saved, *records = output.split("\0")[:-1]
    snapshot = msgspec.json.decode(saved, type=Snapshot) if saved else None
    agents = sorted((decode(one, AgentRecord) for one in records), key=lambda one: one.created_at)
    before = snapshot.host_dir if snapshot else ""
    moved = {one.name: _moved(one.work_dir, before, place.host_dir) for one in reversed(agents)}
    if gets_code:
        own = f"{place.host_dir}/work/{name}"
        while any(one == own or one.startswith(f"{own}/") for one in moved.values()):
            own += "-new"
        return own
    return next(
        (moved[one] for one in (name, snapshot.agent if snapshot else "", *reversed(moved)) if one in moved),
        "",
    )


def _moved(path: str, before: str, now: str) -> str:
    """`path` of a host whose directory was `before`, on one where that is `now`."""
    return now + path.removeprefix(before) if before and path.startswith(f"{before}/") else path


def find(mngr: Mngr, wanted: str) -> tuple[HostProvider, Snapshot]:
    """A snapshot, by id or name, and its keeper. Raises NotFound, Unreachable, Conflict if several have the name."""
    listing = list_(mngr)
    by_id = [one for one in listing.snapshots if one.id == wanted]
    found = by_id or [one for one in listing.snapshots if one.name == wanted]
    unread = "; ".join(f"{one.provider}: {one.what}: {one.error}" for one in listing.errors)
    if unread and not by_id:
        raise Unreachable(
            f"which snapshot {wanted} is can't be told, as not everything could be read: {unread}",
            hint=f"its id would do: {found[0].id}" if found else listing.errors[0].hint,
        )
    if len(found) > 1:
        newest = ", ".join(f"{one.id} ({one.created_at})" for one in reversed(found))
        raise Conflict(f"{len(found)} snapshots are called {wanted}: {newest}", hint="an id names one")
    if not found:
        raise NotFound(
            f"there is no snapshot or file {wanted}", hint="`mngr snapshot list` shows the snapshots"
        )
    return mngr.provider(found[0].provider), found[0]


def _able(provider: HostProvider) -> HostSnapshots:
    if not isinstance(provider, HostSnapshots):
        raise NotSupported(f"provider {provider.name} has no snapshots")
    return provider
