"""Hosts whose records are gone with the state volume, while their containers are there."""

from mngr.backends.docker.daemon import Daemon, is_unfinished
from mngr.backends.docker.making import ADDRESS
from mngr.containers import lost_record
from mngr.containers.lost_record import Known
from mngr.containers.survey import Seen, Stored, host_view
from mngr.model.errors import MngrError
from mngr.model.records import HostRecord
from mngr.model.views import HostView


def known(daemon: Daemon, seen: Seen) -> Known | None:
    """What a container without a record knows of its host; None if no agent ever came to it, so that it is the rest of a
    create. Raises MngrError where that can't be told."""
    if seen.state == "created" or (seen.facts is not None and not (seen.facts.agents or seen.facts.problems)):
        return None
    template = HostRecord(
        id=seen.host_id, name=seen.host_name, provider=daemon.name, backend=daemon.backend, address=ADDRESS,
        handle={"container": seen.name},
    )  # fmt: skip
    found = lost_record.read(daemon.docker, seen, template)
    return found if found.agents else None


def view(daemon: Daemon, seen: Seen) -> HostView | None:
    """Such a host as it is now; None if it isn't one."""
    try:
        found = known(daemon, seen)
    except MngrError as error:
        record = HostRecord(
            id=seen.host_id, name=seen.host_name, provider=daemon.name, backend=daemon.backend, builder=seen.laptop,
            image=seen.image, host_dir=seen.host_dir,
        )  # fmt: skip
        why = f"it has no record, and whether it holds agents can't be told: {error.message}"
        return HostView(record=record, state="failed", problem=why, agents_known=False)
    if found is None:
        return None
    stored = Stored(hosts={seen.host_id: found.record}, agents={seen.host_id: found.agents})
    view = host_view(found.record, seen, stored)
    gone = "its record is gone from the state volume: a stop, a start or `mngr gc` writes it anew"
    view.problem = "; ".join(filter(None, [gone, view.problem]))
    return view


def restore(daemon: Daemon, host_id: str) -> HostRecord | None:
    """Writes the record of such a host anew, and those of its agents; None if it isn't one. Raises MngrError."""
    survey = daemon.store.survey(host_id, probe=False)
    seen = survey.containers.get(host_id)
    if host_id in survey.stored.hosts:
        return survey.stored.hosts[host_id]
    if seen is None or host_id in survey.stored.removed or not is_unfinished(host_id, survey):
        return None
    found = known(daemon, seen)
    return lost_record.write(daemon.store, found) if found else None
