"""Which VPS may be recycled, and that whoever has won one still has it when it is wiped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from mngr.backends.ovh.recycling import take
from mngr.backends.ovh.tags import RECYCLING_BY, REFUSED
from mngr.model.background import begin
from mngr.testing.cloud import until
from mngr.vps_docker import tags
from mngr.vps_docker.errors import MachineRefused
from support.ovh import Account, Here

from .conftest import HOST, Laptop

OTHER = "host-fedcba9876543210"
OURS = {tags.PROVIDER: "ovh"}
AHEAD = str(4 * 10**9)
PASSED = str(10**9)
LOCK_OF_ANOTHER = "1f0c6a52-0e4e-4f0e-b7a5-0d6c1a4f9a11"


def seeded(sim: Here, **more: object) -> str:
    """One VPS that is ours, paid for and cancelled, but for `more`."""
    seed = {"cancelled": True, "tags": OURS, **more}
    return sim.ask("POST", "/seed_vps", seed)["services"][0]


def truth(sim: Here, service: str) -> dict[str, str]:
    """Its tags, whatever a replica shows."""
    [row] = [one for one in sim.ask("GET", "/resources")["resources"] if one["id"] == service]
    return dict(tag.split("=", 1) for tag in row["tags"])


def says(sim: Here, laptop: Laptop, service: str, **changes: Any) -> None:
    """What OVH's serviceInfos say of it from now on."""
    info = laptop.client.get(f"/vps/{service}/serviceInfos")
    path = f"/vps/{service}/serviceInfos"
    sim.fault("error", method="GET", path=path, status=200, body={**info, **changes}, times=None)


MAY_BE_TAKEN: dict[str, dict[str, Any]] = {
    "as it is": {},
    "it is off": {"state": "stopped"},
    "an earlier host's tags": {"tags": {**OURS, tags.HOST_ID: OTHER, tags.HOST_KEY: "AAAA"}},
    "a lease that has passed": {"tags": {**OURS, tags.HOST_ID: OTHER, tags.UNTIL: PASSED}},
    "a lock of ours that has passed": {"tags": {**OURS, RECYCLING_BY: f"{PASSED}:{OTHER}"}},
    "a claim that has passed": {"tags": {**OURS, f"mngr-claim.{OTHER}": f"{PASSED}:0"}},
    "a refusal that has passed": {"tags": {**OURS, REFUSED: PASSED}},
    "its owner's own tags": {"tags": {**OURS, "team": "web"}},
}

MAY_NOT: dict[str, dict[str, Any]] = {
    "it isn't cancelled": {"cancelled": False},
    "another plan": {"plan": "vps-2025-model2"},
    "another datacenter": {"datacenter": "US-WEST-OR"},
    **{
        f"it is {state}": {"state": state}
        for state in (
            "backuping",
            "installing",
            "maintenance",
            "rebooting",
            "rescued",
            "starting",
            "upgrading",
        )
    },
    "nobody's tags": {"tags": {}},
    "somebody's tags only": {"tags": {"team": "web"}},
    "another instance's": {"tags": {tags.PROVIDER: "ovh-team"}},
    "a host is on it": {"tags": {**OURS, tags.HOST_ID: OTHER, tags.READY: "1"}},
    "somebody builds on it": {"tags": {**OURS, tags.HOST_ID: OTHER, tags.UNTIL: AHEAD}},
    "a lock of ours": {"tags": {**OURS, RECYCLING_BY: f"{AHEAD}:{OTHER}"}},
    "another implementation's lock": {"tags": {**OURS, RECYCLING_BY: LOCK_OF_ANOTHER}},
    "another implementation's lock, of digits": {"tags": {**OURS, RECYCLING_BY: PASSED}},
    "somebody's live claim": {"tags": {**OURS, f"mngr-claim.{OTHER}": f"{AHEAD}:0"}},
    "a claim that can't be read": {"tags": {**OURS, f"mngr-claim.{OTHER}": "soon"}},
    "it was refused": {"tags": {**OURS, REFUSED: AHEAD}},
}


@pytest.mark.parametrize("what", MAY_BE_TAKEN)
def test_it_is_recycled_at_no_new_charge(laptop: Laptop, sim: Here, what: str) -> None:
    service = seeded(sim, **MAY_BE_TAKEN[what])
    spare = laptop.cloud.check(laptop.spec()).spare
    assert spare is not None, "it is said beforehand"
    assert spare.machine == service
    made, _ = laptop.create(laptop.spec())
    assert made.id == service
    assert len(sim.bill()["lines"]) == 1
    assert truth(sim, service).get("team", "web") == "web"
    assert [key for key in truth(sim, service) if key.startswith("mngr-claim.") and HOST in key] == []


