"""A simulated Vultr for each test that asks: without machines (`cloud`), or with real ones (`real_cloud`)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.simcloud import Simcloud, until

ORDER = {"region": "ewr", "plan": "vc2-1c-1gb", "os_id": 2136}


@pytest.fixture
def cloud() -> Iterator[Simcloud]:
    """Fake machines and no rate limit: fast."""
    with Simcloud("vultr", "--machines", "fake", "--rate-limit", "0") as running:
        yield running


@pytest.fixture(scope="session")
def real_cloud() -> Iterator[Simcloud]:
    """One cloud with container machines for all tests that need them."""
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker daemon: run `scripts/dockerd start`")
    with Simcloud("vultr", "--machines", "container", "--rate-limit", "0") as running:
        yield running


@pytest.fixture
def order(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """Order an instance from the test's cloud and wait until it is active: `order(label="x")`."""
    running = request.getfixturevalue("real_cloud" if "real_cloud" in request.fixturenames else "cloud")

    def place(**attributes: Any) -> dict[str, Any]:
        body = {**ORDER, **attributes}
        if "snapshot_id" in attributes or "image_id" in attributes:
            del body["os_id"]
        status, answer = running.api("POST", "/instances", body)
        assert status == 202, answer
        id = answer["instance"]["id"]

        def active() -> Any:
            instance = running.api("GET", f"/instances/{id}")[1]["instance"]
            return instance if instance["status"] == "active" else None

        return until(active, "the instance to be active", every_s=0.02)

    return place


@pytest.fixture(scope="session")
def contract_path() -> Path:
    """The vendor's schema; tests skip where the contracts folder isn't there."""
    default = Path(__file__).parents[3] / "shared" / "contracts"
    path = Path(os.environ.get("MNGR_CONTRACTS", default)) / "vultr" / "openapi-subset.json"
    if not path.exists():
        pytest.skip(f"no vendor contracts at {path.parent.parent} (MNGR_CONTRACTS)")
    return path
