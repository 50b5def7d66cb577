"""This computer's libvirt as a cloud: a machine is a VM of `mngr.vms`, its tags are a note on it.

A machine's id is the VM's name, a function of the host's id. `vms.create` has a journal of its own beside the disks: what a
killed one made is taken away by the next look at that VM, and by the next list.
"""

import os
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

from msgspec import to_builtins

from mngr.backends.libvirt import plans
from mngr.backends.libvirt.config import REGION, LibvirtConfig
from mngr.backends.libvirt.machines import agents, ended, machine
from mngr.model.clock import Clock
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, TimedOut, Unreachable
from mngr.model.progress import Progress
from mngr.model.records import AgentRecord
from mngr.model.views import Offer
from mngr.vms import create, files, guests, hypervisor, needed, remove, urls
from mngr.vms import spec as specs
from mngr.vms.hypervisor import DEFAULT_URI, Hypervisor
from mngr.vms.images import Images
from mngr.vms.spec import USER_NETWORK, VmSpec
from mngr.vms.urls import Allowed
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable
from mngr.vps_docker.tags import HOST_ID, LEASE_S, UNTIL
from mngr.vps_docker.vps_client import (
    AllAgents,
    Caps,
    Ended,
    Gone,
    Handle,
    Later,
    Machine,
    MachineSpec,
    Save,
    VpsClientInterface,
)  # fmt: skip

#: Where a VM's own SSH is at its loopback address: who isn't root can't have 22, and libvirt's QEMU isn't.
FORWARDED_SSH = 2022
#: So long another mngr that makes or removes the same VM is waited for.
BUSY_S = 60.0
FOLDER = "images"