@pytest.mark.parametrize("what", MAY_NOT)
def test_it_is_left_alone(laptop: Laptop, sim: Here, what: str) -> None:
    service = seeded(sim, **MAY_NOT[what])
    before = truth(sim, service)
    assert laptop.cloud.check(laptop.spec()).spare is None
    made, _ = laptop.create(laptop.spec())
    assert made.id != service
    assert truth(sim, service) == before
    assert not [call for call in sim.calls() if call["method"] == "PUT" and service in call["path"]]


@pytest.mark.parametrize("status", ["expired", "inCreation", "pendingDebt", "unPaid", "autorenewInProgress"])
def test_one_that_isn_t_ok_is_left_alone(laptop: Laptop, sim: Here, status: str) -> None:
    service = seeded(sim)
    says(sim, laptop, service, status=status)
    assert laptop.create(laptop.spec())[0].id != service


def test_one_that_is_engaged_is_left_alone(laptop: Laptop, sim: Here) -> None:
    service = seeded(sim)
    says(sim, laptop, service, engagedUpTo="2099-01-01")
    assert laptop.create(laptop.spec())[0].id != service


@pytest.mark.parametrize(
    ("hours", "before_s", "taken"), [(2, 7260, True), (2, 7080, False), (24, 86460, True), (24, 86280, False)]
)
def test_the_margin_counts_to_the_start_of_the_expiration_date_utc(
    sim: Here, tmp_path: Any, hours: int, before_s: int, taken: bool
) -> None:
    laptop = Laptop(sim, tmp_path / "one", recycle_safety_margin_hours=hours)
    service = seeded(sim)
    date = laptop.client.get(f"/vps/{service}/serviceInfos")["expiration"]
    midnight = datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp()
    laptop.clock.sleep(midnight - before_s - laptop.cloud.now())
    assert take.candidates(laptop.cloud.parts, laptop.spec()) == ([service] if taken else [])


def test_as_many_are_considered_as_configured_after_the_filters(sim: Here, tmp_path: Any) -> None:
    laptop = Laptop(sim, tmp_path / "one", recycle_max_candidates_considered=2)
    for _ in range(6):
        seeded(sim, plan="vps-2025-model2")
    fit = {seeded(sim) for _ in range(3)}
    found = take.candidates(laptop.cloud.parts, laptop.spec())
    assert len(found) == 2
    assert set(found) <= fit


def test_of_several_the_one_that_is_said_is_the_one_that_is_taken(laptop: Laptop, sim: Here) -> None:
    """Each create has an order of its own."""
    for _ in range(12):
        seeded(sim)
        seeded(sim, plan="vps-2025-model2")
    said = set()
    for n in range(4):
        spec = laptop.spec(f"host-{n:016x}")
        spare = laptop.cloud.check(spec).spare
        assert spare
        assert laptop.create(spec)[0].id == spare.machine
        said.add(spare.machine)
    assert len(said) == 4


