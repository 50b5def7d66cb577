"""The claim step by step: for each thing that may be found or happen on the way, what it does then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mngr.backends.ovh.recycling import claim
from mngr.backends.ovh.recycling.claim import SLACK_S, Drop, Own, Put, Read, Rules, Time, Wait
from mngr.backends.ovh.tags import is_free, is_locked
from mngr.vps_docker import tags

RULES = Rules(lag=5.0, within=10.0)
NOW = 1_800_000_000.0
ME, MINE, NONCE = "host-1", f"{claim.CLAIM}host-1", "5"
THEIRS = f"{claim.CLAIM}host-2"
OURS = {tags.PROVIDER: "ovh"}


def free(found: Mapping[str, str], now: float) -> bool:
    return is_free(found, now) and not is_locked(found, now)


def run(
    first: Mapping[str, str] | None = OURS,
    second: Mapping[str, str] | None = OURS,
    *,
    put_s: float = 1.0,
    stall_s: float = 0.0,
    keeps: bool = True,
    owns: bool = True,
) -> tuple[str, list[Any]]:
    """The outcome, and what was done on the way. `first`, `second`: the tags as read then (one's own claim comes by itself if
    `keeps`). `put_s`: how long its write takes. `stall_s`: how long it stands still before its second look."""
    now, mine, done = NOW, {}, []
    reads = iter([first, second])
    steps, answer = claim.claim(ME, NONCE, RULES, free), None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            return end.value, done
        answer = None
        match step:
            case Time():
                answer = (now, now)
            case Read():
                found = next(reads)
                answer = None if found is None else {**found, **mine}
            case Put(key, value):
                now += put_s
                mine = {key: value} if keeps else {}
                done.append(step)
            case Wait(seconds):
                now += seconds + (0 if Own in map(type, done) else stall_s)
                done.append(step)
            case Own():
                answer = owns
                done.append(step)
            case Drop():
                done.append(step)


def their_claim(nonce: str, expiry: float) -> dict[str, str]:
    return {**OURS, THEIRS: f"{int(expiry)}:{nonce}"}


LOOKED = NOW + 1 + RULES.wait
PUT = Put(MINE, f"{int(NOW + RULES.lease)}:{NONCE}")
LIVE, PAST = NOW + RULES.lease, NOW - 1
#: What makes a VPS not free: somebody's lock, and somebody's lease.
LEASED = {**OURS, tags.HOST_ID: "host-3", tags.UNTIL: str(int(LIVE))}


def test_alone_it_writes_waits_looks_owns_and_drops_no_sooner_than_all_see_whose_it_is() -> None:
    outcome, done = run()
    assert outcome == "won"
    assert done == [
        PUT,
        Wait(RULES.wait),
        Own({**OURS, MINE: PUT.value}, LOOKED),
        Wait(RULES.lag),
        Drop(MINE),
    ]


@pytest.mark.parametrize(
    ("first", "outcome"),
    [(None, "taken"), (LEASED, "taken"), (their_claim("9", LIVE), "contested"), (their_claim("1", LIVE), "contested")],
)  # fmt: skip
def test_what_isn_t_to_be_had_is_left_without_a_write(first: Mapping[str, str] | None, outcome: str) -> None:
    assert run(first) == (outcome, [])


def test_a_claim_that_has_passed_is_as_none() -> None:
    assert run(their_claim("1", PAST), their_claim("1", PAST))[0] == "won"


@pytest.mark.parametrize(
    ("second", "outcome"),
    [(None, "taken"), (LEASED, "taken"), (their_claim("1", LIVE), "contested"), (their_claim(NONCE, LIVE), "contested")],
)  # fmt: skip
def test_one_that_loses_takes_its_claim_along(second: Mapping[str, str] | None, outcome: str) -> None:
    assert run(second=second) == (outcome, [PUT, Wait(RULES.wait), Drop(MINE)])


def test_the_lower_nonce_wins() -> None:
    assert run(second=their_claim("9", LIVE))[0] == "won"


def test_a_claim_that_ends_while_it_waits_no_longer_counts() -> None:
    assert run(second=their_claim("1", NOW + RULES.wait))[0] == "won"


def test_one_that_was_acknowledged_too_late_is_taken_back_without_waiting() -> None:
    """Another may have looked, and not have seen it, by then."""
    assert run(put_s=RULES.within)[0] == "won"
    assert run(put_s=RULES.within + 0.1) == ("contested", [PUT, Drop(MINE)])


def test_one_that_isn_t_there_any_more_has_lost() -> None:
    """A person, or a sweep, removed it: others don't see it."""
    assert run(keeps=False) == ("contested", [PUT, Wait(RULES.wait), Drop(MINE)])


def test_one_that_stood_still_until_others_may_think_it_dead_has_lost() -> None:
    enough = RULES.lease - RULES.wait - 1 - SLACK_S / 2
    assert run(stall_s=enough - 1)[0] == "won"
    assert run(stall_s=enough + 1) == ("contested", [PUT, Wait(RULES.wait), Drop(MINE)])


def test_one_whose_mark_came_too_late_has_lost() -> None:
    outcome, done = run(owns=False)
    assert outcome == "contested"
    assert done[2:] == [Own({**OURS, MINE: PUT.value}, LOOKED), Drop(MINE)]


def test_the_waits_let_each_of_two_see_the_other() -> None:
    """Who reads in the last moment before the other's write shows, and writes as late as allowed, is seen by the other."""
    latest_seen = RULES.lag + RULES.within + RULES.lag
    assert RULES.wait >= latest_seen
    assert RULES.lease > RULES.within + RULES.wait
