"""Each misbehaviour at each step of making, keeping and letting go: what the bill then has is explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mngr.model.errors import MngrError
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import Later
from support.ovh import Here

from .conftest import HOST, Laptop

STEPS = [
    ("POST", "/order/cart"),
    ("POST", "/order/cart/*/vps"),
    ("POST", "/order/cart/*/item/*/configuration"),
    ("POST", "/order/cart/*/assign"),
    ("POST", "/order/cart/*/checkout"),
    ("GET", "/me/order/*/status"),
    ("GET", "/me/order/*/details"),
    ("POST", "/v2/iam/resource/*/tag"),
    ("GET", "/vps/*/serviceInfos"),
    ("PUT", "/vps/*/serviceInfos"),
    ("DELETE", "/v2/iam/resource/*/tag/*"),
]


def explained(sim: Here, laptop: Laptop) -> list[str]:
    """VPSs and orders on the bill that no host, no marker, and no tag of ours on a cancelled one explains."""
    now = laptop.cloud.now()
    left = []
    orders = {str(one.order_id) for one in laptop.markers.all()}
    lost = [one for one in laptop.markers.all() if not one.order_id]
    listed = {
        vps.name: vps
        for vps in laptop.cloud.parts.reader.read_all(
            [name for name, _ in laptop.cloud.parts.store.rows()], patiently=False
        )
    }
    for line in sim.bill()["lines"]:
        vps = listed.get(line["resource"])
        if vps is None:
            if not orders and not lost:
                left.append(f"{line['resource']}: ordered, and nobody knows")
        elif (
            not (vps.renewal.cancelled and vps.tags.get(tags.PROVIDER) == "ovh")
            and not tags.read(vps.tags).ready
        ):
            left.append(
                f"{vps.name}: {dict(vps.tags)}, cancelled {vps.renewal.cancelled}, released {vps.released(now)}"
            )
    return left


FAULTS: dict[str, dict[str, Any]] = {
    "error": {"do": "error"},
    "lost answer": {"do": "lose_answer"},
    "throttled": {"do": "throttle"},
    "never answered": {"do": "timeout"},
    "done and never answered": {"do": "timeout", "how": "after_commit"},
    "404": {"do": "error", "status": 404},
    "404 for a while": {"do": "error", "status": 404, "times": 5},
    "as it was long ago": {"do": "stale", "lag_s": 7200, "times": 5},
    "not JSON": {"do": "error", "status": 502, "body": "<html>"},
}


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize(("method", "path"), STEPS, ids=lambda value: value.replace("/", "."))
def test_one_call_fails(sim: Here, tmp_path: Path, method: str, path: str, what: str) -> None:
    # Real seconds, sat out once by those that are never answered.
    laptop = Laptop(sim, tmp_path, timeout=1.0)
    spec = laptop.spec()
    kept: dict[str, str] = {}
    laptop.cloud.check(spec)
    fault = {"times": 1, **FAULTS[what]}
    sim.fault(fault.pop("do"), method=method, path=path, **fault)
    try:
        for _ in range(120):
            made = laptop.cloud.create(spec, kept, kept.update, print)
            if made is not None:
                laptop.cloud.keep(made.id, print)
                laptop.cloud.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
                break
            laptop.clock.sleep(5)
    except MngrError:
        pass
    release(laptop, spec, kept)
    sim.clear()
    for _ in range(40):  # later creates and sweeps
        laptop.clock.sleep(30)
        laptop.cloud.reconcile()
    release(laptop, spec, kept)
    laptop.clock.sleep(30)
    assert explained(sim, laptop) == []
    assert len(sim.bill()["lines"]) <= 1
    assert laptop.cloud.find({tags.HOST_ID: HOST}) == []


def release(laptop: Laptop, spec, kept: dict[str, str]) -> None:
    for _ in range(60):
        try:
            if not isinstance(laptop.cloud.release(spec, kept), Later):
                return
        except MngrError:
            pass
        laptop.clock.sleep(5)
    raise AssertionError("never released")
