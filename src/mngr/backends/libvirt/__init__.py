"""Provider `libvirt`: hosts on VMs of this computer's libvirt (https://libvirt.org), or of a VM service (`mngr vm serve`)."""

import os
from typing import Any

from mngr.providers.contract import Context, HostProvider


class _Backend:
    name = "libvirt"

    @property
    def config_type(self) -> type[Any]:
        from mngr.backends.libvirt.config import LibvirtConfig

        return LibvirtConfig

    def build(self, config: Any, context: Context) -> HostProvider:
        from mngr.backends.libvirt.provider import LibvirtProvider

        return LibvirtProvider(_cloud(config, context), config, context)


def _cloud(config: Any, context: Context) -> Any:
    url = config.url or ("" if config.uri else os.environ.get("VM_PROVISIONER_URL", ""))
    if not url:
        from mngr.backends.libvirt.cloud import LibvirtCloud

        return LibvirtCloud(config, context.clock)
    from msgspec.structs import replace

    from mngr.backends.libvirt.service import ServiceCloud
    from mngr.vps_docker.credentials import check_api_url, credential

    where = f"[providers.{context.instance}]"
    token = credential(config.token, f"{where} token")
    token = token or credential(os.environ.get("VM_PROVISIONER_TOKEN", ""), "VM_PROVISIONER_TOKEN")
    url = check_api_url(url, f"{where} url")
    return ServiceCloud(replace(config, url=url), token, context.clock)


BACKEND = _Backend()
