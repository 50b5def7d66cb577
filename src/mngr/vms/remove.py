"""Removing a VM with all that it has, and what killed creates and deletes have left.

An intent is on disk, beside the VMs' files, from before the first step until after the last one; whoever looks next finds it
and finishes. Only the VM of the intent's UUID is touched, and files that carry it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mngr.journal import Held, Intent
from mngr.model.errors import OF_THE_DISK, Conflict, MngrError, Unreachable
from mngr.model.names import is_name
from mngr.model.waiting import looks
from mngr.vms import domain as xml
from mngr.vms import files, library, states
from mngr.vms.hypervisor import Hypervisor

PROVIDER = "vm"
CREATE, DELETE = "create", "delete"


@dataclass(frozen=True)
class Leftover:
    """What was found of a killed `verb` of VM `name`. `problem` says why it couldn't be removed; empty if it was."""

    name: str
    verb: str
    problem: str = ""


def begin(hypervisor: Hypervisor, held: Held, verb: str, name: str, uuid: str, image: str = "") -> None:
    """Puts on disk what is about to be done. `image`: what the VM's disk is to be laid over.
    Of a delete it says what the VM's files are, too, as only libvirt may know that, until it has forgotten the VM."""
    stem = str(hypervisor.files(name, uuid).stem) if verb == DELETE else ""
    plan = {"uuid": uuid, "uri": hypervisor.uri, "image": image, "stem": stem}
    held.write(Intent(provider=PROVIDER, subject=name, kind=verb, at=hypervisor.clock.now(), plan=plan))


def delete(hypervisor: Hypervisor, name: str) -> None:
    """Removes a VM with disk, seed, snapshots' metadata and firmware variables, whatever state it is in; it isn't shut down
    first. Raises NotFound; Conflict if mngr didn't make it, or another mngr is at work on it."""
    hypervisor.check_local()
    if not is_pending(hypervisor, name) and not is_busy(hypervisor, name):
        check_ours(hypervisor, name)
    with hold(hypervisor, name) as held:
        if finish(hypervisor, held, name) and hypervisor.find(name) is None:
            return
        uuid = check_ours(hypervisor, name)
        try:
            begin(hypervisor, held, DELETE, name, uuid)
        except OSError as problem:
            if problem.errno not in OF_THE_DISK:
                raise
            _without_intent(hypervisor, name, uuid)
        take_away(hypervisor, name, uuid)
        held.done()


def _without_intent(hypervisor: Hypervisor, name: str, uuid: str) -> None:
    """On a full disk a VM's files go first, which makes room: libvirt knows the VM to its end, and a delete may be repeated."""
    there = hypervisor.files(name, uuid)
    if (domain := hypervisor.find_by_uuid(uuid)) is not None:
        _end(hypervisor, domain, name)
    there.remove()


def is_pending(hypervisor: Hypervisor, name: str) -> bool:
    """Whether something is left of a VM of that name that was being made or removed."""
    return any(one.subject == name for one in hypervisor.journal.entries(PROVIDER))


def is_busy(hypervisor: Hypervisor, name: str) -> bool:
    """Whether somebody is at work on a VM of that name, also where nothing of it is there yet."""
    return hypervisor.journal.is_busy(PROVIDER, name)


def check_ours(hypervisor: Hypervisor, name: str) -> str:
    """The UUID of a VM that mngr has made. Raises NotFound or Conflict, as `delete` does."""
    domain = hypervisor.get(name)
    with library.doing(f"read VM {name}"):
        facts = xml.read(domain.XMLDesc())
    if facts.spec is None or not is_name(name):
        raise Conflict(
            f"VM {name!r} wasn't made by mngr, so its disks may be somebody's",
            hint="`virsh undefine` removes it, after `virsh destroy`",
        )
    return facts.uuid


def clear(hypervisor: Hypervisor, name: str) -> None:
    """Takes away what a killed create or delete of a VM of that name has left, if nobody is at work on it. Repeatable."""
    for entry in hypervisor.journal.entries(PROVIDER):
        if entry.subject == name and not entry.busy:
            with suppress(Conflict), hold(hypervisor, name) as held:
                finish(hypervisor, held, name)


