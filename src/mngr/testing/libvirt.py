"""The world of provider `libvirt`: a real libvirtd with libvirt's own fake hypervisor behind it, and fake machines that run
while its VMs do."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Unpack, cast
from urllib.parse import quote

from mngr.journal import Journal
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.libvirt_wire import Wire
from mngr.testing.rented import Options, RentedWorld
from mngr.vms import domain as xml
from mngr.vms import library, notes
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.remove import PROVIDER

EVERY_S = 0.02
UNTIL = "mngr-until"
IMAGES = "images"
"""The folder that a service keeps images in, beside the disks."""


class Rig(Wire):
    """VMs of a libvirtd (`upstream`: its socket) whose machines are `fakes`; offers what RentedWorld and the crash driver ask of
    a simulated cloud. `folder`: for this rig alone, with a short path. The fake hypervisor ends with the last connection, so
    one is kept open."""

    def __init__(self, upstream: Path, folder: Path, fakes: Fakes) -> None:
        self.folder, self.fakes = folder, fakes
        self.disks = folder / "disks"
        self.image = folder / "image.raw"
        with self.image.open("wb") as file:
            file.truncate(1 << 20)
        super().__init__(folder / "socket", upstream)
        self._libvirt = library.load()
        conn = self._libvirt.open(_uri(upstream))
        self._here = Hypervisor(self._libvirt, conn, "test:///default", self.disks, "default")
        for one in conn.listAllDomains():
            self._end(one)
        self._machines: dict[str, str] = {}
        self._were_on: set[str] = set()
        self._busy = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        prefix = "MNGR__PROVIDERS__LIBVIRT__"
        self.env = {
            prefix + "URI": _uri(folder / "socket"), prefix + "IMAGE": str(self.image), prefix + "NETWORK": "user",
            prefix + "STORAGE_PATH": str(self.disks), prefix + "DEFAULT_PLAN": "64m-1c-1g",
        }  # fmt: skip

    def stop(self) -> None:
        """Ends all VMs and their machines."""
        self._over.set()
        self._thread.join()
        for one in self._here.conn.listAllDomains():
            self._end(one)
        self._look()
        super().stop()
        self._here.conn.close()

    # --- what a world asks ------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Returns once each machine is as its VM."""
        self._look()

    def resources(self) -> list[dict[str, Any]]:
        on = self._libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE
        running = {one.name() for one in self._here.conn.listAllDomains(on)}
        return [
            {
                "id": name,
                "kind": "vm",
                "tags": _rows(notes.read(text, "tags")),
                "state": "on" if name in running else "off",
            }
            for name, text in self._vms()
        ]

    def bill(self) -> dict[str, Any]:
        """VMs, and files that belong to none."""
        vms = dict(self._vms())
        lines = [_line("vm", name, _rows(notes.read(text, "tags"))) for name, text in vms.items()]
        known = {Path(disk).name.partition(".")[0] for text in vms.values() for disk in xml.read(text).disks}
        for path in sorted(self.disks.glob("*")) if self.disks.is_dir() else []:
            if (
                path.name != IMAGES
                and not path.name.startswith(".")
                and path.name.partition(".")[0] not in known
            ):
                lines.append(_line("file", path.name, []))
        for entry in Journal(self.disks / ".mngr").entries(PROVIDER):
            if not entry.busy:
                lines.append(_line("intent", entry.subject, []))
        return {"lines": lines}

    def now(self) -> float:
        return time.time()

    def advance(self, seconds: float) -> None:
        """This computer's clock is libvirt's: instead of it, all leases are put back."""

        def aged(was: Any) -> Any:
            lease = str((was or {}).get(UNTIL, ""))
            return {**was, UNTIL: str(int(lease) - int(seconds))} if lease.isdigit() else was

        for domain in self._here.conn.listAllDomains():
            notes.change(self._here, domain, "tags", aged)

    def _vms(self) -> list[tuple[str, str]]:
        found = [(one.name(), one.XMLDesc()) for one in self._here.conn.listAllDomains()]
        return [(name, text) for name, text in found if xml.read(text).spec]

    # --- machines ---------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._over.wait(EVERY_S):
            with suppress(self._libvirt.libvirtError, OSError):
                self._look()

    def _look(self) -> None:
        """Switches machines on and off as their VMs are, and VMs off whose machines switched themselves off."""
        with self._busy:
            there = {}
            for domain in self._here.conn.listAllDomains():
                with suppress(self._libvirt.libvirtError):
                    facts = xml.read(domain.XMLDesc())
                    if facts.spec:
                        there[facts.uuid] = (domain, facts, domain.state()[0] == 1)
            for uuid in self._machines.keys() - there.keys():
                self._machine("destroy", uuid, self._machines.pop(uuid))
            for uuid, (domain, facts, runs) in there.items():
                known = uuid in self._machines
                is_on = known and self._is_on(uuid)
                if runs and not known:
                    with self._seed(facts.disks[1]) as seed:
                        self._machine("boot", uuid, facts.address, seed)
                    (self.fakes.root / "addresses" / f"{facts.address}:{facts.port}").write_text("22")
                    self._machines[uuid] = facts.address
                elif runs and not is_on and uuid in self._were_on:
                    domain.shutdown()
                    runs = False
                elif runs and not is_on:
                    self._machine("start", uuid, facts.address)
                elif not runs and is_on:
                    self._machine("halt", uuid, facts.address)
                (self._were_on.add if runs else self._were_on.discard)(uuid)

    def _machine(self, verb: str, uuid: str, address: str, seed: str = "/nonexistent") -> None:
        argv = [str(self.fakes.command), verb, uuid, address, seed]
        subprocess.run(argv, check=True, timeout=60, env={**os.environ, **self.fakes.env})
        if verb == "destroy":
            for path in (self.fakes.root / "addresses").glob(f"{address}:*"):
                path.unlink()

    def _is_on(self, uuid: str) -> bool:
        try:
            pid, born = (self.fakes.root / "machines" / uuid / "pid").read_text().split()
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return False
        return fields[19] == born and fields[0] != "Z"

    @contextmanager
    def _seed(self, image: str) -> Iterator[str]:
        """The folder of a seed disk's files."""
        folder = self.folder / f"seed-{os.urandom(4).hex()}"
        folder.mkdir()
        for name, data in fat_files(Path(image).read_bytes()).items():
            (folder / name).write_bytes(data)
        yield str(folder)

    def _end(self, domain: Any) -> None:
        with suppress(self._libvirt.libvirtError):
            domain.destroy()
        with suppress(self._libvirt.libvirtError):
            domain.undefine()


