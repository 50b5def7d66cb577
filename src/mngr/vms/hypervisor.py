"""The connection to libvirt, and where its VMs' files are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mngr.journal import Journal
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import Conflict, InvalidInput, NotFound, NotSupported, Unreachable
from mngr.vms import bounded, library
from mngr.vms.files import Files, files_of, files_with

DEFAULT_URI = "qemu:///session"
DEFAULT_POOL = "default"
#: libvirt's own, of root and of everybody else.
ROOTS_FOLDER = Path("/var/lib/libvirt/images")
USERS_FOLDER = Path("libvirt/images")


@dataclass
class Hypervisor:
    """An open connection. `folder` is where VMs' disks and seeds are; it may not be there yet."""

    libvirt: Any
    conn: Any
    uri: str
    folder: Path
    pool: str
    clock: Clock = SYSTEM

    @property
    def journal(self) -> Journal:
        """What creates and deletes are about to do; beside the files, as whoever works on these must know."""
        return Journal(self.folder / ".mngr")

    def files(self, name: str, uuid: str) -> Files:
        """Those of a VM; they may be in another folder, and have the name that the VM had once, which libvirt knows of the VM, or
        else be in another pool's. They are told by their names, which carry the UUID."""
        found = files_of(self.folder, name, uuid)
        if found.any():
            return found
        if (domain := self.find_by_uuid(uuid)) is not None:
            with library.doing(f"read VM {name}"):
                disks = _sources(domain.XMLDesc())
            for disk in disks:
                if one := files_with(disk, uuid):
                    return one
        with library.doing("read storage pools"):
            try:
                texts = [one.XMLDesc() for one in self.conn.listAllStoragePools()]
            except self.libvirt.libvirtError as error:
                if library.code(error) != self.libvirt.VIR_ERR_NO_SUPPORT:
                    raise
                texts = []
        others = [files_of(folder, name, uuid) for folder in filter(None, map(_folder_of, texts))]
        return next((one for one in others if one.any()), found)

    def disk(self, domain: Any) -> Path:
        """The disk that mngr gave a VM. Raises Conflict if the VM has another one by now."""
        found = self.files(domain.name(), domain.UUIDString()).disk
        with library.doing(f"read VM {domain.name()}"):
            if found in _sources(domain.XMLDesc()):
                return found
        raise Conflict(
            f"VM {domain.name()} doesn't run on the disk that mngr gave it, {found}",
            hint=f"if virsh took a snapshot beside it: `virsh blockcommit {domain.name()} vda --active --pivot` while it runs",
        )

    def vms(self) -> list[tuple[Any, str]]:
        """libvirt's object of each VM, and its XML. One that goes meanwhile isn't among them. Raises MngrError."""
        found = []
        with library.doing("list all VMs"):
            for domain in self.conn.listAllDomains():
                with suppress(NotFound), library.doing("read a VM"):
                    found.append((domain, domain.XMLDesc()))
        return found

    def find(self, name: str) -> Any | None:
        """libvirt's object of a VM, or None if libvirt says that there is none."""
        return self._looked_up(lambda: self.conn.lookupByName(name), f"look for VM {name}")

    def find_by_uuid(self, uuid: str) -> Any | None:
        return self._looked_up(lambda: self.conn.lookupByUUIDString(uuid), f"look for a VM {uuid}")

    def get(self, name: str) -> Any:
        """libvirt's object of a VM. Raises NotFound."""
        if (found := self.find(name)) is None:
            raise library.NoVm(f"there is no VM {name!r} on {self.uri}", hint="`mngr vm list` shows the VMs")
        return found

    def check_local(self) -> None:
        """Raises NotSupported where libvirt is another computer's: a VM's files are made on this one."""
        parts = urlsplit(self.uri)
        if parts.hostname or parts.scheme.split("+")[0] not in ("qemu", "test"):
            raise NotSupported(
                f"VMs are made on this computer's QEMU, and {self.uri} is none of it",
                hint="run mngr there, with LIBVIRT_URI=qemu:///system",
            )

    def refresh_pool(self, name: str = "") -> None:
        """So that libvirt's own tools see which files are there. Does nothing where the folder is in no pool."""
        try:
            self.conn.storagePoolLookupByName(name or self.pool).refresh()
        except self.libvirt.libvirtError:
            pass

    def _looked_up(self, look: Any, what: str) -> Any | None:
        try:
            return look()
        except self.libvirt.libvirtError as error:
            if library.code(error) == self.libvirt.VIR_ERR_NO_DOMAIN:
                return None
            raise library.told(error, what) from None


