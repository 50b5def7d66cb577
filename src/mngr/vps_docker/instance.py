"""The name that authors of providers know `provider.VpsDockerProvider` by."""

from mngr.vps_docker.provider import VpsDockerProvider

__all__ = ["VpsDockerProvider"]
