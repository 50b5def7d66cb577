"""Making a VM: a second create with the same spec is the same VM, and one that fails or is killed leaves nothing."""

from __future__ import annotations

import hashlib
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec

from mngr.journal import Held
from mngr.model.errors import Conflict, MngrError, NotFound
from mngr.vms import acceleration, files, forwards, gpus, inject, library, pools, remove, states
from mngr.vms import domain as xml
from mngr.vms.domain import Made
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.power import PortTaken, started
from mngr.vms.spec import BRIDGE, USER_NETWORK, VmSpec, check, check_user_data, differences

TRIES = 5
SYS_NET = Path("/sys/class/net")


def image_of(hypervisor: Hypervisor, spec: VmSpec) -> str:
    """Before an image is fetched: the one of the VM of that name, if that is there and was made of the same address; else "",
    and then nothing that can be known without the image is in the way. Raises what `create` does."""
    hypervisor.check_local()
    files.check_folder(hypervisor.folder)
    check(spec)
    if (there := hypervisor.find(spec.name)) is None:
        check_network(hypervisor, spec)
        gpus.check(hypervisor, spec)
        pools.folder(hypervisor, spec)
        return ""
    was = spec_of(there, spec.name)
    same(was, msgspec.structs.replace(spec, image=was.image))
    return was.image if was.image_url else ""


def create(
    hypervisor: Hypervisor,
    spec: VmSpec,
    user_data: bytes = b"",
    wait_s: float = 0,
    notes: Mapping[str, object] | None = None,
    held: Held | None = None,
) -> bool:
    """Makes a VM and starts it; returns once QEMU runs. False if it was there with this spec: then it is only started.
    `notes`: what a new one has from its first moment on (see notes.py). `held`: by who holds the name
    already (`remove.hold`), and goes on doing so.

    Raises InvalidInput, NotFound (its network), Conflict (a VM of that name with another spec, or of somebody else's; another
    mngr at work on it; with `wait_s` that is waited for so many seconds, and then Unreachable), MngrError. Whatever it raises, nothing is left, or left to the next look (`remove.sweep`).
    """
    hypervisor.check_local()
    files.check_folder(hypervisor.folder)
    digest = hashlib.sha256(check_user_data(user_data)).hexdigest() if user_data else ""
    spec = check(msgspec.structs.replace(spec, user_data_sha256=digest))
    with nullcontext(held) if held else remove.hold(hypervisor, spec.name, wait_s) as held:
        remove.finish(hypervisor, held, spec.name)
        if (there := hypervisor.find(spec.name)) is not None:
            same(spec_of(there, spec.name), spec)
            if states.of(there) in states.OFF:
                inject.settle(hypervisor, there)
                started(hypervisor, there, there.create)
            return False
        image_format = files.check_image(spec)
        check_network(hypervisor, spec)
        gpus.check(hypervisor, spec)
        pools.folder(hypervisor, spec)
        for left in reversed(range(TRIES)):
            try:
                _make(hypervisor, held, spec, image_format, user_data, notes or {})
                break
            except PortTaken:  # between our look and QEMU's start
                if not left:
                    raise
    return True


def spec_of(there: Any, name: str) -> VmSpec:
    """What that VM was made of. Raises Conflict if it isn't mngr's."""
    with library.doing(f"read VM {name}"):
        was = xml.read(there.XMLDesc()).spec
    if was is None:
        raise Conflict(f"there is a VM {name} that mngr didn't make", hint="give yours another name")
    return was


def same(was: VmSpec, spec: VmSpec) -> None:
    """Raises Conflict if that is another VM."""
    if other := differences(was, spec):
        raise Conflict(
            f"VM {spec.name} is there with another spec: {'; '.join(other)}",
            hint=f"give yours another name, or remove that one first: `mngr vm delete {spec.name}`",
        )


