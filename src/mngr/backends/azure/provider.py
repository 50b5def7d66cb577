"""Hosts on Azure: the shared provider, with Azure's words for what a machine is."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from mngr.backends.azure import fallback
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.fallback import FallbackCloud
from mngr.model.errors import InvalidInput
from mngr.model.views import Offer
from mngr.providers.contract import Context, HostSpec
from mngr.vps_docker import tags
from mngr.vps_docker.provider import VpsDockerProvider
from mngr.vps_docker.vps_client import MachineSpec

if TYPE_CHECKING:
    from mngr.vps_docker.building import Wanted


class AzureProvider(VpsDockerProvider[FallbackCloud, AzureConfig]):
    """`-b --azure-vm-size=…`, `--azure-region=…`, `--azure-image=PUBLISHER:OFFER:SKU:VERSION` (or `--vps-plan` and the like),
    `--azure-spot`; `--azure-fallback-sizes=A,B` and `--azure-fallback-regions=A,B`, tried in turn where there is no room."""

    option_names: Mapping[str, Collection[str]] = {
        "vps": ("region", "plan", "os"),
        "azure": ("region", "vm-size", "image", "spot", fallback.SIZES, fallback.REGIONS),
    }

    option_switches = ("spot",)

    def __init__(self, cloud: FallbackCloud, config: AzureConfig, context: Context) -> None:
        super().__init__(cloud, config, context, backend="azure", title="Azure")
        self._azure = config

    def machine_spec(self, spec: HostSpec, options: Mapping[str, str]) -> MachineSpec:
        config = self._azure
        seconds = config.auto_shutdown_seconds
        image = options.get("image") or options.get("os") or config.boot_image
        baked = {} if {"image", "os"} & options.keys() else {fallback.BAKED: "1"}
        if not image.startswith("/subscriptions/") and len(image.split(":")) != 4:
            raise InvalidInput(
                f"{image!r} is no image of Azure's", hint="PUBLISHER:OFFER:SKU:VERSION, or an image's id"
            )
        return MachineSpec(
            host_id=spec.id,
            name=tags.machine_name(self.name, spec.name, spec.id),
            plan=options.get("vm-size") or options.get("plan") or config.vm_size,
            region=options.get("region", config.default_region),
            image=image,
            options=({"spot": "1"} if "spot" in options else {}) | self._fallbacks(options) | baked,
            first_commands=[["shutdown", "-P", f"+{-(-seconds // 60)}"]] if seconds else [],
        )

    def check(self, spec: HostSpec) -> Offer:
        offer = super().check(spec)
        wanted = self._wanted(spec)
        usual = wanted.asked.image == self._azure.default_image and not wanted.asked.build.builds
        if usual and self.cloud.baked(wanted.machine, offer.region):
            from mngr.containers.image import prepared_name

            return replace(offer, ready_image=prepared_name(self._azure.default_image))
        return offer

    def bake_order(self, host_id: str) -> "Wanted":
        """The machine that an image is made of: of the instance's own size and region, from the image in its settings."""
        wanted = self._wanted(HostSpec(id=host_id, name="bake"))
        return replace(wanted, machine=replace(wanted.machine, options={}, first_commands=[]))

    def _fallbacks(self, options: Mapping[str, str]) -> dict[str, str]:
        """As asked for, else as in the settings."""
        usual = {
            fallback.SIZES: self._azure.fallback_sizes, fallback.REGIONS: self._azure.fallback_regions,
        }  # fmt: skip
        given = {
            name: fallback.listed(options[name]) if name in options else list(names)
            for name, names in usual.items()
        }
        return {name: ",".join(names) for name, names in given.items() if names}
