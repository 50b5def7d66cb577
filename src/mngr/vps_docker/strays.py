"""Machines that lost some of their tags: named, and where this computer knows whose they are, still its hosts.

Anyone with access to the account can take a tag off. A machine is looked at if it has any tag of ours, or is called as
ours are; what can't be placed is billed on, so `list` and `gc` say so.
"""

import hashlib
from typing import Any

import msgspec

from mngr.model.errors import NotFound
from mngr.model.names import is_name
from mngr.model.records import HostRecord
from mngr.model.views import HostView
from mngr.vps_docker import tags, views
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine


class Stray(Machine, frozen=True, kw_only=True):
    """A machine of ours with the tags that it `lost`, all the same: of a `known` one, as this computer remembers them."""

    lost: dict[str, str]
    known: bool


def find(rented: Rented) -> list[Machine]:
    """All machines that are this instance's by any tag, or by their name. Raises Unreadable."""
    machines = rented.cloud.find_ours(lambda name, found: tags.is_ours(rented.name, name, found))
    remembered = {one.record.machine_id: one for one in rented.cache.all()}
    return [_found(rented, machine, remembered.get(machine.id)) for machine in machines]


def of_host(rented: Rented, host_id: str) -> Machine:
    """A machine by the id that `show` gives it, or its host's. Raises NotFound, Unreadable."""
    for one in find(rented):
        if isinstance(one, Stray) and one.owner.host_id == host_id:
            return one
    raise NotFound(f"{rented.name} has no host {host_id}", hint="`mngr list` shows the hosts there are")


def _found(rented: Rented, machine: Machine, seen: Remembered | None) -> Machine:
    owner = machine.owner
    if owner.provider == rented.name and owner.host_id:
        return machine
    known = seen is not None and still_is(rented, machine, seen)
    if seen is not None and known:
        lost = tags.of_host(rented.name, seen.record)  # its id may be there, and be none
        lost = {key: value for key, value in lost.items() if key not in machine.tags or key == tags.HOST_ID}
    else:
        lost = {tags.PROVIDER: rented.name, tags.HOST_ID: owner.host_id or _made_up_id(rented, machine)}
    facts: dict[str, Any] = {**msgspec.structs.asdict(machine), "tags": {**machine.tags, **lost}}
    return Stray(**facts, lost=lost, known=known)


def still_is(rented: Rented, machine: Machine, seen: Remembered) -> bool:
    """Whether a machine without its host's id is the one on which that host was seen.

    Where machines outlive their hosts, one that was given back has lost tags, too: only `mngr-ready` tells them apart.
    """
    owner = machine.owner
    if owner.host_id not in ("", seen.record.id) or owner.host_name not in ("", seen.record.name):
        return False
    key = seen.record.machine_key
    if owner.host_keys and key and " ".join(key.split()[:2]) not in owner.host_keys:
        return False
    return owner.ready or not rented.cloud.caps.outlives_release


def claim(rented: Rented, machine: Machine) -> None:
    """Puts back what such a machine lost, so that its release finds it by its tags. Repeatable."""
    if isinstance(machine, Stray):
        rented.cloud.tag(machine.id, machine.lost)


def show(rented: Rented, machine: Stray) -> HostView:
    """A machine that nobody here can place."""
    owner = machine.owner
    record = HostRecord(
        id=owner.host_id, name=name_of(machine), provider=rented.name, backend=rented.backend,
        builder=owner.builder, plan=machine.plan, region=machine.region, machine_id=machine.id,
    )  # fmt: skip
    view = HostView(record=record, state="failed", problem=why(machine), agents_known=False)
    return views.priced(rented, machine, view)


def why(machine: Stray) -> str:
    """What is wrong with it, and the command that ends it."""
    return (
        f"it is billed and has no tag {' and '.join(machine.lost)}, so whose it is isn't known here (another computer's "
        f"host, perhaps); `mngr destroy @{name_of(machine)} --unknown-agents` ends it"
    )


def name_of(machine: Machine) -> str:
    """How a machine without a host is addressed: its own name, which holds the host's."""
    return machine.name if is_name(machine.name) else machine.owner.host_id


def _made_up_id(rented: Rented, machine: Machine) -> str:
    """A host id for a machine without one, the same at every look."""
    return "host-" + hashlib.sha256(f"{rented.name} {machine.id}".encode()).hexdigest()[:16]
