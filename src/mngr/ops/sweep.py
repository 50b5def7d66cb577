"""The sweep over all provider instances: sets right what killed commands left. `mngr gc` runs it."""

from collections.abc import Sequence

from mngr.model.errors import MngrError
from mngr.ops.context import Mngr
from mngr.providers.contract import Swept


def sweep(mngr: Mngr, providers: Sequence[str] = (), *, dry_run: bool = False) -> dict[str, Swept]:
    """Sweeps each provider instance by itself: one that can't be read is reported and skipped."""
    done: dict[str, Swept] = {}
    for name in list(providers) or mngr.active():
        try:
            done[name] = mngr.provider(name).sweep(dry_run=dry_run)
        except MngrError as error:
            done[name] = Swept(errors=[error.message])
    return done
