"""What the service does, without HTTP: each method is one endpoint and one tool; more are in modules beside this. Threads may
share it."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import OF_THE_DISK, InvalidInput, MngrError, NotFound, Unreachable
from mngr.model.progress import Step
from mngr.vms import acceleration, create, gpus, library, look, needed, power, remove, urls
from mngr.vms.hypervisor import Hypervisor, opened
from mngr.vms.images import Image, Images
from mngr.vms.keys import Key, KeyStore
from mngr.vms.spec import VmSpec, check, check_key
from mngr.vmservice import shapes, telling, templated
from mngr.vmservice.audit import Audit
from mngr.vmservice.ending import EndingClock, Running
from mngr.vmservice.listing import Listing, Rows
from mngr.vmservice.operations import Operations
from mngr.vmservice.settings import Settings

#: So long a create waits for another one of the same name.
BUSY_S = 120.0
LOG = logging.getLogger("mngr.vmservice")


class Connection:
    """One connection to libvirt, kept, and made anew when it has broken. libvirt's calls may come from any thread, so one that
    has broken is let go of, and ends with the last call that uses it."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._hypervisor: Hypervisor | None = None
        self._failures, self._failure = 0, ""

    def get(self) -> Hypervisor:
        """Raises Unreachable, with libvirt's reason. Who waited while another call tried in vain doesn't try again."""
        before = self._failures
        with self._lock:
            if self._hypervisor is None or not _is_alive(self._hypervisor):
                self._hypervisor = None
                if self._failures != before:
                    raise Unreachable(self._failure, hint="is libvirtd running?")
                try:
                    self._hypervisor = opened(environ=self._settings.libvirt_env, clock=self._clock)
                except Unreachable as problem:
                    self._failures, self._failure = self._failures + 1, problem.message
                    raise
                except NotFound as problem:  # the pool, which isn't what was asked for
                    raise Unreachable(problem.message, hint=problem.hint) from None
            return self._hypervisor

    def let_go(self) -> None:
        with self._lock:
            self._hypervisor = None


def _is_alive(hypervisor: Hypervisor) -> bool:
    try:
        return bool(hypervisor.conn.isAlive())
    except hypervisor.libvirt.libvirtError:
        return False


