"""Snapshots of hosts: image and volume together, on the host's own machine or daemon until they are brought home."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mngr.agents.tmux import Place
from mngr.hosts.scripts import script
from mngr.model.errors import MngrError, NotFound, NotSupported, Unreachable
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
    snapshot = provider.snapshot_create(record.id, check_name(name or record.name, "snapshot name"), phases)
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


def destroy(mngr: Mngr, snapshot_id: str) -> None:
    """Removes a snapshot for good. Raises NotFound."""
    provider, _ = find(mngr, snapshot_id)
    _able(provider).snapshot_destroy(snapshot_id)


@contextmanager
def usable(mngr: Mngr, provider: HostProvider, wanted: str, phases: Phases) -> Iterator[str]:
    """`wanted` (a snapshot id or a file) as `provider` can restore it: the id where it keeps the snapshot itself
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


def former_work_dir(place: Place, name: str) -> str:
    """The work dir, on a host restored from a snapshot, of the former agent called `name`, else of the only one."""
    output = script(place.transport, "snapshot-agents", place.host_dir).text
    former = [decode(text, AgentRecord) for text in output.split("\0") if text]
    same = [one for one in former if one.name == name] or former
    return same[0].work_dir if len(same) == 1 else ""


def find(mngr: Mngr, snapshot_id: str) -> tuple[HostProvider, Snapshot]:
    """A snapshot and its keeper. Raises NotFound, Unreachable."""
    listing = list_(mngr)
    for one in listing.snapshots:
        if one.id == snapshot_id:
            return mngr.provider(one.provider), one
    if listing.errors:
        unread = "; ".join(f"{one.provider}: {one.what}: {one.error}" for one in listing.errors)
        raise Unreachable(
            f"snapshot {snapshot_id} wasn't found, and not everything could be read: {unread}",
            hint=listing.errors[0].hint,
        )
    raise NotFound(
        f"there is no snapshot or file {snapshot_id}", hint="`mngr snapshot list` shows the snapshots"
    )


def _able(provider: HostProvider) -> HostSnapshots:
    if not isinstance(provider, HostSnapshots):
        raise NotSupported(f"provider {provider.name} has no snapshots")
    return provider
