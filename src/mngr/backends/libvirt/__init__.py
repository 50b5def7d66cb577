"""Provider `libvirt`: hosts on VMs of this computer's libvirt. https://libvirt.org"""

from typing import Any

from mngr.providers.contract import Context, HostProvider


class _Backend:
    name = "libvirt"

    @property
    def config_type(self) -> type[Any]:
        from mngr.backends.libvirt.config import LibvirtConfig

        return LibvirtConfig

    def build(self, config: Any, context: Context) -> HostProvider:
        from mngr.backends.libvirt.cloud import LibvirtCloud
        from mngr.backends.libvirt.provider import LibvirtProvider

        return LibvirtProvider(LibvirtCloud(config, context.clock), config, context)


BACKEND = _Backend()