class Service:
    def __init__(self, settings: Settings, clock: Clock = SYSTEM) -> None:
        self.settings, self._clock = settings, EndingClock(clock)
        self.operations = Operations(self)
        self.running = Running()
        self._connection = Connection(settings, self._clock)
        self.keys = KeyStore(settings.key_dir)
        self.audit = Audit(settings.audit_file)
        self.listing = Listing(lambda: look.list_(self._connection.get()), self._counted)

    def begin(self) -> None:
        """Clears away what killed creates and deletes have left; where libvirt can't be reached the next list does.
        Raises MngrError where operations can't be kept."""
        self.operations.open()
        with suppress(OSError):  # the next key that is made tries again
            self.keys.tidy()
        with suppress(MngrError):
            self._sweep(self._connection.get())

    def call(self, run: Callable[[Service, Any], Any], asked: Any, changes: bool = True) -> Any:
        """`run(self, asked)`, which `close` waits for. `changes`: whether it may change a VM. Raises what that does; Unreachable where a disk is full, read-only or broken,
        and once the service ends."""
        self._clock.check()
        with self.running:
            try:
                return run(self, asked)
            except OSError as problem:
                if problem.errno not in OF_THE_DISK:
                    raise
                where = f" {problem.filename}" if problem.filename else ""
                raise Unreachable(
                    f"can't read or write{where}: {problem.strerror}", hint="ask again when that is mended"
                ) from None
            finally:
                if changes:
                    self.listing.changed()

    def close(self) -> None:
        """Calls that wait for something end with an error, the others are waited for; then libvirt's connection goes."""
        self._clock.end()
        self.running.wait()
        self.operations.close()
        self._connection.let_go()

    def now(self) -> float:
        return self._clock.now()

    @property
    def clock(self) -> Clock:
        """On which nobody waits once the service ends."""
        return self._clock

    @property
    def uri(self) -> str:
        return self.settings.libvirt_env["LIBVIRT_URI"]

    def is_ending(self) -> bool:
        return self._clock.ended

    def hypervisor(self) -> Hypervisor:
        """The connection to libvirt. Raises Unreachable."""
        return self._connection.get()

    def check(self) -> str:
        """libvirt's version, asked of it now. Raises Unreachable."""
        with library.doing("ask libvirt for its version"):
            number = self._connection.get().conn.getLibVersion()
        return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"

    # --- VMs --------------------------------------------------------------------------------------------------

    def vm_list(self, asked: shapes.Nothing) -> Rows:
        self.swept()
        return self.listing.rows()

    def vm_show(self, asked: shapes.VmName) -> shapes.VmDetails:
        return details(look.show(self.settled(asked.name), asked.name))

    def vm_plan(self, asked: shapes.VmCreate) -> VmSpec:
        """What a create would make, but for its image. Raises what is wrong with it or in its way, as far as that is known."""
        spec = self.spec(asked)
        if not create.image_of(self.settled(asked.name), spec):
            urls.check(spec.image_url, self.settings.images, checked=bool(spec.image_sha256))
        return spec

    def vm_create(self, asked: shapes.VmCreate) -> shapes.VmDetails:
        """Returns once the VM's SSH answers, or, without `wait`, once QEMU runs it. Raises TimedOut; then the VM stays."""
        hypervisor, spec = self.settled(asked.name), self.spec(asked)
        image = create.image_of(hypervisor, spec)
        if not image:
            image = str(self.images(hypervisor).get(spec.image_url, spec.image_sha256, telling.step))
            hypervisor = self._connection.get()  # a download may take longer than a connection lives
        telling.step(Step("making"))
        data = templated.user_data(asked, self.settings.libvirt_env)
        create.create(hypervisor, msgspec.structs.replace(spec, image=image), data, wait_s=BUSY_S)
        vm = look.show(hypervisor, asked.name)
        telling.made(vm.uuid)
        if asked.wait:
            vm = look.until_reachable(hypervisor, asked.name, asked.timeout, telling.step)
        return details(vm)

    def spec(self, asked: shapes.VmCreate) -> VmSpec:
        """What was asked for, checked; its image isn't fetched."""
        data = templated.user_data(asked, self.settings.libvirt_env)
        asked = templated.filled(asked, self.settings.libvirt_env)
        if not asked.imageUrl:
            raise InvalidInput(
                f"VM {asked.name} would have nothing to boot",
                hint="give an imageUrl, of a cloud image, or a template",
            )
        keys = [self.keys.get(name).public_key for name in asked.sshKeys]
        keys += [check_key(line) for line in asked.publicKeys]
        return check(
            VmSpec(
                name=asked.name,
                image="/",
                memory_mib=asked.memory,
                vcpus=asked.vcpus,
                disk_gib=asked.diskSize,
                network=asked.network,
                user=asked.user or "",
                keys=tuple(dict.fromkeys(keys)),
                autostart=asked.autostart,
                gpus=tuple(asked.gpus),
                pool=asked.pool or "",
                image_url=asked.imageUrl,
                image_sha256=(asked.imageSha256 or "").lower(),
                user_data_sha256=hashlib.sha256(data).hexdigest() if data else "",
            )
        )

    def vm_start(self, asked: shapes.VmName) -> shapes.Status:
        power.start(self.settled(asked.name), asked.name)
        return shapes.Status(status="started", vm=asked.name)

    def vm_stop(self, asked: shapes.VmStop) -> shapes.Status:
        telling.step(Step("stopping", "waiting for the guest to shut down", at_most_s=asked.timeout))
        power.stop(self.settled(asked.name), asked.name, asked.timeout, asked.force)
        return shapes.Status(status="stopped", vm=asked.name)

    def vm_delete(self, asked: shapes.VmName) -> shapes.Status:
        telling.step(Step("removing"))
        hypervisor = self._connection.get()
        remove.delete(hypervisor, asked.name)
        try:
            needed.prune(hypervisor, self.images(hypervisor))
        except (MngrError, OSError) as problem:
            LOG.warning("images that no VM needs any more are kept: %s", problem)
        return shapes.Status(status="deleted", vm=asked.name)

    # --- keys -------------------------------------------------------------------------------------------------

    def ssh_key_generate(self, asked: shapes.KeyCreate) -> shapes.Key:
        return _key(self.keys.generate(asked.name, asked.comment, asked.type))

    def ssh_key_list(self, asked: shapes.Nothing) -> shapes.Keys:
        return shapes.Keys(keys=[_key(one) for one in self.keys.all()])

    def ssh_key_public(self, asked: shapes.KeyRef) -> str:
        return self.keys.get(asked.name).public_key + "\n"

    def ssh_key_delete(self, asked: shapes.KeyRef) -> shapes.KeyDeleted:
        self.keys.delete(asked.name)
        return shapes.KeyDeleted(key=asked.name)

    # --- the host ---------------------------------------------------------------------------------------------

    def image_list(self, asked: shapes.Nothing) -> shapes.Images:
        hypervisor = self._connection.get()
        used = needed.paths(hypervisor)
        return shapes.Images(images=[_image(one, one.path in used) for one in self.images(hypervisor).all()])

    def host_show(self, asked: shapes.Nothing) -> shapes.Host:
        hypervisor = self._connection.get()
        probe = acceleration.choose(hypervisor)
        return shapes.Host(
            uri=hypervisor.uri, libvirt=self.check(), acceleration=probe.accel, accelerationReason=probe.reason,
            storage=str(hypervisor.folder), gpus=[_gpu(one) for one in gpus.list_(hypervisor)],
        )  # fmt: skip

    def settled(self, name: str) -> Hypervisor:
        """The connection, once nothing is left of a killed create or delete of that VM."""
        hypervisor = self._connection.get()
        remove.clear(hypervisor, name)
        return hypervisor

    def swept(self) -> Hypervisor:
        """The connection, once nothing is left of killed creates and deletes that can be removed now."""
        hypervisor = self._connection.get()
        self._sweep(hypervisor)
        return hypervisor

    def _counted(self) -> tuple[int, int]:
        """How many VMs run, and how many don't."""
        conn = self._connection.get().conn
        with library.doing("count VMs"):
            return conn.numOfDomains(), conn.numOfDefinedDomains()

    def _sweep(self, hypervisor: Hypervisor) -> None:
        try:
            left = remove.sweep(hypervisor)
        except OSError as problem:
            LOG.warning("the journal in %s can't be read: %s", hypervisor.folder, problem)
            return
        if left:
            self.listing.changed()
        for one in left:
            if one.problem:
                LOG.warning("what a killed %s of VM %s left is there: %s", one.verb, one.name, one.problem)

    def images(self, hypervisor: Hypervisor) -> Images:
        return Images(hypervisor.folder / "images", self.settings.images, self._clock)


