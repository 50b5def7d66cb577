"""Settings that all providers of rented machines share (`[providers.NAME]`)."""

import inspect

from mngr.config.schema import Seconds
from mngr.containers.settings import ContainerSettings, check_seconds


class VpsDockerProviderConfig(ContainerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in seconds. A cloud's own config extends this with its credentials and its own defaults.

    `default_region`, `default_plan` and `default_os_id` are Vultr's here, as the library's documented base has them: no
    other cloud knows them, so a config of its own sets its own, else its provider isn't built (`unset`).
    `vps_boot_timeout`: from the order to a login. `docker_install_timeout`: from there until the machine's first boot
    is through.
    """

    vps_boot_timeout: Seconds = 300.0
    docker_install_timeout: Seconds = 300.0
    container_ssh_port: int = 2222
    default_region: str = "ewr"
    default_plan: str = "vc2-1c-1gb"
    default_os_id: int = 2136

    @property
    def boot_image(self) -> str:
        """What a machine boots from for which nothing else was asked, in the cloud's words."""
        return str(self.default_os_id)

    @classmethod
    def unset(cls, *names: str) -> list[str]:
        """Those of `names` for which a cloud's own config has no default of its own."""
        if cls is VpsDockerProviderConfig:
            return []
        own = cls.__mro__[: cls.__mro__.index(VpsDockerProviderConfig)]
        said = {name for one in own for name in inspect.get_annotations(one)}
        return [name for name in names if name not in said]

    def __post_init__(self) -> None:
        """Raises ValueError on what no host can be made with."""
        super().__post_init__()
        check_seconds(self, "vps_boot_timeout", "docker_install_timeout")
        if not 1024 <= self.container_ssh_port <= 65535:
            raise ValueError(
                f"container_ssh_port {self.container_ssh_port} isn't one of 1024 to 65535; the machine has those below"
            )
