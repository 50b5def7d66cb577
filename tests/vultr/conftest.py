"""A simulated Vultr without machines, and our client aimed at it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mngr.backends.vultr.client import VultrClient
from mngr.backends.vultr.cloud import VultrCloud
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import MachineSpec
from support.simcloud import Simcloud
from support.wire import Recorder, SkippingClock

HOST = "host-0123456789abcdef"


@pytest.fixture
def sim() -> Iterator[Simcloud]:
    with Simcloud("vultr", "--machines", "fake", "--rate-limit", "0") as running:
        yield running


@pytest.fixture
def clock(sim: Simcloud) -> SkippingClock:
    return SkippingClock(sim.advance)


@pytest.fixture
def wire() -> Recorder:
    return Recorder()


@pytest.fixture
def client(sim: Simcloud, clock: SkippingClock, wire: Recorder) -> VultrClient:
    return VultrClient(sim.env["VULTR_API_KEY"], api_url=sim.url, clock=clock, transport=wire)


@pytest.fixture
def cloud(client: VultrClient, clock: SkippingClock) -> VultrCloud:
    return VultrCloud(client, clock)


@pytest.fixture
def spec(cloud: VultrCloud) -> MachineSpec:
    return MachineSpec(
        host_id=HOST,
        name="mngr-vultr-box-01234567",
        plan="vc2-1c-1gb",
        region="ewr",
        image="2136",
        user_data="#cloud-config\n{}\n",
        tags=tags.building("vultr", HOST, "box", "laptop-1", cloud.now()),
    )


@pytest.fixture(scope="session")
def contract() -> dict[str, Any]:
    """Vultr's own schema; tests skip where the contracts folder isn't there."""
    default = Path(__file__).parents[3] / "shared" / "contracts"
    path = Path(os.environ.get("MNGR_CONTRACTS", default)) / "vultr" / "openapi-subset.json"
    if not path.exists():
        pytest.skip(f"no vendor contracts at {path.parent.parent} (MNGR_CONTRACTS)")
    return json.loads(path.read_text())
