"""Provider `docker`: each host is a container of the Docker daemon on this computer."""

import os
from collections.abc import Sequence

import msgspec

from mngr.model.errors import InvalidInput
from mngr.providers.contract import Context, HostProvider


class DockerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[providers.docker]`. Times in seconds.

    `host_dir`: mngr's folder in the container, on a volume. `default_image`, `default_start_args`: for `docker run`.
    `default_max_lifetime`: a host is stopped after so long, whatever its agents do; 0 for never. `docker_host`: the
    daemon's socket (`unix:///…`), if it isn't docker's default. `every_laptop`: also show hosts that another MNGR_HOME
    (a lost one, say) made with this daemon.
    """

    host_dir: str = "/mngr"
    default_image: str = "debian:bookworm-slim"
    default_idle_timeout: float = 800
    default_idle_mode: str = "IO"
    default_max_lifetime: float = 0
    default_start_args: Sequence[str] = ()
    ssh_connect_timeout: float = 60.0
    docker_host: str = ""
    every_laptop: bool = False

    def __post_init__(self) -> None:
        from mngr.vps_docker.config import check_host_dir, check_seconds

        check_host_dir(self.host_dir)
        check_seconds(self, "default_idle_timeout", "default_max_lifetime", zero=True, least=1)
        check_seconds(self, "ssh_connect_timeout")


class _Backend:
    name = "docker"
    config_type = DockerConfig

    def build(self, config: DockerConfig, context: Context) -> HostProvider:
        from mngr.backends.docker.provider import DockerProvider

        where = f"[providers.{context.instance}]"
        address = config.docker_host or os.environ.get("DOCKER_HOST", "")
        if address and not address.startswith(("unix://", "npipe://")):
            raise InvalidInput(
                f"{where}: the Docker daemon {address} isn't on this computer",
                hint="this provider publishes its hosts on this computer's loopback address",
            )
        return DockerProvider(config, context)


BACKEND = _Backend()
