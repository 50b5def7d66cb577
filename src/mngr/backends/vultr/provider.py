"""Hosts on Vultr: the shared provider, with Vultr's choices of what a machine boots from."""

from collections.abc import Collection, Mapping

import msgspec

from mngr.backends.vultr.cloud import VultrCloud
from mngr.backends.vultr.config import VultrConfig
from mngr.providers.contract import Context, HostSpec
from mngr.vps_docker.provider import VpsDockerProvider
from mngr.vps_docker.vps_client import MachineSpec

_OPTIONS = ("region", "plan", "os", "image", "snapshot")


class VultrProvider(VpsDockerProvider[VultrCloud, VultrConfig]):
    """`-b --vps-os=ID`, `--vps-image=ID` (marketplace) or `--vps-snapshot=ID` (a baked image); the last wins."""

    option_names: Mapping[str, Collection[str]] = {"vps": _OPTIONS, "vultr": _OPTIONS}

    def __init__(self, cloud: VultrCloud, config: VultrConfig, context: Context) -> None:
        super().__init__(cloud, config, context, backend="vultr", title="Vultr")

    def machine_spec(self, spec: HostSpec, options: Mapping[str, str]) -> MachineSpec:
        given = dict(options)
        plain = super().machine_spec(spec, options)
        sources = ("os", "image", "snapshot")
        if not any(key in given for key in sources):
            defaults = {"image": self.config.default_image_id, "snapshot": self.config.default_snapshot}
            given |= {key: value for key, value in defaults.items() if value}
        chosen = [key for key in given if key in sources][-1:]
        if chosen == ["image"] or chosen == ["snapshot"]:
            return msgspec.structs.replace(plain, options={f"{chosen[0]}_id": given[chosen[0]]})
        return plain
