"""What networks and storage pools have in common: libvirt defines, starts and autostarts them, and a killed create of one leaves
nothing once somebody looks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mngr.journal import Held, Intent
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound
from mngr.vms import library
from mngr.vms import remove as removing
from mngr.vms.files import make_folder
from mngr.vms.hypervisor import Hypervisor


@dataclass(frozen=True)
class Kind:
    """`word`: for people; `verb`: of `mngr vm`, and whose the intents are; `calls`: how libvirt's calls for it begin; `missing`:
    libvirt's error where there is none of a name; `hint`: what to do then; `used`: names of those that VMs have; `begin`: starts
    libvirt's object."""

    word: str
    verb: str
    calls: str
    missing: int
    hint: str
    used: Callable[[Hypervisor], Collection[str]]
    begin: Callable[[Hypervisor, Any], object]


def get(hypervisor: Hypervisor, kind: Kind, name: str) -> Any:
    """libvirt's object. Raises NotFound."""
    if (found := find(hypervisor, kind, name)) is None:
        raise NotFound(f"libvirt has no {kind.word} {name!r}", hint=kind.hint)
    return found


def find(hypervisor: Hypervisor, kind: Kind, name: str, by: str = "Name") -> Any | None:
    """libvirt's object, or None if libvirt says that there is none. `by`: Name or UUIDString."""
    try:
        return getattr(hypervisor.conn, f"{kind.calls}LookupBy{by}")(name)
    except hypervisor.libvirt.libvirtError as error:
        if library.code(error) == kind.missing:
            return None
        raise library.told(error, f"look for {kind.word} {name}") from None


def start(hypervisor: Hypervisor, kind: Kind, name: str) -> bool:
    """False if it was started. Raises NotFound."""
    thing = get(hypervisor, kind, name)
    with library.doing(f"start {kind.word} {name}"):
        if thing.isActive():
            return False
        kind.begin(hypervisor, thing)
    return True


def remove(hypervisor: Hypervisor, kind: Kind, name: str) -> None:
    """Stops one, and has libvirt forget it. Repeatable until it is gone. Raises NotFound."""
    thing = get(hypervisor, kind, name)
    with library.doing(f"remove {kind.word} {name}"):
        end(hypervisor, thing)


def end(hypervisor: Hypervisor, thing: Any) -> None:
    if thing.isActive():
        thing.destroy()
    with suppress(hypervisor.libvirt.libvirtError):  # one that wasn't persistent is gone
        if thing.isPersistent():
            thing.undefine()


def is_autostarted(thing: Any) -> bool:
    return bool(thing.autostart()) if thing.isPersistent() else False


@contextmanager
def hold(hypervisor: Hypervisor, kind: Kind, name: str) -> Iterator[Held]:
    """One of that name is this process's to make, and nothing is left of a killed create. Raises NotSupported, Conflict."""
    hypervisor.check_local()
    make_folder(hypervisor.folder)
    with hypervisor.journal.hold(kind.verb, name) as held:
        finish(hypervisor, kind, held)
        yield held


def make(
    hypervisor: Hypervisor, kind: Kind, held: Held, name: str, autostart: bool, text: Callable[[str], str],
    folder: Path | None = None,
) -> None:  # fmt: skip
    """Defines and starts the one that is held; what fails is taken away again. `text`: its XML, given a UUID; `folder`: made first."""
    id = str(uuid.uuid4())
    made = str(folder) if folder and not folder.exists() else ""
    plan = {"uuid": id, "uri": hypervisor.uri, "autostart": autostart, "path": made}
    held.write(Intent(provider=kind.verb, subject=name, kind="create", at=hypervisor.clock.now(), plan=plan))
    try:
        if folder:
            make_folder(folder)
        with library.doing(f"make {kind.word} {name}"):
            thing = getattr(hypervisor.conn, f"{kind.calls}DefineXML")(text(id))
            kind.begin(hypervisor, thing)
            thing.setAutostart(int(autostart))
    except BaseException as failure:
        with suppress(MngrError):
            finish(hypervisor, kind, held)
        if folder and isinstance(failure, OSError):
            raise InvalidInput(f"folder {folder} can't be made: {failure.strerror}") from None
        raise
    held.done()


def finish(hypervisor: Hypervisor, kind: Kind, held: Held) -> bool:
    """Takes away what that intent says; True if it did. What a VM has by now stays. Raises Conflict where it is another libvirt's."""
    if (intent := held.intent) is None:
        return False
    plan, uri = intent.plan, str(intent.plan.get("uri", ""))
    if removing.daemon(uri) != removing.daemon(hypervisor.uri):
        raise Conflict(
            f"a killed create of {kind.word} {intent.subject} on {uri} isn't cleared away yet",
            hint=f"`LIBVIRT_URI={uri} mngr vm {kind.verb} list` does that",
        )
    with library.doing("remove what a killed create left"):
        thing = find(hypervisor, kind, str(plan.get("uuid", "")), by="UUIDString")
        used = False
        if thing is not None and (used := thing.name() in kind.used(hypervisor)):
            thing.setAutostart(int(bool(plan.get("autostart", True))))
        elif thing is not None:
            end(hypervisor, thing)
    if not used and (made := str(plan.get("path", ""))):
        with suppress(OSError):  # it has something in it, or was never made
            Path(made).rmdir()
    held.done()
    return not used


def sweep(hypervisor: Hypervisor, kind: Kind) -> list[str]:
    """Takes away what killed creates have left; names of those. Repeatable."""
    found = []
    for entry in hypervisor.journal.entries(kind.verb):
        if not entry.busy:
            with suppress(Conflict), hypervisor.journal.hold(kind.verb, entry.subject) as held:
                if finish(hypervisor, kind, held):
                    found.append(entry.subject)
    return found
