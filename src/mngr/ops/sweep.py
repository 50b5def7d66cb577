"""The sweep over all provider instances: sets right what killed commands left. `mngr gc` runs it."""

from collections.abc import Sequence

from mngr.model.errors import Conflict, MngrError
from mngr.ops.context import Mngr
from mngr.ops.create import being_created
from mngr.providers.contract import HostProvider, Swept


def sweep(mngr: Mngr, providers: Sequence[str] = (), *, dry_run: bool = False) -> dict[str, Swept]:
    """Sweeps each provider instance by itself: one that can't be read is reported and skipped."""
    done: dict[str, Swept] = {}
    for name in list(providers) or mngr.active():
        try:
            provider = mngr.provider(name)
            done[name] = provider.sweep(dry_run=dry_run)
            if provider.abilities.isolated:
                _empty_hosts(mngr, provider, done[name], dry_run)
        except MngrError as error:
            done.setdefault(name, Swept()).errors.append(error.message)
    return done


def _empty_hosts(mngr: Mngr, provider: HostProvider, swept: Swept, dry_run: bool) -> None:
    """Destroys hosts that this laptop made and that never got an agent: their create was killed at its end.

    A host loses its last agent only by being destroyed, so an empty one holds no work. One that can't be
    read, or that another laptop made, is left to a person.
    """
    for host in provider.discover().hosts:
        record = host.record
        if host.agents or host.problem or host.state not in ("running", "stopped", "paused", "crashed"):
            continue
        if record.builder != mngr.laptop:
            swept.kept.append(
                f"host {record.name} without agents: another laptop made it; `mngr destroy @{record.name}`"
            )
            continue
        try:
            with being_created(mngr, provider.name, record.name):
                if provider.view(record.id).agents:
                    continue  # its create ended between our look and our lock
                if not dry_run:
                    provider.destroy(record.id, lambda phase: None)
                swept.released.append(f"host {record.name} (it never got an agent)")
        except Conflict:
            swept.kept.append(f"host {record.name}: being created")
