"""For how long a machine was off so far, where that saves money: kept in a tag by who starts it, so that every computer can tell,
also while it is off.

The tag is written before the start, and says of which stop it is: a start that was killed, and is repeated, counts once.
"""

import contextlib
import re
from collections.abc import Mapping

from mngr.model.errors import MngrError
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine

#: `BEFORE:SINCE:UNTIL`: the seconds of former stops, and the last stop's begin and end (epoch s).
TAG = "mngr-off"
_FORM = re.compile(r"(\d{1,12}):(\d{1,12}):(\d{1,12})")


def seconds(tags: Mapping[str, str], off_since: float | None, now: float) -> float:
    """For how long it was off so far, as far as that is known. `off_since`: of a machine that is off; in the tag may be a start
    that failed since, which counts for nothing."""
    before, since, until = _read(tags)
    if off_since is None:
        return before + until - since
    return before + until - since + max(0.0, now - max(until, off_since))


def note(rented: Rented, machine: Machine) -> None:
    """Notes that a machine that is off now was so until now. Where its cloud doesn't say since when, nothing is noted: what that
    saved isn't told then. Raises nothing."""
    if not rented.cloud.caps.stop_saves:
        return
    how = rented.cloud.ended(machine.id)
    if how is None:
        return
    before, since, until = _read(machine.tags)
    began = int(how.at)
    if began != since:
        before, since = before + until - since, max(began, until)
    with contextlib.suppress(MngrError):
        now = max(since, int(rented.cloud.now()))
        rented.cloud.tag(machine.id, {TAG: f"{before}:{since}:{now}"})


def _read(tags: Mapping[str, str]) -> tuple[int, int, int]:
    found = _FORM.fullmatch(tags.get(TAG, ""))
    before, since, until = (int(one) for one in found.groups()) if found else (0, 0, 0)
    return (before, since, until) if since <= until else (0, 0, 0)
