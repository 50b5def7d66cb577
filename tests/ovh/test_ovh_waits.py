"""Each wait for OVH says what it waits for and how long at most, and has an end that says what to do."""

from __future__ import annotations

import pytest

from mngr.model.errors import TimedOut
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.ops.context import Phases
from mngr.vps_docker import tags
from support.ovh import Here

from .conftest import Laptop

BUSY = {"message": "Action not available while there are running tasks on the VPS"}


def test_delivery_activation_and_rebuild_tell_what_they_wait_for(laptop: Laptop, sim: Here) -> None:
    told: list[Step | Note] = []
    made, _ = laptop.create(laptop.spec(), progress=told.append)
    service = made.id
    assert any(isinstance(one, Step) and one.phase == "delivery" and one.at_most_s == 600 for one in told)
    assert told[-1] == Step("cancel", f"the renewal of {service}, until its host is made", 240)
    told.clear()
    laptop.cloud.first.install(service, "", Phases(laptop.clock, told.append))
    [task] = [one for one in told if isinstance(one, Step) and "is doing" in one.detail]
    assert told[:3] == [
        Step("rebuild", f"wait for OVH's tasks on {service}", 600),
        Step("rebuild", f"{service} with Debian 12 - Docker"),
        Step("rebuild", f"OVH is still busy with {service}", 300),
    ]
    assert task.phase == "rebuild"
    assert task.detail.startswith("OVH's task ")
    assert task.at_most_s == 900
    assert len(told) == len(set(told)), "each once"
    told.clear()
    laptop.cloud.keep(service, told.append)
    assert told == [Step("renew", f"take back the cancellation of {service}", 240)]


def seeded(sim: Here) -> str:
    seed = {"count": 1, "cancelled": True, "tags": {tags.PROVIDER: "ovh"}}
    return sim.ask("POST", "/seed_vps", seed)["services"][0]


@pytest.mark.parametrize(
    ("what", "limit"), [("busy", "within 300 s"), ("task", "within 900 s"), ("tasks", "within 600 s")]
)
def test_waits_for_an_installation_end(laptop: Laptop, sim: Here, what: str, limit: str) -> None:
    service = seeded(sim)
    if what == "busy":
        sim.fault("error", status=400, body=BUSY, method="POST", path=f"/vps/{service}/rebuild", times=None)
    elif what == "task":
        sim.ask("POST", "/behaviour", {"rebuild_s": 5000})
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
        laptop.cloud.keep(service, print)
    assert "run the command again" in ended.value.hint
