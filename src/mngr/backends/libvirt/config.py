"""`[providers.NAME]` with `backend = "libvirt"`."""

from mngr.config.schema import Seconds
from mngr.containers.settings import check_seconds
from mngr.vps_docker.config import VpsDockerProviderConfig

#: Debian's own, for clouds: cloud-init in it, a kernel for virtio. https://cloud.debian.org/images/cloud/
DEBIAN = "https://cloud.debian.org/images/cloud/bookworm/latest/debian-12-genericcloud-amd64.qcow2"
REGION = "local"


class LibvirtConfig(VpsDockerProviderConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shared settings, and:

    `url`: the VM service (`mngr vm serve`) that has the VMs, instead of a libvirt here; default `$VM_PROVISIONER_URL`. `token`:
    what it lets us in with; default `$VM_PROVISIONER_TOKEN`. `uri`: which libvirt; default `$LIBVIRT_URI`, else `qemu:///session`. `network`: one of libvirt's, or `user`; "" is `user`
    on `qemu:///session`, else `default`. `image`: what disks are laid over, a file or an https address; `image_sha256`: of what
    is at that address. `kernel`, `initrd`, `kernel_line`: booted without firmware and loader, if given, with `image` alone. `storage_path`: where the VMs' files
    are; default as for `mngr vm`. `default_plan`: memory, processors and disk. `shutdown_timeout`: so long a guest may take
    to shut down before its plug is pulled. An emulated guest is slow: the times are longer than a cloud's.
    """

    uri: str = ""
    url: str = ""
    token: str = ""
    network: str = ""
    image: str = DEBIAN
    image_sha256: str = ""
    kernel: str = ""
    initrd: str = ""
    kernel_line: str = ""
    storage_path: str = ""
    default_region: str = REGION
    default_plan: str = "2048m-2c-20g"
    shutdown_timeout: Seconds = 90.0
    vps_boot_timeout: Seconds = 900.0
    docker_install_timeout: Seconds = 900.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seconds(self, "shutdown_timeout")
