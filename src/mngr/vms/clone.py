"""A VM made of another one that is off: with the same disk's content, and an identity of its own.

The clone's disk is laid over the same image as the source's, and has a copy of what the source wrote, so the source may be deleted.
Its instance id is new: at its first boot cloud-init takes it for a new machine, and makes new host keys, sets its hostname and
puts the keys in again. The source's user data isn't in its seed, as what that does was done on this disk already.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from mngr.journal import Held
from mngr.model.errors import Conflict
from mngr.model.names import check_name
from mngr.qemu import img
from mngr.vms import acceleration, create, files, forwards, gpus, inject, library, pools, remove, states
from mngr.vms import domain as xml
from mngr.vms.domain import Made
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec, check

COPY_LIMIT_S = 3600.0


def clone(hypervisor: Hypervisor, source: str, name: str, wait_s: float = 0) -> bool:
    """Makes VM `name` of VM `source`, without that one's snapshots and autostart; it isn't started. False if it was there, as
    this source would be cloned now.

    Raises NotFound, InvalidInput; Conflict (the source runs or isn't mngr's, another VM has that name, another mngr is at work
    on one of them; `wait_s` as in `create`). Whatever it raises, nothing is left, or left to the next look.
    """
    hypervisor.check_local()
    check_name(name, "VM name")
    if name == source:
        raise Conflict(f"VM {source} can't be a clone of itself", hint="give the clone another name")
    hypervisor.get(source)
    with ExitStack() as stack:
        held = {
            one: stack.enter_context(remove.hold(hypervisor, one, wait_s)) for one in sorted((source, name))
        }
        for one, place in held.items():
            remove.finish(hypervisor, place, one)
        domain = hypervisor.get(source)
        spec = check(_spec(domain, source, name))
        if (there := hypervisor.find(name)) is not None:
            create.same(create.spec_of(there, name), spec)
            return False
        _check_off(domain, source)
        _make(hypervisor, held[name], domain, source, spec)
    return True


def _spec(domain: Any, source: str, name: str) -> VmSpec:
    was = create.spec_of(domain, source)
    return msgspec.structs.replace(
        was, name=name, autostart=False, user_data_sha256="", cloned_from=domain.UUIDString()
    )


def _check_off(domain: Any, source: str) -> None:
    if (state := states.of(domain)) not in states.OFF:
        raise Conflict(
            f"VM {source} is {state}, and its disk changes",
            hint=f"`mngr vm stop {source}` first; it may be started again once the clone is there",
        )
    states.check_not_saved(domain)


def _make(hypervisor: Hypervisor, held: Held, domain: Any, source: str, spec: VmSpec) -> None:
    id = str(uuid.uuid4())
    probe = acceleration.choose(hypervisor)
    there = files.files_of(pools.folder(hypervisor, spec), spec.name, id)
    disk = hypervisor.disk(domain)
    address, port = forwards.place(hypervisor, spec)
    made = Made(
        id, str(there.disk), str(there.seed), probe.accel, probe.reason, port, address, hypervisor.clock.now(), devices=gpus.beside(hypervisor, spec)
    )  # fmt: skip
    text = xml.write(spec, made)
    remove.begin(hypervisor, held, remove.CREATE, spec.name, id, spec.image)
    try:
        before = _written(disk)
        _copy(disk, there.disk, source)
        _check_off(domain, source)
        if _written(disk) != before:
            raise Conflict(f"VM {source} ran while it was copied", hint="stop it, and run this again")
        with _files(source, there.disk):
            files.write_seed(there, spec, id)
        with library.doing(f"make VM {spec.name}"):
            made_of = hypervisor.conn.defineXML(text)
        inject.carry_along(hypervisor, domain, made_of)
    except BaseException as failure:
        create.take_back(hypervisor, held, spec.name, id, failure)
        raise
    held.done()
    hypervisor.refresh_pool(spec.pool)


def _copy(disk: Path, to: Path, source: str) -> None:
    """What that disk has beside its image, without snapshots. Raises MngrError."""
    with _files(source, to):
        over = img.head(disk).outside
        base = ["-B", over[0], "-F", img.head(Path(over[0])).format] if over else []
        to.touch(mode=0o600)
        img.run(
            "convert", "-q", "-f", "qcow2", "-O", "qcow2", *base, str(disk), str(to), limit_s=COPY_LIMIT_S
        )


@contextmanager
def _files(source: str, disk: Path) -> Iterator[None]:
    try:
        yield
    except img.QemuError as problem:
        raise problem.as_ours(
            f"can't make the files of a clone of VM {source}", f"is there room in {disk.parent}?"
        ) from None


def _written(disk: Path) -> tuple[int, int]:
    try:
        facts = os.stat(disk)
    except OSError as problem:
        raise Conflict(f"disk {disk} can't be read: {problem.strerror}") from None
    return facts.st_mtime_ns, facts.st_size
