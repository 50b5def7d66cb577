"""Hosts on VMs: the shared provider, with libvirt's choices of what a machine boots from."""

from collections.abc import Collection, Mapping

from mngr.backends.libvirt.config import LibvirtConfig
from mngr.providers.contract import Context, HostSpec
from mngr.vps_docker import tags
from mngr.vps_docker.provider import VpsDockerProvider
from mngr.vps_docker.vps_client import MachineSpec, VpsClientInterface

_OPTIONS = ("region", "plan", "image")


class LibvirtProvider(VpsDockerProvider[VpsClientInterface, LibvirtConfig]):
    """`-b --vps-plan=4096m-2c-40g`, `-b --vps-image=FILE` or an https address."""

    option_names: Mapping[str, Collection[str]] = {"vps": _OPTIONS, "libvirt": _OPTIONS}

    def __init__(self, cloud: VpsClientInterface, config: LibvirtConfig, context: Context) -> None:
        super().__init__(cloud, config, context, backend="libvirt", title="libvirt")

    def machine_spec(self, spec: HostSpec, options: Mapping[str, str]) -> MachineSpec:
        return MachineSpec(
            host_id=spec.id,
            name=tags.machine_name(self.name, spec.name, spec.id),
            plan=options.get("plan", self.config.default_plan),
            region=options.get("region", self.config.default_region),
            image=options.get("image", self.config.image),
        )
