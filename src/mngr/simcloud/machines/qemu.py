"""Machines as virtual ones: QEMU with a kernel of its own, on a loopback address of its own.

Slow without KVM (an emulated boot takes some twenty seconds of two processors), and as near to a rented machine as it gets.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from mngr.qemu import kvm, overlay
from mngr.qemu.command import QEMU, USUAL, Bootable, Hardware, fitting
from mngr.qemu.ssh import wait_for_banner
from mngr.simcloud.clock import Stop
from mngr.simcloud.images.build import names
from mngr.simcloud.images.disk import bootable
from mngr.simcloud.machines import process
from mngr.simcloud.machines.addresses import Addresses
from mngr.simcloud.machines.base import MachineSpec, Options, Unavailable
from mngr.simcloud.machines.seed import write_seed
from mngr.simcloud.machines.vm import Vm

BOOT_LIMIT_S = 300.0
STOP_GRACE_S = 60.0
PROGRAMS = (QEMU, "qemu-img", "setpriv")
FIRST_FREE_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


class QemuMachines:
    """`base.Machines`, as child processes."""

    real = True

    def __init__(self, options: Options) -> None:
        require(options.ports)
        process.forget_ended()
        self._options = options
        self._images = names()
        self.addresses = Addresses(options.ports)
        self._process = process.Process()
        self._vms: dict[str, Vm] = {}
        self._snapshots: dict[str, Hardware] = {}
        """Of which machine each is a copy."""
        self._accel = kvm.accelerator()
        if self._accel != "kvm":
            print("simcloud: QEMU emulates its processors here (TCG, no KVM)", file=sys.stderr)

    def boot(self, spec: MachineSpec, stop: Stop) -> str:
        system = self._system(spec)
        address = self.addresses.take(spec.address)
        name = f"mngr-sim-{self._process.id}-{spec.id}"
        folder = self._process.folder / "machines" / spec.id
        size = fitting(spec.size, *_computer()) if spec.size else USUAL
        if spec.disk:
            before = self._snapshots[spec.disk].size.disk_gib
            size = replace(size, disk_gib=max(size.disk_gib, before))
        hardware = Hardware(name, folder, system, address, self._options.ports, size, self._accel)
        self._vms[spec.id] = vm = Vm(hardware, lambda: self._options.power_changed(spec.id, False))
        write_seed(hardware.seed, spec)
        if spec.disk:
            shutil.copyfile(self._snapshot(spec.disk), hardware.disk)
            overlay.resize(hardware.disk, size.disk_gib)
        else:
            overlay.create(hardware.disk, system.disk, size.disk_gib)
        if not stop.is_set():
            vm.start("refuse_key" if spec.refuse_key else spec.cloud_init_fail)
        return address

    def ready(self, id: str, stop: Stop) -> bool:
        def where() -> str | None:
            vm = self._vms.get(id)
            return vm.hardware.address if vm and vm.running else None

        return wait_for_banner(where, stop.is_set, BOOT_LIMIT_S)

    def halt(self, id: str) -> None:
        self._vms[id].power_off(STOP_GRACE_S)

    def start(self, id: str) -> None:
        self._vms[id].start()

    def reboot(self, id: str) -> None:
        self.halt(id)
        self.start(id)

    def destroy(self, id: str) -> None:
        vm = self._vms.pop(id, None)
        if vm is None:
            return
        vm.kill()
        shutil.rmtree(vm.hardware.folder, ignore_errors=True)
        self.addresses.give_back(vm.hardware.address)

    def save_disk(self, id: str, disk: str) -> int:
        """What the machine hasn't written yet isn't in it, as on a rented one."""
        vm, copy = self._vms[id], self._snapshot(disk)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with vm.at_rest():
            shutil.copyfile(vm.hardware.disk, copy)
        self._snapshots[disk] = vm.hardware
        return copy.stat().st_size + vm.hardware.system.disk.stat().st_blocks * 512

    def drop_disk(self, disk: str) -> None:
        self._snapshot(disk).unlink(missing_ok=True)
        self._snapshots.pop(disk, None)

    def close(self) -> None:
        for id in list(self._vms):
            self.destroy(id)
        self.addresses.close()
        self._process.close()

    def _system(self, spec: MachineSpec) -> Bootable:
        if spec.disk:
            return self._snapshots[spec.disk].system
        with_docker = spec.image == "baked" or self._options.stock_has_docker
        shared = self._images.baked if with_docker else self._images.stock
        return bootable(self._options.images.get(spec.image, shared), self._images)

    def _snapshot(self, disk: str) -> Path:
        return self._process.folder / "disks" / f"{disk}.qcow2"


def require(ports: tuple[int, ...]) -> None:
    """Raise Unavailable, saying what to do, where QEMU machines can't be had."""
    if platform.machine() != "x86_64":
        raise Unavailable(
            f"QEMU machines are x86_64 and this is {platform.machine()}: use --machines container"
        )
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        install = "apt-get install --no-install-recommends qemu-system-x86 qemu-utils util-linux"
        raise Unavailable(f"QEMU machines need {', '.join(missing)}: {install}")
    if os.geteuid() and min(ports) < int(FIRST_FREE_PORT.read_text()):
        raise Unavailable(
            f"QEMU machines listen on port {min(ports)}, which takes root: run simcloud as root, or "
            f"sysctl net.ipv4.ip_unprivileged_port_start={min(ports)}"
        )


def _computer() -> tuple[int, int]:
    """CPUs that this process may use, and MiB of memory."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return len(os.sched_getaffinity(0)), memory // 1024**2
