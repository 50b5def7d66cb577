"""Machines as system containers: systemd, sshd, cloud-init and a Docker daemon of their own.

A container of the local Docker that boots as a computer does, on a loopback address of its own, with a
volume for its /var/lib/docker (overlay on overlay doesn't work). Reboot and power-off work from inside.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading

from mngr.qemu.ssh import wait_for_banner
from mngr.simcloud.clock import Stop
from mngr.simcloud.docker import LABEL, DockerError, docker, drop
from mngr.simcloud.images.build import names
from mngr.simcloud.images.dockerroot import CAPABILITIES
from mngr.simcloud.machines import loops, process
from mngr.simcloud.machines.addresses import Addresses
from mngr.simcloud.machines.base import MachineSpec, Options
from mngr.simcloud.machines.clean import remove
from mngr.simcloud.machines.docker_volumes import DockerVolumes, script
from mngr.simcloud.machines.events import Events
from mngr.simcloud.machines.inside import Inside, Network, complain
from mngr.simcloud.machines.limits import Limits
from mngr.simcloud.machines.seed import write_seed

BOOT_LIMIT_S = 60.0
SLOT_LIMIT_S = 15.0
STOP_GRACE_S = 10
INIT = "/lib/systemd/systemd"
NOT_A_SETTING = "{this is no JSON\n"


class ContainerMachines:
    """`base.Machines`, in the local Docker daemon."""

    real = True

    def __init__(self, options: Options) -> None:
        self._options = options
        self._images = names()
        self._process = process.Process()
        self._prefix = f"mngr-sim-{self._process.id}"
        self._labels = ("--label", f"{LABEL}={options.run}", "--label", f"{process.LABEL}={self._process.id}")
        self.addresses = Addresses(options.ports)
        self._where: dict[str, str] = {}
        self._seeds = self._process.folder / "seeds"
        self._limits = Limits()
        self._loop_nodes = loops.write_nodes(self._process.folder / "loop.conf")
        self._boot_slots = threading.BoundedSemaphore(os.cpu_count() or 2)
        self._label = f"{process.LABEL}={self._process.id}"
        self._events = Events(self._label, self._power_changed)
        try:
            keeper = f"{self._prefix}-keeper"
            self._volumes = DockerVolumes(keeper, self._labels, self._images.stock, self._images.docker_root)
        except BaseException:
            self.close()
            raise

    def boot(self, spec: MachineSpec, stop: Stop) -> str:
        address = self._where[spec.id] = self.addresses.take(spec.address)
        write_seed(self._seeds / spec.id, spec)
        self._boot_slots.acquire()
        try:
            if not stop.is_set():
                self._make_disk(spec)
                docker("run", *self._run_arguments(spec, address))
        finally:
            threading.Thread(target=self._free_slot_when_up, args=(spec.id, stop), daemon=True).start()
        if spec.refuse_key and self.ready(spec.id, stop):
            docker("exec", self._container(spec.id), "sh", "-c", script("other-key.sh").decode())
        return address

    def ready(self, id: str, stop: Stop, limit_s: float = BOOT_LIMIT_S) -> bool:
        """Its CPUs become those of its plan."""
        there = wait_for_banner(lambda: self._where.get(id), stop.is_set, limit_s)
        if there:
            self._limits.booted(self._container(id))
        return there

    def halt(self, id: str) -> None:
        loops.detach(self._container(id))
        docker("stop", "--time", str(STOP_GRACE_S), self._container(id))

    def start(self, id: str) -> None:
        docker("start", self._container(id))

    def reboot(self, id: str) -> None:
        loops.detach(self._container(id))
        docker("restart", "--time", str(STOP_GRACE_S), self._container(id))

    def destroy(self, id: str) -> None:
        address = self._where.get(id)
        if address is None:
            return
        loops.detach(self._container(id))
        drop("rm", "--force", "--volumes", self._container(id))
        drop("volume", "rm", "--force", self._volume(id))
        shutil.rmtree(self._seeds / id, ignore_errors=True)
        self._where.pop(id, None)
        self.addresses.give_back(address)

    def save_disk(self, id: str, disk: str) -> int:
        """The machine is frozen while it is copied: both halves of its disk are of one moment."""
        container, image = self._container(id), self._disk_image(disk)
        running = docker("inspect", "--format", "{{.State.Running}}", container) == "true"
        if running:
            docker("pause", container)
        try:
            changes = (
                f"LABEL {LABEL}={self._options.run} {process.LABEL}={self._process.id}",
                f'CMD ["{INIT}"]',
            )
            flags = [word for change in changes for word in ("--change", change)]
            docker("commit", "--pause=false", *flags, container, image, limit_s=300)
            self._volumes.copy(self._volume(id), self._disk_volume(disk))
        finally:
            if running:
                docker("unpause", container)
        size = int(docker("image", "inspect", "--format", "{{.Size}}", image))
        return size + self._volumes.size(self._disk_volume(disk))

    def drop_disk(self, disk: str) -> None:
        drop("rmi", "--force", self._disk_image(disk))
        drop("volume", "rm", "--force", self._disk_volume(disk))

    def close(self) -> None:
        self._events.close()
        remove(self._label)
        self.addresses.close()
        self._process.close()

    def _make_disk(self, spec: MachineSpec) -> None:
        if spec.disk:
            self._volumes.copy(self._disk_volume(spec.disk), self._volume(spec.id))
        else:
            self._volumes.fresh(self._volume(spec.id))

    def _free_slot_when_up(self, id: str, stop: Stop) -> None:
        """As many machines boot at a time as there are processors: more would only all be late."""
        try:
            self.ready(id, stop, SLOT_LIMIT_S)
        finally:
            self._boot_slots.release()

    def _run_arguments(self, spec: MachineSpec, address: str) -> list[str]:
        argv = [
            "--detach",
            "--name",
            self._container(spec.id),
            "--hostname",
            _hostname(spec.hostname),
            *self._labels,
        ]
        argv += [*CAPABILITIES, "--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]
        argv += ["--tmpfs", "/run", "--tmpfs", "/run/lock", "--stop-signal", "SIGRTMIN+3"]
        argv += ["--volume", f"{self._seeds / spec.id}:/var/lib/cloud/seed/nocloud:ro"]
        argv += ["--volume", f"{self._volume(spec.id)}:/var/lib/docker", *self._loop_nodes]
        if spec.size:
            argv += self._limits.arguments(self._container(spec.id), spec.size, self._seeds / spec.id)
        for port in self._options.ports:
            argv += ["--publish", f"{address}:{port}:{port}"]
        if inside := self._options.inside:
            argv += [word for name in inside.names for word in ("--add-host", f"{name}:{inside.address}")]
        if spec.cloud_init_fail == "network":
            argv += ["--dns", "127.0.0.1"]
        if spec.cloud_init_fail == "docker":
            broken = self._seeds / spec.id / "daemon.json"
            broken.write_text(NOT_A_SETTING)
            argv += ["--volume", f"{broken}:/etc/docker/daemon.json:ro"]
        return [*argv, self._image(spec), INIT]

    def _image(self, spec: MachineSpec) -> str:
        if spec.disk:
            return self._disk_image(spec.disk)
        if spec.image in self._options.images:
            return self._options.images[spec.image]
        with_docker = spec.image == "baked" or self._options.stock_has_docker
        return self._images.baked if with_docker else self._images.stock

    def _container(self, id: str) -> str:
        return f"{self._prefix}-{id}"

    def _volume(self, id: str) -> str:
        return f"{self._prefix}-{id}-docker"

    def _disk_image(self, disk: str) -> str:
        return f"{self._prefix}:disk-{disk}"

    def _disk_volume(self, disk: str) -> str:
        return f"{self._prefix}-disk-{disk}"

    def _power_changed(self, container: str, running: bool) -> None:
        id = container.removeprefix(f"{self._prefix}-")
        if running and self._options.inside and id in self._where:
            self._answer_inside(self._options.inside, id)
        self._options.power_changed(id, running)

    def _answer_inside(self, inside: Inside, id: str) -> None:
        try:
            pid = int(docker("inspect", "--format", "{{.State.Pid}}", self._container(id)))
            inside.serve(id, Network(pid, inside.address))
            if inside.ca:
                with tempfile.TemporaryFile() as file:
                    file.write(inside.ca)
                    file.seek(0)
                    run = ("exec", "--interactive", self._container(id), "sh", "-c")
                    docker(*run, script("trust.sh").decode(), stdin=file)
        except (OSError, DockerError) as problem:
            complain(id, problem)


def _hostname(wanted: str) -> str:
    """What the kernel takes as a host name."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", wanted).strip("-.")[:63] or "machine"
