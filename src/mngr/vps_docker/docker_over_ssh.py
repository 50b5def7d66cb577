"""The name that authors of providers know `containers.docker.Docker` by."""

from mngr.containers.docker import Docker as DockerOverSsh

__all__ = ["DockerOverSsh"]
