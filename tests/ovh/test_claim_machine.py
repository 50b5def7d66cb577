"""The recycler itself, as several computers run it, over a tag store whose reads lag: hypothesis chooses who goes on, who
stands still, who dies, and how time passes. No two of them ever wipe one VPS while a lease runs; none orders needlessly.

Each claimant is a thread that stops at every outside call. The machine lets one go on at a time, at the time of its
next event, so that a run is the same whenever its choices are.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mngr.backends.ovh.config import OvhConfig
from mngr.backends.ovh.parts import Parts
from mngr.backends.ovh.recycling import claim, take
from mngr.backends.ovh.recycling.claim import Rules
from mngr.backends.ovh.tags import RECYCLING_BY, TagStore
from mngr.model.clock import iso
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import MachineSpec

RULES = Rules(lag=5.0, within=10.0)
LIST_LAG_S = 15.0
START = 1_800_000_000.0
PAID_S = 30 * 86400.0
LIMIT_S = 20.0
CALL_S = 25.0
#: Tags that say whose a VPS is.
MARKS = (RECYCLING_BY, tags.UNTIL, tags.HOST_ID)
PLAN, REGION = "vps-2025-model1", "US-EAST-VA"


class Killed(BaseException):
    """The claimant's process."""


class World:
    """Time, the tags of each VPS, and what happens next. A write shows from the moment it is carried out at the earliest,
    and surely Δ after it was acknowledged. `sees_own`: to its writer at once. `list_lag`: Δ of lists, which make no such
    difference."""

    def __init__(self, count: int, seed: int, *, sees_own: bool, list_lag: float) -> None:
        self.sees_own, self.list_lag = sees_own, list_lag
        self.now = START
        self.random = random.Random(seed)
        self.services = [f"vps-{n}.vps.ovh.us" for n in range(count)]
        self.writes: dict[str, dict[str, list[list[Any]]]] = {
            one: {tags.PROVIDER: [["ovh", START - 100, START - 100, ""]]} for one in self.services
        }
        self.events: list[tuple[float, int, Claimant, Callable[[], None]]] = []
        self.number = 0
        self.wrongs: list[str] = []
        self.wiped: dict[str, list[tuple[float, float, str]]] = {one: [] for one in self.services}

    def read(self, service: str, reader: str) -> dict[str, str]:
        return self._seen(service, reader if self.sees_own else "", 0.0)

    def listed(self, service: str) -> dict[str, str]:
        return self._seen(service, "", self.list_lag - RULES.lag)

    def _seen(self, service: str, reader: str, later: float) -> dict[str, str]:
        found = {}
        for key, writes in self.writes[service].items():
            value = None
            for written, since, sure, writer in writes:
                share = (self.now - since) / (sure + later - since + 1e-9)
                if self.now >= sure + later or self.random.random() < share or (reader and writer == reader):
                    value = written
            if value is not None:
                found[key] = value
        return found

    def last(self, service: str, *keys: str) -> bool:
        """Whether one of these tags was written, and not taken away since."""
        return any(writes[-1][0] for key, writes in self.writes[service].items() if key in keys)

    def claims(self, who: Claimant) -> bool:
        return any(self.last(one, claim.CLAIM + who.host) for one in self.services)

    def later(self, seconds: float, who: Claimant, what: Callable[[], None]) -> None:
        self.number += 1
        heapq.heappush(self.events, (self.now + seconds, self.number, who, what))

    def put_off(self, seconds: float, who: Claimant) -> None:
        self.events = [
            (at + seconds if one is who else at, number, one, what) for at, number, one, what in self.events
        ]
        heapq.heapify(self.events)

    def go_on(self) -> bool:
        """The next event; False if there is none."""
        while self.events:
            at, _, who, what = heapq.heappop(self.events)
            self.now = max(self.now, at)
            if who.fate != "dead":
                what()
                return True
        return False