class LibvirtCloud(VpsClientInterface):
    """VMs of the libvirt that `config` names; connected at the first call, and again when libvirtd was restarted."""

    caps = Caps(paid_while_off=("disk",), self_stop="poweroff\n")

    def __init__(self, config: LibvirtConfig, clock: Clock, environ: Mapping[str, str] = os.environ) -> None:
        self.config, self.clock = config, clock
        self.uri = config.uri or environ.get("LIBVIRT_URI") or DEFAULT_URI
        self.network = config.network or (USER_NETWORK if self.uri == DEFAULT_URI else "default")
        self._environ = dict(environ)
        if config.storage_path:
            self._environ = {
                **environ,
                "LIBVIRT_STORAGE_PATH": config.storage_path,
                "LIBVIRT_STORAGE_POOL": "",
            }
        self._lock = threading.Lock()
        self._open: Hypervisor | None = None

    # --- before anything is made ------------------------------------------------------------------------------

    def check(self, spec: MachineSpec) -> Offer:
        size = plans.read(spec.plan)
        if spec.region != REGION:
            raise InvalidInput(f"libvirt knows no region {spec.region!r}", hint=f"the only one is {REGION}")
        with self._connected(VpsApiUnreadable) as here:
            here.check_local()
            files.check_folder(here.folder)
            wanted = specs.check(self._vm(here, spec, spec.image))
            create.check_network(here, wanted)
            try:
                create.check_memory(here, wanted)
            except Conflict as problem:
                raise InvalidInput(
                    f"plan {spec.plan}: {problem.message}", hint="choose a smaller one with -b --vps-plan=…"
                ) from None
        if _is_url(spec.image):
            urls.parse(spec.image, Allowed(private=True), checked=bool(wanted.image_sha256))
            if not shutil.which("qemu-img"):
                raise MngrError("there is no qemu-img here", hint="apt install qemu-utils")
        else:
            files.check_image(wanted)
        return Offer(
            plan=spec.plan, region=spec.region, image=spec.image.rpartition("/")[2], per_hour=0.0, cpus=size.vcpus,
            memory_gb=size.memory_mib / 1024, disk_gb=size.disk_gib,
        )  # fmt: skip

    def _vm(self, here: Hypervisor, spec: MachineSpec, image: str) -> VmSpec:
        """`image`: the file, or the address that it isn't fetched from yet."""
        size, config = plans.read(spec.plan), self.config
        usual = spec.image == config.image
        fetched = _is_url(spec.image)
        pairs = ((FORWARDED_SSH, 22), (config.container_ssh_port, config.container_ssh_port))
        return VmSpec(
            name=spec.name, memory_mib=size.memory_mib, vcpus=size.vcpus, disk_gib=size.disk_gib, network=self.network,
            image=str(here.folder / FOLDER) if _is_url(image) else str(Path(image).expanduser()),
            kernel=config.kernel if usual else "", initrd=config.initrd if usual else "",
            kernel_line=config.kernel_line if usual else "",
            image_url=spec.image if fetched else "", image_sha256=config.image_sha256 if usual and fetched else "",
            forwards=pairs if self.network == USER_NETWORK else (),
        )  # fmt: skip

    # --- making and ending ------------------------------------------------------------------------------------

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        with self._connected(VpsApiNoAnswer) as here:
            remove.clear(here, spec.name)
            there = [one for one in guests.all_(here) if one.tags.get(HOST_ID) == spec.host_id]
            for one in sorted(there, key=lambda one: one.name != spec.name):
                save({"id": one.name})
                return machine(one)
            if handle.get("id"):
                return Machine(id=handle["id"], state="gone")
            image, wanted = spec.image, dict(spec.tags)
            if _is_url(image):
                digest = self._vm(here, spec, image).image_sha256
                image = str(self._images(here).get(image, digest, progress))
                if UNTIL in wanted:  # the download may have taken longer than a reservation lasts
                    wanted[UNTIL] = str(int(self.clock.now()) + LEASE_S)
            vm = self._vm(here, spec, image)
            save({"vm": spec.name})
            wrote = {guests.TAGS: wanted, guests.AGENTS: []}
            create.create(here, vm, spec.user_data.encode(), BUSY_S, wrote)
            save({"id": spec.name})
            return machine(guests.get(here, spec.name))

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        with self._connected(VpsApiNoAnswer) as here:
            ours = {one.name: one for one in guests.all_(here) if one.ours}
            found = {name for name, one in ours.items() if one.tags.get(HOST_ID) == spec.host_id}
            for name in sorted({spec.name, handle.get("id") or spec.name} | found):
                if not remove.is_pending(here, name) and name not in ours:
                    continue  # gone, or another's VM that has the name
                try:
                    remove.delete(here, name)
                except NotFound:
                    if here.find(name) is not None or remove.is_pending(here, name):
                        return Later(f"not all of VM {name} is gone yet", after_s=2)
                except Conflict as busy:
                    return Later(busy.message, after_s=2)
            with suppress(MngrError, OSError):
                needed.prune(here, self._images(here))
        return Gone()

    def _images(self, here: Hypervisor) -> Images:
        """From private addresses, too: they are the user's own word."""
        return Images(here.folder / FOLDER, Allowed(private=True), self.clock)

    # --- looking ----------------------------------------------------------------------------------------------

    def find(self, owner: dict[str, str]) -> list[Machine]:
        try:
            with self._connected(VpsApiUnreadable) as here:
                remove.sweep(here)
                found = [machine(one) for one in guests.all_(here)]
        except NotFound as problem:
            raise VpsApiUnreadable(problem.message, hint=problem.hint) from None
        wanted = owner.items()
        return [one for one in found if wanted <= one.tags.items()]

    def get(self, id: str) -> Machine:
        with self._connected(VpsApiUnreadable) as here:
            return machine(guests.get(here, id))

    def ended(self, id: str, *, gone: bool = False) -> Ended | None:
        with suppress(MngrError), self._connected(VpsApiUnreadable) as here:
            return ended(guests.get(here, id))
        return None

    def account(self) -> str:
        """A libvirt is one computer's, and a session one user's."""
        whose = f" of user {os.geteuid()}" if "session" in remove.daemon(self.uri) else ""
        return f"libvirt {remove.daemon(self.uri)}{whose} on {_computer()}"

    def ssh_port(self, address: str) -> int:
        return ssh_port(address)

    def now(self) -> float:
        return self.clock.now()

    # --- changing ---------------------------------------------------------------------------------------------

    def power(self, id: str, on: bool) -> None:
        with self._connected(VpsApiNoAnswer) as here:
            guests.switch(here, id, on, self.config.shutdown_timeout)

    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        with self._connected(VpsApiNoAnswer) as here:
            guests.tag(here, id, put, drop)

    def keep_agents(
        self, id: str, put: Sequence[AgentRecord], drop: Sequence[str] = (), all_: AllAgents | None = None
    ) -> None:
        with self._connected(VpsApiNoAnswer) as here:
            lost = all_() if all_ and agents(guests.get(here, id).agents) is None else []
            guests.keep_agents(here, id, to_builtins(list(put)), drop, to_builtins(list(lost)))

    def blank_user_data(self, id: str) -> None:
        with self._connected(VpsApiNoAnswer) as here:
            guests.blank_user_data(here, id, BUSY_S)

    # --- the connection ---------------------------------------------------------------------------------------

    @contextmanager
    def _connected(self, silent: type[VpsApiError]) -> Iterator[Hypervisor]:
        """For one call. Trouble with libvirt is told as `silent`."""
        try:
            here = self._connection()
        except (Unreachable, TimedOut, NotFound) as problem:  # not found: a storage pool, and no VM
            raise silent(problem.message, hint=problem.hint, details=problem.details) from None
        try:
            yield here
        except VpsApiError:
            raise
        except (Unreachable, TimedOut) as problem:
            raise silent(problem.message, hint=problem.hint, details=problem.details) from None

    def _connection(self) -> Hypervisor:
        with self._lock:
            if self._open is None or not self._open.conn.isAlive():
                self._open = hypervisor.opened(self.uri, self._environ, self.clock)
            return self._open


def _computer() -> str:
    """In digits that tell it from others. https://www.freedesktop.org/software/systemd/man/latest/machine-id.html"""
    try:
        told = Path("/etc/machine-id").read_text().strip()
    except OSError:
        told = ""
    return sha256(f"mngr {told or os.uname().nodename}".encode()).hexdigest()[:12]


def ssh_port(address: str) -> int:
    """Of a VM's own SSH."""
    try:
        return FORWARDED_SSH if ip_address(address).is_loopback else 22
    except ValueError:
        return 22


def _is_url(image: str) -> bool:
    return "://" in image
