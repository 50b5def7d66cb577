"""Notes on a VM, kept in libvirt with it: each is JSON, in an element of a namespace of its own in the domain's metadata.

`virsh metadata VM urn:mngr:NAME:1` shows one. A note is changed as a whole, by one call; all other metadata stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

from mngr.model.errors import TimedOut
from mngr.model.waiting import looks
from mngr.vms import library, states
from mngr.vms.files import make_folder
from mngr.vms.hypervisor import Hypervisor

LOCK_S = 30.0
TRIES = 5
_ELEMENT = "note"


def namespace(name: str) -> str:
    return f"urn:mngr:{name}:1"


def add(metadata: ET.Element, name: str, value: object) -> None:
    """Puts a note into the metadata of a domain that is to be defined."""
    ET.register_namespace(f"mngr{name}", namespace(name))
    ET.SubElement(metadata, f"{{{namespace(name)}}}{_ELEMENT}").text = json.dumps(value)


def read(xml: str, name: str) -> Any:
    """A note in a domain's XML; None if it has none, or it can't be read."""
    text = ET.fromstring(xml).findtext(f"metadata/{{{namespace(name)}}}{_ELEMENT}")
    try:
        return json.loads(text) if text is not None else None
    except ValueError:
        return None


def change(hypervisor: Hypervisor, domain: Any, name: str, changed: Callable[[Any], Any]) -> None:
    """Writes what `changed` makes of a note (None if there is none); nothing, if that is the same. Of two at once one waits.
    Raises MngrError."""
    with alone(hypervisor, domain.UUIDString()), library.doing(f"read VM {domain.name()}"):
        was = read(domain.XMLDesc(), name)
        now = changed(was)
        if now != was:
            _write(hypervisor, domain, name, now)


def _write(hypervisor: Hypervisor, domain: Any, name: str, value: object) -> None:
    """Of a VM that runs libvirt has two descriptions: what runs, and what will at its next start."""
    libvirt = hypervisor.libvirt
    element = ET.Element(_ELEMENT)
    element.text = json.dumps(value)
    text, kind = ET.tostring(element, encoding="unicode"), libvirt.VIR_DOMAIN_METADATA_ELEMENT
    for left in reversed(range(TRIES)):
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
        if states.of(domain) not in states.OFF:
            flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
        try:
            domain.setMetadata(kind, text, f"mngr{name}", namespace(name), flags)
            return
        except libvirt.libvirtError as error:  # it went off, or on, just then
            if not left or library.code(error) != libvirt.VIR_ERR_OPERATION_INVALID:
                raise library.told(error, f"write a note on VM {domain.name()}") from None


@contextlib.contextmanager
def alone(hypervisor: Hypervisor, uuid: str) -> Iterator[None]:
    """Nobody else writes what libvirt keeps of a VM meanwhile. Raises TimedOut.

    A byte of one file for all VMs is locked, so one whose QEMU hangs, for which libvirt waits, is in no other's way.
    https://man7.org/linux/man-pages/man2/F_OFD_SETLK.2const.html
    """
    make_folder(hypervisor.folder)
    folder = hypervisor.folder / ".mngr"
    folder.mkdir(exist_ok=True, mode=0o700)
    ours = struct.pack("hhqqq", fcntl.F_WRLCK, os.SEEK_SET, int(uuid[:8], 16), 1, 0)
    fd = os.open(folder / "notes.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        for _ in looks(hypervisor.clock, LOCK_S):
            with contextlib.suppress(BlockingIOError):
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, ours)
                break
        else:
            raise TimedOut(f"another mngr has been writing a note on a VM ({uuid}) for {LOCK_S:g} s")
        yield
    finally:
        os.close(fd)