def _make(
    hypervisor: Hypervisor,
    held: Held,
    spec: VmSpec,
    image_format: str,
    user_data: bytes,
    notes: Mapping[str, object],
) -> None:
    id = str(uuid.uuid4())
    probe = acceleration.choose(hypervisor)
    there = files.files_of(pools.folder(hypervisor, spec), spec.name, id)
    address, port = forwards.place(hypervisor, spec)
    made = Made(
        id, str(there.disk), str(there.seed), probe.accel, probe.reason, port, address, hypervisor.clock.now(), notes, gpus.beside(hypervisor, spec)
    )  # fmt: skip
    text = xml.write(spec, made)
    remove.begin(hypervisor, held, remove.CREATE, spec.name, id, spec.image)
    try:
        files.make(there, spec, id, image_format, user_data)
        with library.doing(f"make VM {spec.name}"):
            domain = hypervisor.conn.defineXML(text)
            if spec.autostart:
                domain.setAutostart(1)
        started(hypervisor, domain, domain.create)
    except BaseException as failure:
        take_back(hypervisor, held, spec.name, id, failure)
        raise
    held.done()
    hypervisor.refresh_pool(spec.pool)


def take_back(hypervisor: Hypervisor, held: Held, name: str, id: str, failure: BaseException) -> None:
    """What can't be taken back now is told beside the failure, and stays in the journal for the next look."""
    try:
        remove.take_away(hypervisor, name, id)
        held.done()
    except (MngrError, OSError) as problem:
        if isinstance(failure, MngrError):
            left = f"what was made couldn't be removed ({problem}); the next `mngr vm list` tries again"
            failure.details = f"{failure.details}\n{left}".strip()


def check_memory(hypervisor: Hypervisor, spec: VmSpec) -> None:
    """Raises Conflict for more than the computer has."""
    with library.doing("ask how much memory there is"):
        most = hypervisor.conn.getInfo()[1]
    if spec.memory_mib > most:
        raise Conflict(
            f"{spec.memory_mib} MiB of memory are more than the VMs' computer has, which is {most} MiB",
            hint="give it less",
        )


def check_network(hypervisor: Hypervisor, spec: VmSpec) -> None:
    """Raises NotFound or Conflict where the VM's network isn't to be had."""
    if spec.network == USER_NETWORK:
        return
    if spec.network.startswith(BRIDGE):
        return _check_bridge(hypervisor, spec.network.removeprefix(BRIDGE))
    try:
        with library.doing(f"find network {spec.network!r}"):
            network = hypervisor.conn.networkLookupByName(spec.network)
            active = network.isActive()
    except NotFound:
        raise NotFound(
            f"libvirt has no network {spec.network!r}",
            hint=f"`mngr vm network list` shows them; --network {USER_NETWORK} takes none of them",
        ) from None
    except MngrError as problem:
        problem.hint = f"--network {USER_NETWORK} takes none of libvirt's networks"
        raise
    if not active:
        raise Conflict(
            f"network {spec.network!r} isn't started",
            hint=f"`mngr vm network start {spec.network}`, or --network {USER_NETWORK}",
        )


def _check_bridge(hypervisor: Hypervisor, name: str) -> None:
    """libvirt's own look at this computer's network, as it may be in another namespace than we are; where it has none, ours."""
    libvirt = hypervisor.libvirt
    try:
        found = ET.fromstring(hypervisor.conn.interfaceLookupByName(name).XMLDesc()).get("type") == "bridge"
    except libvirt.libvirtError as error:
        if library.code(error) not in (libvirt.VIR_ERR_NO_INTERFACE, libvirt.VIR_ERR_NO_SUPPORT):
            raise library.told(error, f"look for bridge {name}") from None
        found = library.code(error) == libvirt.VIR_ERR_NO_SUPPORT and (SYS_NET / name / "bridge").is_dir()
    if not found:
        raise NotFound(f"this computer has no bridge {name!r}", hint="`ip link show type bridge` lists them")
