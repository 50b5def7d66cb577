"""The claim has one winner: random races over a tag store whose reads lag, and whose writes take their time.

A race is 2–8 contenders for some VPSs. Every step of every contender takes a random time, every key's write reaches
each read at a random moment within Δ (its writer's at once, where `sees_own` says so), and contenders may die or stall anywhere. Time is simulated.
"""

from __future__ import annotations

import heapq
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mngr.backends.ovh.recycling import claim
from mngr.backends.ovh.recycling.claim import Rules
from mngr.backends.ovh.tags import is_free, is_locked
from mngr.vps_docker import tags

RULES = Rules(lag=5.0, within=10.0)
#: Whether a writer sees its own write at once: the proof needs neither.
SWITCH = pytest.mark.parametrize("sees_own", [True, False])


class Store:
    """Tags of one VPS. A write is seen by a read at random from its acknowledgement on, and surely after Δ."""

    def __init__(self, random: random.Random, lag: float, sees_own: bool) -> None:
        self.random, self.lag, self.sees_own = random, lag, sees_own
        self.writes: dict[str, list[tuple[float, str | None, str]]] = {}
        self.owners: list[str] = []

    def write(self, key: str, value: str | None, at: float, writer: str) -> None:
        self.writes.setdefault(key, []).append((at, value, writer))

    def read(self, now: float, reader: str) -> dict[str, str]:
        found = {}
        for key, writes in self.writes.items():
            value = None
            for at, written, writer in writes:
                sees = now - at >= self.lag or self.random.random() < (now - at) / self.lag
                if at <= now and (sees or (self.sees_own and writer == reader)):
                    value = written
            if value is not None:
                found[key] = value
        return found


def free(found, now) -> bool:
    return is_free(found, now) and not is_locked(found, now)


class Race:
    def __init__(
        self,
        seed: int,
        contenders: int,
        count: int,
        *,
        deaths: float,
        stalls: float,
        lag: float = RULES.lag,
        most_deaths: int = 8,
        sees_own: bool,
    ) -> None:
        self.random = random.Random(seed)
        self.stores = [Store(self.random, lag, sees_own) for _ in range(count)]
        self.deaths, self.stalls, self.most_deaths = deaths, stalls, most_deaths
        self.outcome: dict[str, str] = {}
        self.queue: list[tuple[float, int, object, object]] = []
        self.number = 0
        spread = self.random.choice([0.0, 1.0, 10.0, 60.0])
        for index in range(contenders):
            me = f"host-{index:016x}"
            self.later(self.random.uniform(0, spread), self.create(me), None)

    def later(self, at: float, who, answer) -> None:
        self.number += 1
        heapq.heappush(self.queue, (at, self.number, who, answer))

    def run(self) -> Race:
        while self.queue:
            now, _, who, answer = heapq.heappop(self.queue)
            try:
                at, answer = who.send(answer) if answer is not None else next(who)
            except StopIteration:
                continue
            self.later(at if at > now else now, who, answer if answer is not None else (now,))
        return self

    def create(self, me: str):
        """A create, as Recycler.take does it; yields (when it goes on, what it is told)."""
        now = self.now
        (now,) = yield self.at(0.0)
        limit = now + RULES.patience
        while True:
            contested = False
            stores = list(range(len(self.stores)))
            self.random.shuffle(stores)
            for index in stores:
                store = self.stores[index]
                seen = store.read(now, me)
                if not free(seen, now):
                    continue
                steps = claim.claim(me, f"{self.random.getrandbits(64):016x}", RULES, free)
                answer = None
                result = ""
                while not result:
                    try:
                        step = steps.send(answer)
                    except StopIteration as end:
                        result = end.value
                        break
                    dead = list(self.outcome.values()).count("dead")
                    if dead < self.most_deaths and self.random.random() < self.deaths:
                        self.outcome[me] = "dead"
                        return
                    answer = None
                    match step:
                        case claim.Time():
                            answer = (now, now)
                        case claim.Wait(seconds):
                            (now,) = yield self.until(now + seconds)
                        case claim.Read():
                            (now,) = yield self.until(now + self.delay())
                            answer = store.read(now, me)
                            (now,) = yield self.until(now + self.delay())
                        case claim.Put(key, value):
                            (now,) = yield self.until(now + self.delay())
                            store.write(key, value, now, me)
                            (now,) = yield self.until(now + self.delay())
                        case claim.Drop(key):
                            (now,) = yield self.until(now + self.delay())
                            store.write(key, None, now, me)
                        case claim.Own():
                            (now,) = yield self.until(now + self.delay())
                            store.owners.append(me)
                            store.write(tags.UNTIL, str(int(now) + tags.LEASE_S), now, me)
                            answer = True
                if result == "won":
                    self.outcome[me] = f"vps {index}"
                    return
                contested = contested or result == "contested"
            if not contested or now > limit:
                break
            (now,) = yield self.until(now + RULES.wait)
        self.outcome[me] = "ordered"

    @property
    def now(self) -> float:
        return 0.0

    def at(self, when: float):
        return (when, None)

    def until(self, when: float):
        return (when, (when,))

    def delay(self) -> float:
        """A call's way there or back; at times the network hangs, or the laptop sleeps."""
        if self.random.random() < self.stalls:
            return self.random.uniform(0, 4 * RULES.within)
        return self.random.uniform(0.01, RULES.within / 8)


@SWITCH
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 2**32), contenders=st.integers(2, 8), count=st.integers(1, 8))
def test_one_winner_and_no_needless_order(seed: int, contenders: int, count: int, sees_own: bool) -> None:
    race = Race(seed, contenders, count, deaths=0.0, stalls=0.0, sees_own=sees_own).run()
    assert all(len(store.owners) <= 1 for store in race.stores)
    won = [one for one in race.outcome.values() if one.startswith("vps")]
    assert len(race.outcome) == contenders
    assert len(won) == len(set(won)) == min(contenders, count), race.outcome


@SWITCH
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 2**32), contenders=st.integers(2, 8), count=st.integers(1, 3))
def test_no_double_claim_with_deaths_and_stalls(
    seed: int, contenders: int, count: int, sees_own: bool
) -> None:
    race = Race(seed, contenders, count, deaths=0.02, stalls=0.05, sees_own=sees_own).run()
    for store in race.stores:
        assert len(store.owners) <= 1, race.outcome


@SWITCH
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 2**32), contenders=st.integers(2, 8), count=st.integers(1, 3))
def test_a_dead_claimant_makes_nobody_order_while_a_vps_is_to_be_had(
    seed: int, contenders: int, count: int, sees_own: bool
) -> None:
    race = Race(seed, contenders, count, deaths=0.1, stalls=0.0, most_deaths=1, sees_own=sees_own).run()
    if "ordered" in race.outcome.values():
        assert all(store.owners for store in race.stores), race.outcome


@SWITCH
def test_the_model_sees_double_claims_where_reads_lag_longer_than_assumed(sees_own: bool) -> None:
    doubles = 0
    for seed in range(200):
        race = Race(seed, 8, 1, deaths=0.0, stalls=0.0, lag=20 * RULES.lag, sees_own=sees_own).run()
        doubles += len(race.stores[0].owners) > 1
    assert doubles


def test_a_dead_claimant_s_claim_ends_by_itself() -> None:
    found = {f"{claim.CLAIM}host-dead": "1000:0"}
    assert claim.others(found, "mine", 999.0) == ["0"]
    assert claim.others(found, "mine", 1001.0) == []