@contextmanager
def connect(
    uri: str = "", environ: Mapping[str, str] = os.environ, clock: Clock = SYSTEM
) -> Iterator[Hypervisor]:
    """A connection for as long as the block takes. Arguments and errors: those of `opened`."""
    hypervisor = opened(uri, environ, clock)
    try:
        yield hypervisor
    finally:
        with suppress(hypervisor.libvirt.libvirtError, library.Silent):
            hypervisor.conn.close()


def opened(uri: str = "", environ: Mapping[str, str] = os.environ, clock: Clock = SYSTEM) -> Hypervisor:
    """A connection. Whoever keeps none of its objects any more has closed it. `uri`: default `$LIBVIRT_URI`, else
    qemu:///session. Its calls end with an error where libvirtd gives no sign of life.

    Raises Unreachable, with libvirt's reason and what to do; InvalidInput or NotFound where the storage that
    `$LIBVIRT_STORAGE_POOL` and `$LIBVIRT_STORAGE_PATH` name can't be used.
    """
    uri = uri or environ.get("LIBVIRT_URI") or DEFAULT_URI
    libvirt = library.load()
    try:
        conn = bounded.connection(libvirt, uri)
    except libvirt.libvirtError as error:
        raise _no_connection(error, uri) from None
    pool = environ.get("LIBVIRT_STORAGE_POOL") or DEFAULT_POOL
    with library.doing(f"read storage pool {pool!r}"):
        folder = _folder(libvirt, conn, environ, pool)
    return Hypervisor(libvirt, conn, uri, folder, pool, clock)


def _folder(libvirt: Any, conn: Any, environ: Mapping[str, str], pool: str) -> Path:
    """The path that was named, else the pool's, else libvirt's own."""
    named = environ.get("LIBVIRT_STORAGE_PATH", "")
    if named and (not Path(named).is_absolute() or not named.isprintable() or "," in named):
        raise InvalidInput(
            f"LIBVIRT_STORAGE_PATH {named!r} can't be used",
            hint="give an absolute path of printable characters, without commas",
        )
    target = _target(libvirt, conn, pool)
    if environ.get("LIBVIRT_STORAGE_POOL"):
        if target is None and not named:
            raise NotFound(
                f"libvirt has no storage pool {pool!r} that is a folder",
                hint="`virsh pool-list --all` shows the pools; LIBVIRT_STORAGE_PATH names a folder without a pool",
            )
        if target and named and target != Path(named):
            raise InvalidInput(
                f"storage pool {pool!r} is {target}, and LIBVIRT_STORAGE_PATH is {named}",
                hint="unset one of the two",
            )
    if named:
        return Path(named)
    if target:
        return target
    if os.geteuid() == 0:
        return ROOTS_FOLDER
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / USERS_FOLDER


def _target(libvirt: Any, conn: Any, pool: str) -> Path | None:
    """A pool's folder; None if there is no such pool, or if it is none."""
    try:
        xml = conn.storagePoolLookupByName(pool).XMLDesc()
    except libvirt.libvirtError as error:
        if library.code(error) in (libvirt.VIR_ERR_NO_STORAGE_POOL, libvirt.VIR_ERR_NO_SUPPORT):
            return None
        raise
    return _folder_of(xml)


def _folder_of(xml: str) -> Path | None:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(xml)
    path = root.findtext("target/path")
    return Path(path) if path and root.get("type") in ("dir", "fs", "netfs") else None


def _sources(xml: str) -> list[Path]:
    from xml.etree import ElementTree

    found = (one.get("file") for one in ElementTree.fromstring(xml).iterfind("devices/disk/source"))
    return [Path(one) for one in found if one]


def _no_connection(error: Any, uri: str) -> Unreachable:
    said = str(error.get_error_message() or error).strip()
    hint = "LIBVIRT_URI names another libvirt, such as qemu:///system"
    if "No such file" in said or "Connection refused" in said:
        hint = (
            "libvirtd isn't running: `systemctl start libvirtd`, or `libvirtd -d` where no systemd is; "
            + hint
        )
    elif "Permission denied" in said or library.code(error) in library.AUTH:
        hint = "this user may not: run as root, join the group libvirt, or use LIBVIRT_URI=qemu:///session"
    return Unreachable(f"no connection to libvirt at {uri}: {said}", hint=hint)
