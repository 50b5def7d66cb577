"""A host whose spot machine its cloud took away: its row stays, with its agents, until a person destroys it.

What this computer remembers of it is all that is left, so that is kept; when it was taken is asked until it is known.
"""

import msgspec

from mngr.model.clock import iso
from mngr.model.errors import MngrError, NotFound
from mngr.model.states import HostState
from mngr.model.views import HostView, IdleView
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.views import as_stopped
from mngr.vps_docker.vps_client import Machine


def look(rented: Rented, seen: Remembered) -> HostView | None:
    """The row of a host with a spot machine that its cloud doesn't list. None if it was destroyed elsewhere, or is there.

    While the cloud's log doesn't say (yet) how it went, it is taken for evicted. Never raises MngrError."""
    record = seen.record
    at = seen.evicted_at
    if at is None:
        try:
            if not in_part(rented.get(record.machine_id)):
                return None
        except NotFound:
            pass
        except MngrError as error:
            return _row(
                seen, f"its machine isn't listed, and can't be looked at: {error.message}", "unreachable"
            )
        how = rented.cloud.ended(record.machine_id, gone=True)
        if how is not None and how.by != "cloud":
            return None
        if how is None:
            return _row(
                seen,
                f"its spot machine is gone: {rented.title} took it back, it seems, and doesn't say when (yet)",
            )
        at = how.at
        rented.cache.change(record.id, lambda one: msgspec.structs.replace(one, evicted_at=at))
    view = _row(seen, f"{rented.title} took its spot machine back at {iso(at)}, and what was on it is lost")
    view.stopped_at = at
    return view


def in_part(machine: Machine) -> bool:
    """Whether only something that was made for a machine is there, such as its address: that has no plan."""
    return machine.state == "failed" and not machine.plan


def _row(seen: Remembered, problem: str, state: HostState = "evicted") -> HostView:
    record = seen.record
    view = HostView(record=record, state=state, agents=as_stopped(seen.agents, seen), spot=True)
    view.problem = f"{problem}; last seen on {iso(seen.at)}"
    if state == "evicted":
        view.problem += f"; `mngr destroy @{record.name}` takes this row away"
        view.idle = IdleView(mode=record.idle.mode, timeout_s=record.idle.timeout_s, stop_cause="evicted")
    return view
