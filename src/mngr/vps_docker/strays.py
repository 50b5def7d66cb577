"""Machines that lost some of their tags: named, and where this computer knows whose they are, still its hosts.

Anyone with access to the account can take a tag off. A machine is looked at if it has any tag of ours, or is called as
ours are; what can't be placed is billed on, so `list` and `gc` say so.
"""

import hashlib
from collections.abc import Sequence
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
    """A machine with the tags that it `lost`, all the same."""

    lost: Sequence[str] = ()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A machine of ours. `lost`: tags that it should have and hasn't; of a `known` one they are in `machine` all the
    same, as this computer remembers them."""

    machine: Machine
    lost: dict[str, str] = {}
    known: bool = True


def find(rented: Rented) -> list[Found]:
    """All machines that are this instance's by any tag, or by their name. Raises Unreadable."""
    machines = rented.cloud.find_ours(lambda name, found: tags.is_ours(rented.name, name, found))
    remembered = {one.record.machine_id: one for one in rented.cache.all()}
    return [_found(rented, machine, remembered.get(machine.id)) for machine in machines]


def of_host(rented: Rented, host_id: str) -> Machine:
    """A machine by the id that `show` gives it, or its host's. Raises NotFound, Unreadable."""
    for one in find(rented):
        if one.lost and tags.read(one.machine.tags).host_id == host_id:
            return one.machine
    raise NotFound(f"{rented.name} has no host {host_id}", hint="`mngr list` shows the hosts there are")


def _found(rented: Rented, machine: Machine, seen: Remembered | None) -> Found:
    owner = tags.read(machine.tags)
    if owner.provider == rented.name and owner.host_id:
        return Found(machine=machine)
    if seen is not None and still_is(rented, machine, seen):
        lost = tags.of_host(rented.name, seen.record)  # its id may be there, and be none
        lost = {key: value for key, value in lost.items() if key not in machine.tags or key == tags.HOST_ID}
        return Found(machine=with_tags(machine, lost), lost=lost)
    lost = {tags.PROVIDER: rented.name, tags.HOST_ID: owner.host_id or _made_up_id(rented, machine)}
    return Found(machine=with_tags(machine, lost), lost=lost, known=False)


def still_is(rented: Rented, machine: Machine, seen: Remembered) -> bool:
    """Whether a machine without its host's id is the one on which that host was seen.

    Where machines outlive their hosts, one that was given back has lost tags, too: only `mngr-ready` tells them apart.
    """
    owner = tags.read(machine.tags)
    if owner.host_id not in ("", seen.record.id) or owner.host_name not in ("", seen.record.name):
        return False
    key = seen.record.machine_key
    if owner.host_keys and key and " ".join(key.split()[:2]) not in owner.host_keys:
        return False
    return owner.ready or not rented.cloud.caps.outlives_release


def with_tags(machine: Machine, lost: dict[str, str]) -> Stray:
    facts: dict[str, Any] = {**msgspec.structs.asdict(machine), "tags": {**machine.tags, **lost}}
    return Stray(**facts, lost=tuple(lost))


def claim(rented: Rented, machine: Machine) -> None:
    """Puts back what such a machine lost, so that its release finds it by its tags. Repeatable."""
    if isinstance(machine, Stray):
        rented.cloud.tag(machine.id, {key: machine.tags[key] for key in machine.lost})


def show(rented: Rented, machine: Machine, lost: Sequence[str]) -> HostView:
    """A machine that nobody here can place."""
    owner = tags.read(machine.tags)
    record = HostRecord(
        id=owner.host_id, name=name_of(machine), provider=rented.name, backend=rented.backend,
        builder=owner.builder, plan=machine.plan, region=machine.region, machine_id=machine.id,
    )  # fmt: skip
    return views.priced(
        rented,
        machine,
        HostView(record=record, state="failed", problem=why(machine, lost), agents_known=False),
    )


def why(machine: Machine, lost: Sequence[str]) -> str:
    """What is wrong with it, and the command that ends it."""
    gone = " and ".join(lost)
    return (
        f"it is billed and has no tag {gone}, so whose it is isn't known here (another computer's host, perhaps); "
        f"`mngr destroy @{name_of(machine)} --unknown-agents` ends it"
    )


def put_back(lost: Sequence[str]) -> str:
    """What is said of a host whose machine lost tags."""
    return f"its machine lost the tags {', '.join(lost)}; `mngr gc` puts them back"


def name_of(machine: Machine) -> str:
    """How a machine without a host is addressed: its own name, which holds the host's."""
    return machine.name if is_name(machine.name) else tags.read(machine.tags).host_id


def _made_up_id(rented: Rented, machine: Machine) -> str:
    """A host id for a machine without one, the same at every look."""
    return "host-" + hashlib.sha256(f"{rented.name} {machine.id}".encode()).hexdigest()[:16]
