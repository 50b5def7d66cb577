"""Provider `ovh`: hosts on OVH's classic VPSs, rented by the month. https://api.us.ovhcloud.com/console/?section=%2Fvps"""

from typing import TYPE_CHECKING, Any

from mngr.providers.contract import Context, HostProvider

if TYPE_CHECKING:
    from mngr.backends.ovh.buying.markers import Markers


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
        from mngr.backends.ovh.install import Installer
        from mngr.backends.ovh.provider import OvhProvider
        from mngr.containers.access import Access

        where = f"[providers.{context.instance}]"
        config = config.checked(where)
        require_sdk()
        client = OvhClient(credentials(config, where), clock=context.clock)
        first = Installer(
            client, Access(context.folder("ovh")), context.clock, user=config.bootstrap_ssh_user,
            image=config.default_image_name, timeout=config.rebuild_timeout,
        )  # fmt: skip
        cloud = OvhCloud(context.instance, client, config, _markers(context), first, context.clock)
        return OvhProvider(cloud, config, context)

    def leftovers(self, context: Context) -> bool:
        """Orders that OVH may yet deliver; also where they can't be read."""
        markers = _markers(context)
        try:
            return bool(markers.all() or markers.broken())
        except OSError:
            return True


def _markers(context: Context) -> "Markers":
    from mngr.backends.ovh.buying.markers import Markers

    return Markers(context.folder("ovh") / "pending_orders")


BACKEND = _Backend()
