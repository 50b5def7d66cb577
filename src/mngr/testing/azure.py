"""The world of provider `azure`: a simulated Azure."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from mngr.testing.cli import Cli
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.rented import Options, RentedWorld

#: For a simulated cloud that is in a hurry. Its own durations are Azure's.
HASTY = ("--speed", "200", "--registered")


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