def details(vm: look.VmDetails) -> shapes.VmDetails:
    return shapes.VmDetails(
        name=vm.name, uuid=vm.uuid, state=vm.state, memory=vm.memory, vcpus=vm.vcpus, autostart=vm.autostart,
        ip=vm.ip or None, sshPort=vm.ssh_port or None, addressFrom=vm.address_from or None, noAddress=vm.no_address or None,
        acceleration=vm.accel, accelerationReason=vm.accel_reason, networks=list(vm.networks),
        image=vm.spec.image if vm.spec else None, diskSize=vm.spec.disk_gib if vm.spec else None, disks=list(vm.disks),
        spec=_spec(vm.spec) if vm.spec else None,
    )  # fmt: skip


def _spec(spec: VmSpec) -> dict[str, Any]:
    """But for the digest of its user data: who may read may not try passwords on it."""
    return msgspec.to_builtins(msgspec.structs.replace(spec, user_data_sha256=""))


def _gpu(one: gpus.Gpu) -> shapes.Gpu:
    return shapes.Gpu(
        address=one.address, vendor=one.vendor, product=one.product, driver=one.driver, problem=one.problem or None,
        vms=list(one.vms),
    )  # fmt: skip


def _key(key: Key) -> shapes.Key:
    return shapes.Key(
        name=key.name,
        publicKey=key.public_key,
        privateKeyPath=key.private_path,
        publicKeyPath=key.public_path,
    )


def _image(image: Image, is_needed: bool) -> shapes.Image:
    return shapes.Image(
        sha256=image.sha256, urls=list(image.urls), format=image.format, size=image.size, diskSize=image.disk,
        path=image.path, fetchedAt=image.fetched_at, usedAt=image.used_at, needed=is_needed,
    )  # fmt: skip
