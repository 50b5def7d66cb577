"""VMs as machines that somebody keeps hosts on: with tags and agents' records, which are notes on them (notes.py), kept in
libvirt; and how they went off."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from xml.sax.saxutils import escape

import msgspec

from mngr.model.errors import Conflict, NotFound
from mngr.qemu import img
from mngr.vms import addresses, ended, files, inject, library, notes, power, remove, states
from mngr.vms import domain as xml
from mngr.vms.hypervisor import Hypervisor

TAGS, AGENTS = "tags", "agents"
#: Of one VM. Both notes together stay under the 4 MiB that a text may have in libvirt's protocol.
MOST_TAGS, MOST_AGENTS, MOST_BYTES = 256, 4096, 1024**2


T = TypeVar("T", dict[str, Any], list[dict[str, Any]])


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """`ours`: mngr made it; else its sizes are 0. `address` and `ssh_port`: "" and 0 where none is known; a forwarded one stays
    while the VM is off. `agents`: as they were put there, None unless these are all. `off_at`, `off_by` (itself, person): of one
    that is off, where that can be told. Times in seconds since the epoch."""

    name: str
    state: str
    address: str = ""
    ssh_port: int = 0
    ours: bool = False
    memory_mib: int = 0
    vcpus: int = 0
    disk_gib: int = 0
    tags: dict[str, str] = {}
    agents: list[dict[str, Any]] | None = None
    made_at: float | None = None
    off_at: float | None = None
    off_by: str = ""


def all_(hypervisor: Hypervisor) -> list[Guest]:
    """The oldest first. Raises MngrError."""
    with library.doing("list all VMs"):
        domains = hypervisor.conn.listAllDomains()
    found = []
    for domain in domains:
        with suppress(NotFound):  # it went meanwhile
            found.append(of(hypervisor, domain))
    return sorted(found, key=lambda one: (one.made_at or 0, one.name))


def get(hypervisor: Hypervisor, name: str) -> Guest:
    """Raises NotFound, MngrError."""
    return of(hypervisor, hypervisor.get(name))


def of(hypervisor: Hypervisor, domain: Any) -> Guest:
    with library.doing(f"read VM {domain.name()}"):
        text = domain.XMLDesc()
        number, reason = domain.state()
    facts, state = xml.read(text), states.named(number)
    found = addresses.Address(facts.address, facts.port)
    if not facts.address:
        found = addresses.find(hypervisor, domain, facts, state)
    spec = facts.spec
    off_at, off_by = (
        ended.how(hypervisor, domain, (number, reason), text, facts.disks) if spec else (None, "")
    )
    return Guest(
        name=facts.name, state=state, address=found.ip, ssh_port=found.ssh_port, ours=spec is not None,
        memory_mib=spec.memory_mib if spec else 0, vcpus=spec.vcpus if spec else 0, disk_gib=spec.disk_gib if spec else 0,
        tags=read_tags(notes.read(text, TAGS)), agents=read_agents(notes.read(text, AGENTS)), made_at=facts.made_at,
        off_at=off_at, off_by=off_by,
    )  # fmt: skip


def tag(hypervisor: Hypervisor, name: str, put: Mapping[str, str], drop: Sequence[str] = ()) -> None:
    """Sets some tags and removes others; what else is there stays. Repeatable. Raises NotFound; Conflict if
    they become too many; MngrError."""

    def changed(was: Any) -> dict[str, Any]:
        found = was if isinstance(was, dict) else {}
        return check_tags({**{key: value for key, value in found.items() if key not in drop}, **put})

    notes.change(hypervisor, hypervisor.get(name), TAGS, changed)


def keep_agents(
    hypervisor: Hypervisor,
    name: str,
    put: Sequence[dict[str, Any]],
    drop: Sequence[str],
    if_lost: Sequence[dict[str, Any]] = (),
) -> None:
    """Puts some records, each with its `id`, and drops others by id. `if_lost`: all that there are, where the note is gone or
    damaged. Repeatable. Raises NotFound; Conflict if they become too many; MngrError."""

    def changed(was: Any) -> list[dict[str, Any]]:
        there = read_agents(was)
        by_id = {one["id"]: one for one in [*(if_lost if there is None else there), *put]}
        return _fitting([one for id, one in by_id.items() if id not in drop], MOST_AGENTS, "agents' records")

    notes.change(hypervisor, hypervisor.get(name), AGENTS, changed)


def check_tags(tags: dict[str, Any]) -> dict[str, Any]:
    """`tags` themselves. Raises Conflict if a VM can't have so many."""
    return _fitting(tags, MOST_TAGS, "tags")


def switch(hypervisor: Hypervisor, name: str, on: bool, limit_s: float) -> None:
    """On, or off: a guest that hasn't shut down within the limit has its plug pulled. Repeatable. Raises as `power` does."""
    domain = hypervisor.get(name)
    if on:
        notes.change(hypervisor, domain, ended.STOPPED, lambda was: None)
        power.start(hypervisor, name)
    elif states.of(domain) not in states.OFF:
        now = hypervisor.clock.now()
        notes.change(hypervisor, domain, ended.STOPPED, lambda was: now)
        power.stop(hypervisor, name, limit_s, force=True)


def blank_user_data(hypervisor: Hypervisor, name: str, wait_s: float) -> None:
    """Its next start sees a seed with the same instance id and no user data: cloud-init does nothing then. Repeatable."""
    with remove.hold(hypervisor, name, wait_s):
        domain = hypervisor.get(name)
        with library.doing(f"read VM {name}"):
            facts = xml.read(domain.XMLDesc())
        if facts.spec is not None:
            try:
                files.write_seed(hypervisor.files(name, facts.uuid), facts.spec, facts.uuid)
            except img.QemuError as problem:
                raise problem.as_ours(f"can't write another seed for VM {name}") from None
            inject.settle(hypervisor, domain)


def read_tags(note: Any) -> dict[str, str]:
    """What isn't text wasn't written by us."""
    found = note if isinstance(note, dict) else {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def read_agents(note: Any) -> list[dict[str, Any]] | None:
    if not isinstance(note, list):
        return None
    return note if all(isinstance(one, dict) and isinstance(one.get("id"), str) for one in note) else None


def _fitting(found: T, most: int, what: str) -> T:
    size = len(escape(json.dumps(found)))
    if len(found) > most or size > MOST_BYTES:
        raise Conflict(
            f"{len(found)} {what} of {size} bytes are too many for a VM",
            hint=f"at most {most} of {MOST_BYTES} bytes; drop some",
        )
    return found
