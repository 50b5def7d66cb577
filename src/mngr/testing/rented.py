"""The world of a provider of rented machines: a simulated cloud, and machines that are fake or real."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, TypedDict

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.local import clean_environment
from mngr.testing.world import Thing


class Options(TypedDict, total=False):
    """Of a world: its MNGR_HOME's name, and variables of mngr's environment besides the cloud's own."""

    home: str
    settings: Mapping[str, str] | None


class RentedWorld:
    """Hosts on machines of a simulated cloud. `fakes`: where their machines and ssh come from; None for real ones."""

    isolated = True
    create: Sequence[str] = ("--no-code",)
    quick: Mapping[str, str] = {}
    """Settings of the provider instance that are short enough for a simulated cloud, such as `{"LIST_LAG": "1"}`."""

    def __init__(
        self,
        vendor: str,
        cloud: SimulatedCloud,
        scratch: Path,
        fakes: Fakes | None = None,
        *,
        home: str = "home",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`settings`: variables of mngr's environment besides the cloud's own."""
        self.provider = vendor
        self.cloud = cloud
        self.scratch = scratch
        self.fakes = fakes
        prefix = f"MNGR__PROVIDERS__{vendor.upper()}__"
        quick = {prefix + key: value for key, value in self.quick.items()}
        self.settings: Mapping[str, str] = {**quick, **(settings or {})}
        env = {**clean_environment(), **cloud.env, **self.settings, "MNGR_HOME": str(scratch / home)}
        if fakes:
            env |= {**fakes.env, "PATH": f"{fakes.path}:{env['PATH']}"}
        self.env: Mapping[str, str] = env

    @property
    def home(self) -> Path:
        return Path(self.env["MNGR_HOME"])

    def things(self) -> list[Thing]:
        """What the cloud's bill is still running for."""
        self.cloud.settle()
        now = {one["id"]: one["tags"] for one in self.cloud.resources()}
        return [
            thing(
                line["kind"],
                line["resource"],
                line["name"],
                read_tags(now.get(line["resource"], line["tags"])),
            )
            for line in self.cloud.bill()["lines"]
            if line["open"]
        ]

    def now(self) -> float:
        return self.cloud.now()

    def pass_time(self, seconds: float) -> None:
        self.cloud.advance(seconds)

    def other_home(self) -> Self:
        other = copy.copy(self)
        other.env = {**self.env, "MNGR_HOME": str(self.scratch / f"home-{os.urandom(4).hex()}")}
        return other


def thing(kind: str, id: str, name: str, tags: Mapping[str, str]) -> Thing:
    """One whose tags say whose it is."""
    until = tags.get("mngr-until", "")
    lease = float(until) if until.isdigit() else 0.0
    return Thing(kind, id, name, owner=tags.get("mngr-host-id", ""), lease=lease, tags=tags)


def read_tags(rows: Sequence[str]) -> dict[str, str]:
    """`key=value` each."""
    return {key: value for key, _, value in (row.partition("=") for row in rows)}