def hold(hypervisor: Hypervisor, name: str, wait_s: float = 0) -> Held:
    """The journal's place of a VM of that name, for a `with`. Raises Conflict, at once, if somebody is at work on it; with
    `wait_s` Unreachable, after so many seconds; as `check_ours` does if mngr makes none of that name."""
    if not is_name(name):
        check_ours(hypervisor, name)
    files.make_folder(hypervisor.folder)
    if not wait_s:
        return hypervisor.journal.hold(PROVIDER, name)
    for _ in looks(hypervisor.clock, wait_s):
        with suppress(Conflict):
            return hypervisor.journal.hold(PROVIDER, name)
    raise Unreachable(
        f"VM {name} has been made or removed by somebody else for more than {wait_s:g} s",
        hint="ask again when that has come to its end",
    )


def finish(hypervisor: Hypervisor, held: Held, name: str) -> Leftover | None:
    """Takes away what an intent of that name says, if there is one from a process that died. Repeatable."""
    intent = held.intent
    if intent is None:
        return None
    uuid, uri = str(intent.plan.get("uuid", "")), str(intent.plan.get("uri", ""))
    if daemon(uri) != daemon(hypervisor.uri):
        raise Conflict(
            f"a killed {intent.kind} of VM {name} on {uri} isn't cleared away yet",
            hint=f"`LIBVIRT_URI={uri} mngr vm list` does that",
        )
    take_away(hypervisor, name, uuid, str(intent.plan.get("stem", "")))
    held.done()
    return Leftover(name, intent.kind)


def sweep(hypervisor: Hypervisor) -> list[Leftover]:
    """Finishes what killed creates and deletes have left on this libvirt; those at work are let be. Repeatable."""
    found = []
    for entry in hypervisor.journal.entries(PROVIDER):
        if entry.busy:
            continue
        verb = entry.intent.kind if entry.intent else "?"
        try:
            with hold(hypervisor, entry.subject) as held:
                if left := finish(hypervisor, held, entry.subject):
                    found.append(left)
        except Conflict:
            continue  # it is another libvirt's, or somebody is at work on it by now
        except (MngrError, OSError) as problem:
            found.append(Leftover(entry.subject, verb, str(problem)))
    hypervisor.journal.tidy()
    return found


def take_away(hypervisor: Hypervisor, name: str, uuid: str, stem: str = "") -> None:
    """Ends the VM, has libvirt forget it, and removes its files, also those that begin with `stem`. Repeatable."""
    if len(uuid) != 36:
        raise MngrError(
            f"the intent of VM {name} has no UUID",
            hint="nothing was done; look at the journal beside its disk",
        )
    libvirt = hypervisor.libvirt
    there = hypervisor.files(name, uuid)
    if (domain := hypervisor.find_by_uuid(uuid)) is not None:
        _end(hypervisor, domain, name)
    # One that wasn't persistent is gone with its end.
    if (domain := hypervisor.find_by_uuid(uuid)) is not None:
        flags = (
            libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
        )
        with library.doing(f"remove VM {name}"):
            domain.undefineFlags(flags)
    there.remove()
    if stem:
        files.Files(Path(stem)).remove()
    hypervisor.refresh_pool()


def daemon(uri: str) -> str:
    """A URI of the same libvirtd: root has but one, and libvirt takes its session for the system."""
    return "qemu:///system" if uri == "qemu:///session" and os.geteuid() == 0 else uri


def _end(hypervisor: Hypervisor, domain: object, name: str) -> None:
    """Pulls the plug, if it isn't off. It may go off by itself just then."""
    libvirt = hypervisor.libvirt
    if states.of(domain) == states.STOPPED:
        return
    try:
        domain.destroy()  # type: ignore[attr-defined]
    except libvirt.libvirtError as error:
        if library.code(error) not in (libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_DOMAIN):
            raise library.told(error, f"end VM {name}") from None