class Claimant(threading.Thread):
    """One computer's create: it recycles, looks once more as it does before it wipes, and wipes; or it orders."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(daemon=True)
        self.world = world
        self.host = f"host-{number:016x}"
        self.fate = ""
        self.doing = ""
        self.answered = False
        self.error: BaseException | None = None
        self.mine, self.theirs = threading.Semaphore(0), threading.Semaphore(0)
        self.answer: Any = None
        client: Any = _Client(world)
        client.clock = _Clock(self)
        config = OvhConfig(
            recycle_safety_margin_hours=0, list_lag=5, tag_lag=RULES.lag, claim_time=RULES.within
        )
        self.parts = Parts("ovh", client, config, Path("/nowhere"))
        self.parts.store = self.parts.reader.tags = _Store(self)
        world.later(0, self, self.resume)

    # The machine's side.

    def resume(self) -> None:
        """Lets the thread run to its next call."""
        if self.ident is None:
            self.start()
        else:
            self.mine.release()
        assert self.theirs.acquire(timeout=LIMIT_S), f"{self.host} hangs in {self.doing}"
        if self.error is not None:
            raise self.error

    def die(self) -> None:
        self.fate = "dead"
        if self.ident is not None:
            self.mine.release()
            self.join(LIMIT_S)

    # The thread's side.

    def call(self, doing: str, effect: Callable[[], Any], done: Callable[[], None] = lambda: None) -> Any:
        """An outside call: on its way, carried out, and its answer on the way back."""
        if self.fate == "dead":
            raise Killed
        self.doing, self.answered = doing, False
        there, back = self.delay(), self.delay()

        def carried_out() -> None:
            self.answer, self.answered = effect(), True
            self.world.later(back, self, answered)

        def answered() -> None:
            done()
            self.resume()

        self.world.later(there, self, carried_out)
        self.wait()
        return self.answer

    def delay(self) -> float:
        return self.world.random.uniform(0.01, RULES.within / 8)

    def wait(self) -> None:
        self.theirs.release()
        self.mine.acquire()
        if self.fate == "dead":
            raise Killed

    def run(self) -> None:
        try:
            self.create()
        except Killed:
            return
        except BaseException as error:
            self.error = error
        self.theirs.release()

    def create(self) -> None:
        owner = tags.building("ovh", self.host, "box", self.host, self.world.now)
        spec = MachineSpec(host_id=self.host, name="box", plan=PLAN, region=REGION, image="", tags=owner)
        nothing = lambda text: None  # noqa: E731
        for _ in range(3):
            vps = take.take(self.parts, spec, nothing, nothing)
            if vps is None:
                self.fate = "ordered"
                return
            found = self.parts.store.read(vps.name)
            if take.holds(self.parts, found, self.host):
                self.wipe(vps.name, float(found[tags.UNTIL]))
                return
        self.fate = "gave up"

    def wipe(self, service: str, until: float) -> None:
        world = self.world
        self.call("wipe", lambda: world.wiped[service].append((world.now, until, self.host)))
        self.fate = f"has {service}"


class _Client:
    def __init__(self, world: World) -> None:
        self.world = world

    def now(self) -> float:
        return self.world.now

    def get(self, path: str, params: object = None) -> Any:
        """Whatever isn't a tag never changes here, and costs no time."""
        name = path.split("/")[2]
        ends = iso(START + PAID_S)[:10]
        return {
            "serviceInfos": {"status": "ok", "expiration": ends, "renew": {"deleteAtExpiration": True}},
            "ips": [],
            "datacenter": {"name": REGION},
        }.get(path.split("/")[-1], {"name": name, "state": "running", "model": {"name": PLAN}})


class _Store(TagStore):
    """The account's tags, by one computer's calls."""

    def __init__(self, who: Claimant) -> None:
        self.who = who

    def rows(self) -> list[tuple[str, dict[str, str]]]:
        world = self.who.world
        return self.who.call("list", lambda: [(one, world.listed(one)) for one in world.services])

    def read(self, service: str) -> dict[str, str]:
        return self.who.call("read", lambda: self.who.world.read(service, self.who.host))

    def put(self, service: str, key: str, value: str) -> None:
        self._write(service, key, value)

    def drop(self, service: str, key: str) -> None:
        self._write(service, key, None)

    def know(self, service: str, urn: str) -> None:
        pass

    def _write(self, service: str, key: str, value: str | None) -> None:
        world = self.who.world
        write: list[Any] = []

        def carried_out() -> None:
            for _, until, owner in world.wiped[service]:
                if owner != self.who.host and world.now <= until and key in MARKS:
                    world.wrongs.append(f"{self.who.host} wrote {key} on {service}, which is {owner}'s")
            write[:] = [value, world.now, world.now + RULES.lag, self.who.host]
            world.writes[service].setdefault(key, []).append(write)

        def acknowledged() -> None:
            write[2] = world.now + RULES.lag

        self.who.call(f"put {key}", carried_out, acknowledged)


class _Clock:
    def __init__(self, who: Claimant) -> None:
        self.who = who

    def now(self) -> float:
        return self.who.world.now

    def monotonic(self) -> float:
        return self.who.world.now

    def sleep(self, seconds: float) -> None:
        if self.who.fate == "dead":
            raise Killed
        self.who.doing, self.who.answered = "sleep", False
        self.who.world.later(seconds, self.who, self.who.resume)
        self.who.wait()


