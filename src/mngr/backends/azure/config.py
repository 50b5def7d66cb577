"""`[providers.NAME]` with `backend = "azure"`."""

import ipaddress
import re
from collections.abc import Sequence

from mngr.backends.azure.arm import API_URL
from mngr.vps_docker.config import VpsDockerProviderConfig

ANYWHERE = "0.0.0.0/0"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?")


class AzureConfig(VpsDockerProviderConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shared settings, and Azure's. The login isn't among them: Azure's SDK finds it (`DefaultAzureCredential`).

    `subscription_id`: else AZURE_SUBSCRIPTION_ID, else the Azure CLI's active one. `default_region`, `default_vm_size`: in
    Azure's words. `fallback_sizes`, `fallback_regions`: what to try, in turn, where Azure has no room for that. `resource_group`, `vnet_name`, `subnet_name`, `nsg_name`: what `mngr azure prepare` makes.
    `allowed_ssh_cidrs`: from where ports 22 and `container_ssh_port` may be reached; none with `[]`. `image_*`: what a
    machine boots. `os_disk_size_gb`, `os_disk_type`: its disk. `auto_shutdown_seconds`: so long after its first boot a
    machine shuts its system down, which Azure goes on billing. `api_url`, `prices_url`: other addresses that speak
    Azure's APIs.
    """

    default_region: str = "westus"
    default_plan: str = ""
    default_vm_size: str = "Standard_B2s"
    fallback_sizes: Sequence[str] = ()
    fallback_regions: Sequence[str] = ()
    subscription_id: str = ""
    resource_group: str = "mngr"
    vnet_name: str = "mngr-vnet"
    subnet_name: str = "mngr-subnet"
    nsg_name: str = "mngr-nsg"
    allowed_ssh_cidrs: Sequence[str] = (ANYWHERE,)
    image_publisher: str = "Debian"
    image_offer: str = "debian-12"
    image_sku: str = "12-gen2"
    image_version: str = "latest"
    os_disk_size_gb: int | None = 30
    os_disk_type: str = "StandardSSD_LRS"
    auto_shutdown_seconds: int | None = None
    api_url: str = API_URL
    prices_url: str = "https://prices.azure.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("resource_group", "vnet_name", "subnet_name", "nsg_name"):
            if not _NAME.fullmatch(getattr(self, name)):
                raise ValueError(
                    f"{name} {getattr(self, name)!r} is no name for Azure: letters, digits, _ . -"
                )
        check_cidrs(self.allowed_ssh_cidrs, "allowed_ssh_cidrs")
        if self.auto_shutdown_seconds is not None and self.auto_shutdown_seconds < 60:
            raise ValueError("auto_shutdown_seconds must be at least 60")
        if self.os_disk_size_gb is not None and not 1 <= self.os_disk_size_gb <= 4095:
            raise ValueError("os_disk_size_gb must be one of 1 to 4095")

    @property
    def boot_image(self) -> str:
        """`PUBLISHER:OFFER:SKU:VERSION`, as the Azure CLI writes it."""
        return ":".join((self.image_publisher, self.image_offer, self.image_sku, self.image_version))

    @property
    def vm_size(self) -> str:
        """Of machines for which none was asked; `default_plan` is its name on all clouds, `default_vm_size` Azure's own."""
        return self.default_plan or self.default_vm_size


def check_cidrs(cidrs: Sequence[str], where: str) -> None:
    """Raises ValueError on what is no network: Azure would refuse it after other things were made."""
    for cidr in cidrs:
        try:
            ipaddress.ip_network(cidr)
        except ValueError as error:
            raise ValueError(f"{where}: {cidr!r} is no network, such as 203.0.113.4/32 ({error})") from None
