"""Provider `docker`: each host is a container of the Docker daemon on this computer."""

import os
from collections.abc import Sequence

import msgspec

from mngr.providers.contract import Context, HostProvider


class DockerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[providers.docker]`. Times in seconds.

    `host_dir`: mngr's folder in the container, on a volume. `default_image`, `default_start_args`: for `docker run`.
    `default_user`: whom agents run as (`image`, a name or number; root if unset).
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
    default_user: str = ""
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
        from mngr.backends.docker.daemon import check_is_here
        from mngr.backends.docker.provider import DockerProvider

        where = f"[providers.{context.instance}]"
        check_is_here(where, config.docker_host, os.environ)
        return DockerProvider(config, context)


BACKEND = _Backend()
