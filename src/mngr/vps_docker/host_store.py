"""The name that authors of providers know `containers.store.HostStore` by."""

from mngr.containers.store import HostStore as VpsDockerHostStore

__all__ = ["VpsDockerHostStore"]
