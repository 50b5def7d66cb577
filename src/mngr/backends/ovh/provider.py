"""Hosts on OVH: the shared provider, with markers of orders, and OVH's words for what a machine is."""

from collections.abc import Collection, Mapping

import msgspec

from mngr.backends.ovh.cloud import OvhCloud
from mngr.backends.ovh.config import OvhConfig
from mngr.model.records import HostRecord
from mngr.providers.contract import Context, HostSpec, MachineSpec, Progress, Swept
from mngr.vps_docker.instance import VpsDockerProvider

_OPTIONS = ("plan", "datacenter", "region", "image", "os")


class OvhProvider(VpsDockerProvider):
    """`-b --vps-plan=…`, `--vps-datacenter=…` (or region), `--vps-image=…` (or os)."""

    option_names: Mapping[str, Collection[str]] = {"vps": _OPTIONS, "ovh": _OPTIONS}

    def __init__(self, cloud: OvhCloud, config: OvhConfig, context: Context) -> None:
        super().__init__(cloud, config, context, backend="ovh", title="OVH")
        self.ovh = cloud
        self._config = config

    def machine_spec(self, spec: HostSpec, options: Mapping[str, str]) -> MachineSpec:
        given = {key.partition("-")[2]: value for key, value in options.items()}
        plain = super().machine_spec(spec, {f"vps-{key}": value for key, value in given.items()})
        return msgspec.structs.replace(
            plain,
            region=given.get("datacenter", given.get("region", self._config.default_region)),
            image=given.get("image", given.get("os", self._config.default_image_name)),
        )

    def create(self, spec: HostSpec, progress: Progress) -> HostRecord:
        """As there. First sees to orders that nobody waits for any more: what came of them may be recycled at once;
        that failing only warns."""
        progress("reconcile")
        self.ovh.reconcile(self.name, warn=lambda text: progress(f"warning: {text}"))
        with self.ovh.creating(spec.id, progress):
            return super().create(spec, progress)

    def sweep(self, *, dry_run: bool = False) -> Swept:
        swept = super().sweep(dry_run=dry_run)
        swept.finished += self.ovh.reconcile(self.name, dry_run=dry_run, warn=swept.errors.append)
        for marker in self.ovh.markers.all():
            what = f"order {marker.order_id}" if marker.order_id else f"checkout of cart {marker.cart_id}"
            swept.kept.append(
                f"{what} ({marker.plan_code}, {marker.region}): not delivered yet; looked at again by every create and gc"
            )
        return swept
