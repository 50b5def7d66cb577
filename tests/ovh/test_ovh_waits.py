"""Each wait for OVH says what it waits for and how long at most, and has an end that says what to do."""

from __future__ import annotations

import pytest

from mngr.model.errors import TimedOut
from mngr.vps_docker import tags
from support.ovh import Here

from .conftest import Laptop

BUSY = {"message": "Action not available while there are running tasks on the VPS"}


def test_delivery_activation_and_rebuild_tell_what_they_wait_for(laptop: Laptop, sim: Here) -> None:
    told: list[str] = []
    laptop.cloud.parts.tell_to(told.append)
    made, _ = laptop.create(laptop.spec())
    service = made.id
    assert any(one.startswith("delivery (order ") and one.endswith("at most 600 s)") for one in told)
    assert told[-1] == f"cancel: the renewal of {service}, until its host is made (at most 240 s)"
    told.clear()
    laptop.cloud.first.install(service, "", told.append)
    [task] = [one for one in told if "is doing" in one]
    assert told[:3] == [
        f"rebuild: wait for OVH's tasks on {service} (at most 600 s)",
        f"rebuild: {service} with Debian 12 - Docker",
        f"rebuild: OVH is still busy with {service} (at most 300 s)",
    ]
    assert task.startswith("rebuild: OVH's task ")
    assert task.endswith(" is doing (at most 900 s)")
    assert len(told) == len(set(told)), "each once"
    told.clear()
    laptop.cloud.keep(service)
    assert told == [f"renew: take back the cancellation of {service} (at most 240 s)"]


def seeded(sim: Here) -> str:
    seed = {"count": 1, "cancelled": True, "tags": {tags.PROVIDER: "ovh"}}
    return sim.control("POST", "/seed_vps", seed)["services"][0]


@pytest.mark.parametrize(
    ("what", "limit"), [("busy", "within 300 s"), ("task", "within 900 s"), ("tasks", "within 600 s")]
)
def test_waits_for_an_installation_end(laptop: Laptop, sim: Here, what: str, limit: str) -> None:
    service = seeded(sim)
    if what == "busy":
        sim.fault("error", status=400, body=BUSY, method="POST", path=f"/vps/{service}/rebuild", times=None)
    elif what == "task":
        sim.control("POST", "/behaviour", {"rebuild_s": 5000})
    else:
        sim.fault("error", status=200, body=[4711], method="GET", path=f"/vps/{service}/tasks", times=None)
    with pytest.raises(TimedOut) as ended:
        laptop.cloud.first.install(service, "", lambda text: None)
    assert service in ended.value.message
    assert limit in ended.value.message
    assert ended.value.hint


def test_the_wait_for_a_cancellation_to_be_taken_back_ends(laptop: Laptop, sim: Here) -> None:
    service = seeded(sim)
    refusal = {"message": "Unable to synchronize l1::Service, subscription is not active yet"}
    sim.fault(
        "error", status=400, body=refusal, method="PUT", path=f"/vps/{service}/serviceInfos", times=None
    )
    with pytest.raises(TimedOut, match=r"take back the cancellation of .* within 240 s") as ended:
        laptop.cloud.keep(service)
    assert "run the command again" in ended.value.hint
