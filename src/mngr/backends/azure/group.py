"""The names and paths of what Azure holds for a provider instance, each a function of its settings and the host's id."""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from mngr.backends.azure.config import AzureConfig
from mngr.model.errors import Conflict

#: On everything that mngr makes.
MANAGED = {"managed-by": "mngr"}
ROLE = "mngr-self-deallocate"

_NAMESPACE = uuid.UUID("7b0b3c5e-6d57-5c8c-9a55-2f4c4e1c9d0a")


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The paths, below the subscription, of an instance's resource group and what is in it."""

    subscription: str
    config: AzureConfig
    region: str

    def in_region(self, region: str) -> "Group":
        """The same group with the network of another region: a virtual network has one."""
        return msgspec.structs.replace(self, region=region)

    @property
    def path(self) -> str:
        return f"/resourceGroups/{self.config.resource_group}"

    @property
    def id(self) -> str:
        return f"/subscriptions/{self.subscription}{self.path}"

    @property
    def nsg(self) -> str:
        return self._network(f"networkSecurityGroups/{self.config.nsg_name}{self._elsewhere}")

    @property
    def vnet(self) -> str:
        return self._network(f"virtualNetworks/{self.config.vnet_name}{self._elsewhere}")

    @property
    def _elsewhere(self) -> str:
        return "" if self.region == self.config.default_region else f"-{self.region}"

    @property
    def subnet(self) -> str:
        return f"{self.vnet}/subnets/{self.config.subnet_name}"

    @property
    def vms(self) -> str:
        return f"{self.path}/providers/Microsoft.Compute/virtualMachines"

    @property
    def disks(self) -> str:
        return f"{self.path}/providers/Microsoft.Compute/disks"

    @property
    def nics(self) -> str:
        return self._network("networkInterfaces")

    @property
    def addresses(self) -> str:
        return self._network("publicIPAddresses")

    def _network(self, rest: str) -> str:
        return f"{self.path}/providers/Microsoft.Network/{rest}"

    # What one machine is made of. All names begin with the machine's, which holds the host's id.

    def vm(self, name: str) -> str:
        return f"{self.vms}/{name}"

    def disk(self, name: str) -> str:
        return f"{self.disks}/{name}-os"

    def nic(self, name: str) -> str:
        return f"{self.nics}/{name}-nic"

    def address(self, name: str) -> str:
        return f"{self.addresses}/{name}-ip"

    # Who may do what.

    @property
    def role(self) -> str:
        """The definition of the role that lets a machine deallocate itself."""
        return f"/providers/Microsoft.Authorization/roleDefinitions/{self._guid('role')}"

    def assignment(self, name: str) -> str:
        """The role of one machine, over itself alone."""
        guid = self._guid(f"{self.config.resource_group} {name}".lower())
        return f"{self.vm(name)}/providers/Microsoft.Authorization/roleAssignments/{guid}"

    def whole(self, path: str) -> str:
        """A path as an id."""
        return f"/subscriptions/{self.subscription}{path}"

    def _guid(self, what: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self.subscription} {what}"))


def check_region(found: Mapping[str, Any], region: str) -> None:
    """Raises Conflict for a network that is elsewhere: another instance's with the same names."""
    where = str(found.get("location") or region).replace(" ", "").lower()
    if where != region.lower():
        raise Conflict(
            f"{found.get('name')} is in {where}: machines in {region} can't use it",
            hint="set vnet_name and nsg_name to other names, or another resource_group; then `mngr azure prepare`",
        )
