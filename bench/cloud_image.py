"""A Debian as cloud images are, untrimmed: udev, ifupdown and DHCP, all of cloud-init, a kernel with its own initrd, Docker.

Only its time to boot is of interest: nothing else is made of it.
"""

import shutil
import tempfile
from pathlib import Path

from mngr.qemu.command import Bootable
from mngr.simcloud.images import apt, recipes
from mngr.simcloud.images.build import timed
from mngr.simcloud.images.cache import folder, key, locked, whole
from mngr.simcloud.images.work import step

PACKAGES = (
    "linux-image-cloud-amd64", "systemd-sysv", "libpam-systemd", "ifupdown", "isc-dhcp-client", "openssh-server", "cloud-init",
    "cloud-guest-utils", "unattended-upgrades", "sudo", "docker.io", "ca-certificates", "curl",
)  # fmt: skip
#: Debian's own images have that line; the package leaves it to whoever installs it.
NETWORK = "echo 'source /etc/network/interfaces.d/*' >\"$1/etc/network/interfaces\""


def bootable() -> Bootable:
    """From ~/.cache/mngr, else made, as root (some two minutes). Raises Unavailable if it can't be made, saying why."""
    made = key(*PACKAGES, NETWORK, recipes.SUITE)
    disk, kernel, initrd = (folder() / f"cloud-{made}.{end}" for end in ("raw", "vmlinuz", "initrd"))
    with locked():
        if not disk.exists():
            timed("making an untrimmed cloud image", lambda: _make(disk, kernel, initrd))
    return Bootable(kernel, initrd, disk)


def _make(disk: Path, kernel: Path, initrd: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="mngr-bench-") as scratch, whole(disk) as part:
        root, settings = Path(scratch) / "root", Path(scratch) / "apt.conf"
        Path(scratch).chmod(0o755)
        settings.write_text(apt.settings())
        argv = ["mmdebstrap", "--quiet", "--mode=root", "--variant=important", f"--aptopt={settings}"]
        argv += [f"--include={','.join(PACKAGES)}", f"--customize-hook={NETWORK}"]
        step(*argv, recipes.SUITE, str(root), *map(str, apt.sources(recipes.SUITE)))
        for name, path in (("vmlinuz", kernel), ("initrd.img", initrd)):
            [found] = (root / "boot").glob(f"{name}-*")
            shutil.copyfile(found, path)
        step("mkfs.ext4", "-q", "-L", "root", "-d", str(root), str(part), "8G")
