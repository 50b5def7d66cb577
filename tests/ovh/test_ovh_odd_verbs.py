"""Whatever OVH answers, a step of a verb ends done or with an error of mngr's that says what to do next, never as a bug:
odd answers at every read and write of each step, one path at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mngr.backends.ovh import listing, release
from mngr.model.errors import MngrError
from mngr.vps_docker import tags
from support.ovh import Here

from .conftest import HOST, Laptop

ODD: list[Any] = ["text", 7, [{}], {"odd": None}]
OTHER = "host-fedcba9876543210"


def ordered(laptop: Laptop, service: str) -> None:
    laptop.cloud.check(laptop.spec(OTHER))
    kept: dict[str, str] = {}
    laptop.cloud.create(laptop.spec(OTHER), kept, kept.update, print)


def listed(laptop: Laptop, service: str) -> None:
    listing.rows(laptop.cloud, True)
    laptop.cloud.find({tags.PROVIDER: "ovh"})
    laptop.cloud.get(service)


STEPS: dict[str, Callable[[Laptop, str], object]] = {
    "order": ordered,
    "look": listed,
    "install": lambda laptop, service: laptop.cloud.first.install(service, "", lambda text: None),
    "switch off": lambda laptop, service: laptop.cloud.power(service, False),
    "keep": lambda laptop, service: laptop.cloud.keep(service, print),
    "tag": lambda laptop, service: laptop.cloud.tag(service, {"a": "b"}, ["c"]),
    "release": lambda laptop, service: laptop.cloud.release(laptop.spec(), {"id": service}),
    "adopt": lambda laptop, service: release.adopt(laptop.cloud.parts, service),
}


@contextlib.contextmanager
def seeded(laptop: Laptop, sim: Here) -> Iterator[str]:
    owned = {tags.PROVIDER: "ovh", tags.HOST_ID: HOST, tags.READY: "1"}
    yield sim.ask("POST", "/seed_vps", {"tags": owned})["services"][0]
    sim.clear()


def asked(sim: Here, since: int) -> list[tuple[str, str]]:
    """The calls made, as method and glob."""
    found = []
    for call in sim.calls(since):
        parts = call["path"].removeprefix("/1.0").removeprefix("/v1").split("/")
        glob = "/".join(
            "*" if any(one.isdigit() for one in part) and part != "v2" else part for part in parts
        )
        if (call["method"], glob) not in found:
            found.append((call["method"], glob))
    return found


@pytest.mark.parametrize("step", STEPS)
def test_an_odd_answer_never_ends_a_step_as_a_bug(laptop: Laptop, sim: Here, step: str) -> None:
    def run() -> list[tuple[str, str]]:
        with seeded(laptop, sim) as service:
            since = len(sim.calls())
            STEPS[step](laptop, service)
            return asked(sim, since)

    for method, path in run():
        for odd in ODD:
            with seeded(laptop, sim) as service:
                sim.fault("error", method=method, path=path, status=200, body=odd, times=None)
                fresh = Laptop(sim, laptop.markers.folder.parent)
                ended: list[MngrError] = []
                try:
                    STEPS[step](fresh, service)
                except MngrError as error:
                    ended.append(error)
                assert all(one.hint for one in ended), f"{method} {path} {odd!r}: no next step in {ended}"
