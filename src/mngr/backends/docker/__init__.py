"""Provider `docker`: each host is a container of the Docker daemon on this computer."""

import os

from mngr.containers.settings import ContainerSettings
from mngr.providers.contract import Context, HostProvider


class DockerConfig(ContainerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[providers.docker]`.

    `docker_host`: the daemon's socket (`unix:///…`), if it isn't docker's default. `every_laptop`: also show hosts that
    another MNGR_HOME (a lost one, say) made with this daemon.
    """

    docker_host: str = ""
    every_laptop: bool = False


class _Backend:
    name = "docker"
    config_type = DockerConfig

    def build(self, config: DockerConfig, context: Context) -> HostProvider:
        from mngr.backends.docker.endpoint import check_is_here
        from mngr.backends.docker.provider import DockerProvider

        where = f"[providers.{context.instance}]"
        check_is_here(where, config.docker_host, os.environ)
        return DockerProvider(config, context)


BACKEND = _Backend()
