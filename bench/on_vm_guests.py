"""VMs with a guest: until SSH lets in, beside a line of QEMU by hand and beside an untrimmed image; and what a second one copies."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from statistics import median

from bench import cloud_image
from bench.measure import Row
from bench.setting import Setting
from mngr.qemu import kvm
from mngr.qemu.command import CPU, KERNEL_LINE, MACHINE, QEMU, Bootable
from mngr.qemu.ssh import has_banner
from mngr.simcloud.images.build import names
from mngr.simcloud.images.disk import bootable
from mngr.testing.libvirtd import Libvirtd, missing
from mngr.vms import files
from mngr.vms.spec import VmSpec

ROUNDS = 3
BOOT_LIMIT_S = 1200
VCPUS, MEMORY_MIB, DISK_GIB, USER = 2, 1024, 9, "dev"
#: Of an image that isn't booted.
COPIED_MIB = 256


def rows(setting: Setting) -> Iterator[Row]:
    if why := missing():
        raise RuntimeError(why)
    key = setting.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    images = names()
    trimmed, untrimmed = bootable(images.baked, images), cloud_image.bootable()  # both with Docker
    libvirtd = Libvirtd()
    try:
        here = setting.with_env(LIBVIRT_URI=libvirtd.uri, VM_PROVISIONER_PRIVATE_IMAGES="true")
        yield _second(here)
        yield from _boots(here, key, trimmed, untrimmed)
    finally:
        libvirtd.stop()


# --- until SSH lets in ---


def _boots(setting: Setting, key: Path, trimmed: Bootable, untrimmed: Bootable) -> Iterator[Row]:
    """All three in turn, as each boot takes long; a first turn, in which libvirt gets to know QEMU, isn't measured."""
    numbers = count()
    starts: Sequence[Callable[[], float]] = (
        lambda: _by_hand(setting.folder / f"by-hand-{next(numbers)}", key, trimmed),
        lambda: _created(setting, f"vm-{next(numbers)}", key, trimmed),
        lambda: _created(setting, f"vm-{next(numbers)}", key, untrimmed),
    )
    starts[1]()
    hand, ours, whole = zip(*([start() for start in starts] for _ in range(ROUNDS)), strict=True)
    for what, base, limit in (
        ("the same by a line of QEMU", hand, 1.15),
        ("an untrimmed cloud image", whole, 0.5),
    ):
        ratio = median(one / other for one, other in zip(ours, base, strict=True))
        yield Row("VM until SSH lets in", median(ours), what, median(base), ratio, limit)


def _created(setting: Setting, name: str, key: Path, system: Bootable) -> float:
    words = [
        *("--image", str(system.disk), "--kernel", str(system.kernel), "--initrd", str(system.initrd)),
        *("--memory", str(MEMORY_MIB), "--vcpus", str(VCPUS), "--disk", str(DISK_GIB), "--network", "user"),
        *("--user", USER, "--key", f"{key}.pub", "--timeout", str(BOOT_LIMIT_S), "--format", "json"),
    ]
    began = time.monotonic()
    try:
        told = json.loads(setting.run("vm", "create", name, *words, limit_s=BOOT_LIMIT_S + 60))
        _let_in(told["vm"]["ip"], told["vm"]["ssh_port"], key)
        return time.monotonic() - began
    finally:
        setting.run("vm", "delete", name, "--yes")


def _by_hand(folder: Path, key: Path, system: Bootable) -> float:
    """With a disk and a seed as `vm create` makes them, which are there already."""
    folder.mkdir()
    there = files.Files(folder / "vm")
    public = key.with_suffix(".pub").read_text().strip()
    spec = VmSpec(name="by-hand", image=str(system.disk), disk_gib=DISK_GIB, user=USER, keys=(public,))
    files.make(there, spec, "0f0e0d0c-0b0a-4009-8807-060504030201", "raw", b"")
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    argv = [
        *(
            QEMU,
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-machine",
            MACHINE,
            "-accel",
            kvm.accelerator(),
        ),
        *("-cpu", CPU, "-smp", str(VCPUS), "-m", str(MEMORY_MIB), "-serial", f"file:{folder / 'console'}"),
        *("-kernel", str(system.kernel), "-initrd", str(system.initrd), "-append", KERNEL_LINE),
        *("-drive", f"file={there.disk},format=qcow2,if=virtio,discard=unmap"),
        *("-drive", f"file={there.seed},format=raw,if=virtio,readonly=on"),
        *("-netdev", f"user,id=net,ipv6=off,hostfwd=tcp:127.0.0.1:{port}-:22"),
        *("-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"),
    ]
    began = time.monotonic()
    # As libvirt does: a busy computer shares its time out among sessions.
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        _let_in("127.0.0.1", port, key)
        return time.monotonic() - began
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _let_in(address: str, port: int, key: Path) -> None:
    """Returns once a login works. Raises RuntimeError past the limit."""
    options = (
        "BatchMode=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
    )
    ssh = [
        "ssh",
        "-F",
        "none",
        "-i",
        str(key),
        "-p",
        str(port),
        *(word for one in options for word in ("-o", one)),
    ]
    end = time.monotonic() + BOOT_LIMIT_S
    while time.monotonic() < end:
        if has_banner(address, port):
            argv = [*ssh, f"{USER}@{address}", "true"]
            if not subprocess.run(argv, capture_output=True, timeout=BOOT_LIMIT_S).returncode:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nobody was let in at {address} port {port} within {BOOT_LIMIT_S} s")


# --- a second VM ---


def _second(setting: Setting) -> Row:
    """Two VMs of one address: what the image's server sends for the second, and what its files take."""
    shop = setting.folder / "shop"
    shop.mkdir()
    image = os.urandom(1024**2) * COPIED_MIB
    (shop / "image.raw").write_bytes(image)
    sha256 = hashlib.sha256(image).hexdigest()
    with _served(shop) as (url, sent):
        figures = []
        for name in ("first", "second"):
            before = sum(sent) + _taken(setting)
            words = [
                "--image",
                f"{url}/image.raw",
                "--sha256",
                sha256,
                "--memory",
                "64",
                "--disk",
                "1",
                "--network",
                "user",
            ]
            setting.run("vm", "create", name, *words, "--no-wait")
            figures.append((sum(sent) + _taken(setting) - before) / 1024**2)
    for name in ("first", "second"):
        setting.run("vm", "delete", name, "--yes")
    first, second = figures
    return Row(
        "second VM of an image, sent and written",
        second,
        "the first VM",
        first,
        second / first,
        0.01,
        unit="MB",
    )


def _taken(setting: Setting) -> int:
    """Bytes of disk that VMs and their images take."""
    found = Path(setting.env["LIBVIRT_STORAGE_PATH"]).rglob("*")
    return sum(path.stat().st_blocks * 512 for path in found)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, list[int]]]:
    """A server of the folder's files on loopback; sizes of what it has sent."""
    sent: list[int] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def copyfile(self, source: object, outputfile: object) -> None:
            sent.append(os.fstat(source.fileno()).st_size)  # type: ignore[attr-defined]
            super().copyfile(source, outputfile)  # type: ignore[arg-type]

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", sent
    finally:
        server.shutdown()
        server.server_close()
