"""A recycled VPS that won't be installed: given back at once, passed over, and another one or an order taken instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.backends.ovh.recycling import take
from mngr.backends.ovh.tags import RECYCLING_BY, REFUSED
from mngr.model.errors import TimedOut
from mngr.vps_docker import tags
from mngr.vps_docker.errors import MachineRefused, VpsProvisioningError
from support.ovh import Account, Here

from .conftest import HOST, Killed, Laptop

BUSY = {"message": "Action not available while there are running tasks on the VPS"}
REFUSALS = {
    "busy": {"do": "error", "status": 400, "body": BUSY, "times": None},
    "task error": {"do": "task_error", "times": None},
}


def recyclable(sim: Here, count: int = 1, **more: object) -> list[str]:
    """VPSs of mngr's that are paid for and cancelled."""
    seed = {"count": count, "cancelled": True, "tags": {tags.PROVIDER: "ovh"}, **more}
    return sim.ask("POST", "/seed_vps", seed)["services"]


def refuse(sim: Here, service: str, why: str) -> None:
    fault = dict(REFUSALS[why])
    sim.fault(fault.pop("do"), method="POST", path=f"/vps/{service}/rebuild", **fault)


@pytest.mark.parametrize("why", REFUSALS)
def test_the_next_candidate_is_taken_then_an_order(laptop: Laptop, sim: Here, why: str) -> None:
    both = recyclable(sim, 2)
    spec = laptop.spec()
    tried: list[str] = []
    kept: dict[str, str] = {}
    for _ in both:
        made, kept = laptop.create(spec, kept)
        refuse(sim, made.id, why)
        tried.append(made.id)
        with pytest.raises(MachineRefused):
            laptop.cloud.bootstrap(made, lambda text: None)
    assert sorted(tried) == sorted(both)
    laptop.clock.sleep(10)
    for service in both:
        found = Account(sim).tags(service)
        assert found[tags.PROVIDER] == "ovh"
        assert found[REFUSED].isdigit()
        assert not {tags.HOST_ID, tags.BUILDER, tags.UNTIL, RECYCLING_BY} & set(found)
    made, kept = laptop.create(spec, kept)
    assert made.id not in both
    assert len([one for one in sim.bill()["lines"] if one["resource"] not in both]) == 1


def test_it_is_tried_again_once_some_time_has_passed(laptop: Laptop, sim: Here) -> None:
    [service] = recyclable(sim)
    laptop.client.post(
        f"/v2/iam/resource/urn:v1:us:resource:vps:{service}/tag",
        {"key": REFUSED, "value": str(int(laptop.cloud.now()) + 3600)}, repeat=True,
    )  # fmt: skip
    laptop.clock.sleep(10)
    assert take.candidates(laptop.cloud.parts, laptop.spec()) == []
    laptop.clock.sleep(3600)
    made, _ = laptop.create(laptop.spec())
    assert made.id == service
    laptop.clock.sleep(10)
    assert REFUSED not in Account(sim).tags(service)


@pytest.mark.parametrize(("why", "error"), [("busy", TimedOut), ("task error", VpsProvisioningError)])
def test_one_that_was_ordered_isn_t_swapped_for_another_order(
    laptop: Laptop, sim: Here, why: str, error: type[Exception]
) -> None:
    made, _ = laptop.create(laptop.spec())
    refuse(sim, made.id, why)
    with pytest.raises(error) as raised:
        laptop.cloud.bootstrap(made, lambda text: None)
    assert not isinstance(raised.value, MachineRefused)
    assert len(sim.bill()["lines"]) == 1


def test_one_that_is_off_is_taken_as_it_is_installed_anyway(laptop: Laptop, sim: Here) -> None:
    [service] = recyclable(sim, state="stopped")
    made, _ = laptop.create(laptop.spec())
    assert (made.id, made.state) == (service, "running")
    laptop.cloud.first.install(made.id, "", lambda text: None)
    assert laptop.cloud.get(made.id).state == "running"


def test_a_released_create_takes_its_claim_along(laptop: Laptop, sim: Here) -> None:
    [service] = recyclable(sim)
    kept: dict[str, str] = {}
    sim.fault("error", status=400, method="POST", path=f"/v2/iam/resource/*{service}/tag", nth=2, times=None)

    def save(more: dict[str, str]) -> None:
        kept.update(more)
        if more.get("id"):
            raise Killed  # right after winning: the claim stands there

    put = laptop.cloud.parts.store.drop
    laptop.cloud.parts.store.drop = lambda *given: None  # the dead clean nothing up
    with pytest.raises(Killed):
        laptop.cloud.create(laptop.spec(), {}, save, print)
    laptop.cloud.parts.store.drop = put
    sim.clear()
    assert f"mngr-claim.{HOST}" in Account(sim).tags(service)
    laptop.cloud.release(laptop.spec(), kept)
    laptop.clock.sleep(10)
    assert not [key for key in Account(sim).tags(service) if key.startswith("mngr-claim.")]


@pytest.mark.parametrize("writes", [1, 2, 3, 4])
def test_a_create_that_died_while_it_marked_its_vps_goes_on_with_it(
    laptop: Laptop, sim: Here, tmp_path: Path, writes: int
) -> None:
    """The claim was won; the lock, the lease, the host's id, … were written so far, over an earlier host's tags."""
    [service] = recyclable(sim, tags={tags.PROVIDER: "ovh", tags.HOST_ID: "host-fedcba9876543210"})
    kept: dict[str, str] = {}
    put = laptop.cloud.parts.store.put
    left = [writes]

    def dies(on: str, key: str, value: str) -> None:
        if kept.get("id"):
            if not left[0]:
                raise Killed
            left[0] -= 1
        put(on, key, value)

    laptop.cloud.parts.store.put = dies  # type: ignore[method-assign]
    laptop.cloud.parts.store.drop = lambda *given: None  # type: ignore[method-assign]  the dead clean nothing up
    with pytest.raises(Killed):
        laptop.cloud.create(laptop.spec(), {}, kept.update, print)
    laptop.clock.sleep(200)  # the claim has passed
    after = Laptop(sim, tmp_path / "one")
    assert after.cloud.get(service).id == service, "it isn't free"
    made, kept = after.create(after.spec(), kept)
    assert made.id == service
    after.clock.sleep(10)
    assert Account(sim).tags(service)[tags.HOST_ID] == HOST
    assert [line["resource"] for line in sim.bill()["lines"]] == [service]


def test_one_that_was_locked_and_let_go_is_free_at_once(laptop: Laptop, sim: Here) -> None:
    lock = f"{int(laptop.cloud.now()) + 900}:{HOST}"
    old = {tags.PROVIDER: "ovh", tags.HOST_ID: "host-fedcba9876543210", RECYCLING_BY: lock}
    [service] = recyclable(sim, tags=old)
    laptop.cloud.release(laptop.spec(), {"id": service})
    laptop.clock.sleep(10)
    assert laptop.create(laptop.spec("host-00000000000000aa"))[0].id == service
