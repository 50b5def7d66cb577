"""Provider `ovh`: hosts on OVH's classic VPSs, rented by the month. https://api.us.ovhcloud.com/console/?section=%2Fvps"""

from typing import Any

from mngr.providers.contract import Context, HostProvider


class _Backend:
    name = "ovh"

    @property
    def config_type(self) -> type[Any]:
        from mngr.backends.ovh.config import OvhConfig

        return OvhConfig

    def build(self, config: Any, context: Context) -> HostProvider:
        from mngr.backends.ovh.buying.markers import Markers
        from mngr.backends.ovh.client import OvhClient, require_sdk
        from mngr.backends.ovh.cloud import OvhCloud
        from mngr.backends.ovh.config import credentials
        from mngr.backends.ovh.install import Installer
        from mngr.backends.ovh.provider import OvhProvider
        from mngr.containers.access import Access

        where = f"[providers.{context.instance}]"
        config = config.checked(where)
        require_sdk()
        client = OvhClient(credentials(config, where), clock=context.clock)
        folder = context.folder("ovh")
        first = Installer(
            client, Access(folder), context.clock, user=config.bootstrap_ssh_user,
            image=config.default_image_name, timeout=config.rebuild_timeout,
        )  # fmt: skip
        cloud = OvhCloud(
            context.instance, client, config, Markers(folder / "pending_orders"), first, context.clock
        )
        return OvhProvider(cloud, config, context)


BACKEND = _Backend()
