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


def seconds(tags: Mapping[str, str]) -> float:
    """How long it was off before it was last started; 0 where that isn't known."""
    before, since, until = _read(tags)
    return before + until - since


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