@pytest.mark.parametrize("fault", [{"do": "error", "status": 500}, {"do": "timeout"}])
def test_a_look_in_vain_leaves_the_price(
    laptop: Laptop, sim: Here, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr("mngr.backends.ovh.cloud.LOOK_S", 0.5)
    seeded(sim)
    sim.fault(**fault, method="GET", path="/v2/iam/resource", times=None)
    offer = laptop.cloud.check(laptop.spec())
    assert (offer.due_now, offer.may_recycle, offer.spare) == (7.99, True, None)


def test_the_look_goes_on_beside_the_price(laptop: Laptop, sim: Here) -> None:
    """All of the catalogue is read while the first call of the look is held."""
    seeded(sim)
    sim.gate("before_commit", method="GET", path="/v2/iam/resource")
    price = begin(lambda: laptop.cloud.check(laptop.spec()))
    [held] = sim.held()
    until(lambda: [one for one in sim.calls() if one["method"] == "DELETE"], "the cart's item is dropped")
    assert [one["method"] for one in sim.held()] == ["GET"]
    sim.release(held=held["id"])
    offer = price()
    assert (offer.due_now, bool(offer.spare)) == (7.99, True)


# --- who has won has it still when it is wiped ------------------------------------------------------------------------


def after_put(laptop: Laptop, key: str, then: Callable[[str], None]) -> None:
    """Once mngr has written this tag, something else happens."""
    put, left = laptop.cloud.parts.store.put, [1]

    def watched(service: str, what: str, value: str) -> None:
        put(service, what, value)
        if what == key and left[0]:
            left[0] = 0
            then(service)

    laptop.cloud.parts.store.put = watched  # type: ignore[method-assign]


def test_a_lock_that_another_implementation_overwrote_is_lost_and_a_fresh_one_is_ordered(
    laptop: Laptop, sim: Here
) -> None:
    service = seeded(sim)
    after_put(laptop, RECYCLING_BY, lambda on: Account(sim).tag(on, RECYCLING_BY, LOCK_OF_ANOTHER))
    made, kept = laptop.create(laptop.spec())
    assert made.id != service
    assert kept["id"] == made.id
    assert truth(sim, service)[RECYCLING_BY] == LOCK_OF_ANOTHER
    assert laptop.cloud.parts.own_writes.building(service) is None


def test_a_lock_that_vanished_is_lost(laptop: Laptop, sim: Here) -> None:
    service = seeded(sim)
    account = Account(sim)

    def removes(on: str) -> None:
        laptop.clock.sleep(5)
        account.delete(f"/v2/iam/resource/{account.urn(on)}/tag/{RECYCLING_BY}")

    after_put(laptop, RECYCLING_BY, removes)
    assert laptop.create(laptop.spec())[0].id != service


def rebuilds(sim: Here) -> list[str]:
    return [call["path"] for call in sim.calls() if call["path"].endswith("/rebuild")]


TAKEN = {
    "another host's": {tags.HOST_ID: OTHER, RECYCLING_BY: f"{AHEAD}:{OTHER}"},
    "another's lock": {RECYCLING_BY: f"{AHEAD}:{OTHER}"},
    "another implementation's lock": {RECYCLING_BY: LOCK_OF_ANOTHER},
    "a host on it": {tags.READY: "1"},
}


@pytest.mark.parametrize("what", TAKEN)
@pytest.mark.parametrize("recycled", [True, False])
def test_what_became_somebody_else_s_isn_t_wiped(
    laptop: Laptop, sim: Here, what: str, recycled: bool
) -> None:
    if recycled:
        seeded(sim)
    made, _ = laptop.create(laptop.spec())
    for key, value in TAKEN[what].items():
        Account(sim).tag(made.id, key, value)
    laptop.clock.sleep(200)
    before = truth(sim, made.id)
    with pytest.raises(MachineRefused, match="isn't reserved"):
        laptop.cloud.bootstrap(made, lambda text: None)
    assert rebuilds(sim) == []
    assert truth(sim, made.id) == before


def test_the_next_candidate_is_taken_for_one_that_was_lost(laptop: Laptop, sim: Here) -> None:
    seeded(sim), seeded(sim)
    made, kept = laptop.create(laptop.spec())
    for key, value in TAKEN["another host's"].items():
        Account(sim).tag(made.id, key, value)
    laptop.clock.sleep(10)
    with pytest.raises(MachineRefused):
        laptop.cloud.bootstrap(made, lambda text: None)
    second, _ = laptop.create(laptop.spec(), kept)
    assert second.id != made.id
    assert len(sim.bill()["lines"]) == 2, "a needless order"


@pytest.mark.parametrize("slept_s", [tags.LEASE_S - 50, tags.LEASE_S, tags.LEASE_S + 300])
def test_a_lease_that_passed_is_claimed_anew_before_anything_is_wiped(
    laptop: Laptop, sim: Here, slept_s: float
) -> None:
    service = seeded(sim)
    made, kept = laptop.create(laptop.spec())
    laptop.clock.sleep(slept_s)
    with pytest.raises(MachineRefused):
        laptop.cloud.bootstrap(made, lambda text: None)
    assert rebuilds(sim) == []
    claims: list[str] = []
    after_put(laptop, f"mngr-claim.{HOST}", claims.append)
    again, _ = laptop.create(laptop.spec(), kept)
    assert claims == [again.id] == [service]
    laptop.clock.sleep(10)
    assert take.holds(laptop.cloud.parts, truth(sim, service), HOST, locked=True)


def test_it_is_looked_at_before_each_order_of_an_installation(laptop: Laptop, sim: Here) -> None:
    """OVH is busy with another task at the first, and while mngr waits the VPS is taken."""
    seeded(sim)
    made, _ = laptop.create(laptop.spec())
    busy = {"message": "Action not available while there are running tasks on the VPS"}
    sim.fault("error", method="POST", path="/vps/*/rebuild", status=400, body=busy, times=1)
    post = laptop.client.post

    def taken(path: str, *given: Any, **more: Any) -> Any:
        try:
            return post(path, *given, **more)
        finally:
            for key, value in TAKEN["another host's"].items():
                Account(sim).tag(made.id, key, value)
            laptop.clock.sleep(10)

    laptop.client.post = taken  # type: ignore[method-assign]
    with pytest.raises(MachineRefused):
        laptop.cloud.bootstrap(made, lambda text: None)
    assert len(rebuilds(sim)) == 1


def test_a_winner_that_stood_still_before_its_first_mark_writes_none(laptop: Laptop, sim: Here) -> None:
    """Its claim has passed since it looked, and somebody else has taken the VPS."""
    service = seeded(sim)
    spec, parts = laptop.spec(), laptop.cloud.parts
    looked = laptop.clock.monotonic()
    laptop.clock.sleep(parts.rules.wait + 1)
    theirs = f"{int(laptop.cloud.now()) + 900}:host-fedcba9876543210"
    Account(sim).tag(service, RECYCLING_BY, theirs)
    assert not take.mark(parts, service, spec, {tags.PROVIDER: "ovh"}, looked)
    assert truth(sim, service) == {tags.PROVIDER: "ovh", RECYCLING_BY: theirs}