class Races(RuleBasedStateMachine):
    """`mayhem`: what may happen to claimants in this run. In a calm one, who orders needed to. A writer sees its write at once,
    as OVH's do."""

    sees_own = True
    list_lag = RULES.lag
    protocol = staticmethod(claim.claim)

    @initialize(
        count=st.integers(1, 4),
        early=st.integers(2, 4),
        late=st.integers(0, 4),
        seed=st.integers(0, 2**32),
        mayhem=st.sampled_from(["", "death", "deaths stalls", "stalls", "stalls"]),
    )
    def begin(self, count: int, early: int, late: int, seed: int, mayhem: str) -> None:
        self.world = World(count, seed, sees_own=self.sees_own, list_lag=self.list_lag)
        self.patch = pytest.MonkeyPatch()  # nonces are the world's, too
        self.patch.setattr(take, "os", SimpleNamespace(urandom=self.world.random.randbytes))
        self.patch.setattr(claim, "claim", self.protocol)
        self.mayhem = mayhem
        self.waiting = early + late
        self.all: list[Claimant] = []
        for _ in range(early):
            self.arrive()

    def running(self) -> list[Claimant]:
        return [one for one in self.all if not one.fate]

    def may(self, what: str) -> bool:
        return bool(what in self.mayhem and self.running())

    @precondition(lambda self: self.waiting)
    @rule()
    def arrive(self) -> None:
        self.waiting -= 1
        self.all.append(Claimant(self.world, len(self.all)))

    @rule(events=st.integers(1, 60))
    def go_on(self, events: int) -> None:
        for _ in range(events):
            self.world.go_on()

    @precondition(lambda self: self.may("death"))
    @rule(which=st.integers(0, 7), claims=st.booleans())
    def die(self, which: int, claims: bool) -> None:
        """Anywhere. `claims`: as soon as somebody's claim stands, one of those whose claim does."""
        while claims and not any(map(self.world.claims, self.running())):
            if not self.world.go_on():
                return
        some = [one for one in self.running() if self.world.claims(one) or not claims]
        some[which % len(some)].die()
        if self.mayhem == "death":
            self.mayhem = "one died"

    @precondition(lambda self: self.may("stalls"))
    @rule(
        which=st.integers(0, 7),
        knows=st.booleans(),
        seconds=st.sampled_from([3.0, 11.0, 25.0, 100.0, 400.0, 1000.0, 3000.0]),
    )
    def stand_still(self, which: int, knows: bool, seconds: float) -> None:
        """Anywhere; inside a call that writes or wipes, no longer than that call's time-out. `knows`: with an answer on its way
        to it, which becomes old."""
        some = [one for one in self.running() if one.answered or not knows] or self.running()
        who = some[which % len(some)]
        if who.doing.startswith(("put", "wipe")) and not who.answered:
            seconds = min(seconds, CALL_S)
        self.world.put_off(seconds, who)

    @precondition(lambda self: "stalls" in self.mayhem)
    @rule(seconds=st.sampled_from([60.0, 960.0]))
    def leases_pass(self, seconds: float) -> None:
        """Nobody does anything."""
        self.world.now += seconds

    @invariant()
    def one_winner(self) -> None:
        if not hasattr(self, "world"):
            return
        assert not self.world.wrongs
        for service, leases in self.world.wiped.items():
            for (_, until, first), (at, _, second) in itertools.pairwise(leases):
                assert at > until, f"{service}: wiped by {first}, whose lease runs, and by {second}"

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            while self.world.go_on():
                pass
            self.one_winner()
            self.nobody_ordered_needlessly()
        finally:
            for one in self.all:
                if one.is_alive():
                    one.die()
            self.patch.undo()

    def nobody_ordered_needlessly(self) -> None:
        assert not self.running(), "everybody ends"
        if "stalls" in self.mayhem:
            return
        # Whoever has died may have won one, and not have come to wipe it.
        won = [one for one, leases in self.world.wiped.items() if leases or self.world.last(one, *MARKS)]
        free = set(self.world.services) - set(won)
        ordered = [one.host for one in self.all if one.fate == "ordered"]
        assert not free or not ordered, f"{ordered} ordered though {free} waited"


def lock_alone(
    me: str, nonce: str, rules: Rules, free: Callable[[Mapping[str, str], float], bool]
) -> Generator[claim.Step, Any, claim.Outcome]:
    """Attach a lock, read it back: with which four creates at once all claimed the same VPS (docs/clouds-as-they-are.md)."""
    now, since = yield claim.Time()
    found = yield claim.Read()
    if not free(found, now):
        return "taken"
    yield claim.Own(found, since)
    return "won"


class BlindRaces(Races):
    """A writer may miss its own write, as everybody may."""

    sees_own = False


class LateLists(Races):
    """Lists are later than resources by name."""

    list_lag = LIST_LAG_S


class Bare(Races):
    protocol = staticmethod(lock_alone)

    def nobody_ordered_needlessly(self) -> None:
        pass


CHECKS = settings(
    max_examples=1000, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck),
    derandomize=True, database=None,
)  # fmt: skip

Races.TestCase.settings = CHECKS
TestRaces = Races.TestCase
BlindRaces.TestCase.settings = LateLists.TestCase.settings = settings(CHECKS, max_examples=300)
TestBlindRaces = BlindRaces.TestCase
TestLateLists = LateLists.TestCase


@pytest.mark.parametrize("sees_own", [True, False])
def test_the_machine_sees_two_winners_where_there_is_a_lock_alone(
    sees_own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bare, "sees_own", sees_own)
    with pytest.raises(AssertionError, match=r"whose lease runs|, which is host-"):
        run_state_machine_as_test(Bare, settings=settings(CHECKS, phases=[Phase.generate]))
