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
        from mngr.backends.ovh.client import OvhClient, require_sdk
        from mngr.backends.ovh.cloud import OvhCloud
        from mngr.backends.ovh.config import credentials
        from mngr.backends.ovh.provider import OvhProvider

        where = f"[providers.{context.instance}]"
        require_sdk()
        client = OvhClient(credentials(config, where), clock=context.clock)
        cloud = OvhCloud(context.instance, client, config, context.folder(self.name))
        return OvhProvider(cloud, config, context)

    def leftovers(self, context: Context) -> bool:
        """Orders that OVH may yet deliver; also where they can't be read."""
        from mngr.backends.ovh.buying.markers import Markers

        markers = Markers(context.folder(self.name))
        try:
            return bool(markers.all() or markers.broken())
        except OSError:
            return True


BACKEND = _Backend()