class LibvirtWorld(RentedWorld):
    """Hosts on VMs of a fake hypervisor."""

    #: Create arguments that can't be meant here → a right choice that the message names.
    mistakes = (
        (("-b", "--vps-plan=huge"), "2048m-2c-20g"),
        (("-b", "--vps-plan=9999999m-2c-20g"), "MiB"),
        (("-b", "--vps-region=nosuch"), "local"),
        (("-b", "--vps-image=/nosuch/image"), "/nosuch/image"),
        (("-b", "--vps-image=http://127.0.0.1/image"), "https"),
        (("-b", "--vps-plam=64m-1c-1g"), "plan"),
        (("-s", "--name=mine"), "--name"),
    )

    def __init__(self, rig: Rig, scratch: Path, fakes: Fakes | None = None, **more: Unpack[Options]) -> None:
        super().__init__("libvirt", cast(SimulatedCloud, rig), scratch, fakes, **more)
        self.rig = rig

    def user_data(self) -> list[str]:
        """What is on the seed disks."""
        seeds = [fat_files(path.read_bytes()) for path in self.rig.disks.glob("*.seed.img")]
        return [seed["user-data"].decode() for seed in seeds]


def fat_files(image: bytes) -> dict[str, bytes]:
    """The files of a FAT file system's root, each of which lies in one piece there, as qemu-img makes it.
    https://learn.microsoft.com/windows/win32/fileio/fat-file-system"""

    def number(at: int, size: int) -> int:
        return int.from_bytes(image[at : at + size], "little")

    sector, per_cluster, reserved, fats = number(11, 2), number(13, 1), number(14, 2), number(16, 1)
    entries, fat_sectors = number(17, 2), number(22, 2)
    root = (reserved + fats * fat_sectors) * sector
    data = root + entries * 32
    found, long = {}, ""
    for at in range(root, data, 32):
        entry = image[at : at + 32]
        if entry[0] == 0:
            break
        if entry[11] == 0x0F:
            part = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16-le").split("\0")[0]
            long = part.rstrip("\uffff") + long
            continue
        if entry[0] != 0xE5 and not entry[11] & 0x18:
            begin = data + (number(at + 26, 2) - 2) * per_cluster * sector
            found[long or entry[:11].decode("ascii", "replace").strip()] = image[
                begin : begin + number(at + 28, 4)
            ]
        long = ""
    return found


def _uri(path: Path) -> str:
    return f"test+unix:///default?socket={quote(str(path))}"


def _rows(tags: Mapping[str, str] | None) -> list[str]:
    return [f"{key}={value}" for key, value in (tags or {}).items()]


def _line(kind: str, name: str, rows: list[str]) -> dict[str, Any]:
    return {
        "kind": kind,
        "resource": f"{kind}-{name}" if kind != "vm" else name,
        "name": name,
        "tags": rows,
        "open": True,
    }
