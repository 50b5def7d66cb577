"""The world of provider `azure`: a simulated Azure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

from mngr.testing.cli import Cli
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.rented import Options, RentedWorld, read_tags, thing
from mngr.testing.world import Thing

#: For a simulated cloud that is in a hurry. Its own durations are Azure's.
HASTY = ("--speed", "200", "--registered")

#: In the group, for all machines: what `mngr azure prepare` makes, and images.
SHARED = ("/networkSecurityGroups/", "/virtualNetworks/", "/galleries/")
#: What is a machine's, and costs nothing.
FREE = ("networkInterfaces", "roleAssignments")
GROUP = "/resourceGroups/mngr/"


class AzureWorld(RentedWorld):
    """Hosts on VMs of a simulated Azure, where `mngr azure prepare` has run."""

    #: Create arguments that can't be meant here → a right choice that the message names.
    mistakes = (
        (("-b", "--azure-vm-size=nosuch"), "Standard_B2s"),
        (("-b", "--azure-region=nosuch"), "westus"),
        (("-b", "--azure-image=Debian:nosuch:12-gen2:latest"), "debian-12"),
        (("-b", "--azure-image=nosuch"), "PUBLISHER"),
        (("-b", "--azure-vm-sise=Standard_B2s"), "vm-size"),
        (("-b", "--azure-spot=yes"), "--azure-spot"),
        (("-s", "--name=mine"), "--name"),
    )

    def __init__(
        self, cloud: SimulatedCloud, scratch: Path, fakes: Fakes | None = None, **more: Unpack[Options]
    ) -> None:
        cloud.env = cloud.ready["https_env"]  # Azure's SDK sends no secret by plain http
        for family in ("cores", "standardBSFamily"):
            cloud.ask("POST", "/quota", {"region": "westus", "family": family, "limit": 1000})
        super().__init__("azure", cloud, scratch, fakes, **more)
        Cli(self.env, scratch).ok("azure", "prepare", "--allowed-ssh-cidr", "0.0.0.0/0")

    def things(self) -> list[Thing]:
        """All that is in the group, billed or not, but what all machines share; and what else the bill runs for.

        A role assignment has no tags: it is of the machine that it is for, also when that is gone.
        """
        self.cloud.settle()
        lines = self.cloud.bill()["lines"]
        runs = {line["resource"] for line in lines if line["open"]}
        hosts: dict[str, Any] = {line["name"]: read_tags(line["tags"]) for line in lines}
        found = {
            one["id"]: (one["kind"], one["name"], read_tags(one["tags"]))
            for one in self.cloud.resources()
            if GROUP in one["id"] and not any(part in one["id"] for part in SHARED)
        }
        hosts |= {name: tags for kind, name, tags in found.values() if kind == "virtualMachines"}
        for line in lines:
            if line["open"] and not any(part in line["resource"] for part in SHARED):
                found.setdefault(line["resource"], (line["kind"], line["name"], read_tags(line["tags"])))
        things = []
        for id, (kind, name, tags) in found.items():
            if kind == "roleAssignments":
                tags = hosts.get(id.split("/providers/Microsoft.Authorization")[0].rsplit("/", 1)[-1], {})
            billed = "" if id in runs or kind in FREE else ", not billed"
            things.append(thing(kind + billed, id, name, tags))
        return things
