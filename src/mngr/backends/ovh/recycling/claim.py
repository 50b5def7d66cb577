"""The claim that has one winner, on a tag store that is neither atomic nor seen at once (docs/clouds-as-they-are.md).

Assumed: an acknowledged write is seen by every read after Δ (`lag`); writes of different keys don't clobber each
other. W (`within`) is the longest allowed time from the first read to one's own acknowledgement.

1. Read. A foreign live claim, or a VPS that isn't free: not this one.
2. Write one's own key = expiry and nonce. Acknowledged later than W after 1: delete it, not this one.
3. Wait 2Δ + W; read all claims. The lowest live nonce wins; all others delete theirs.
4. The winner, with lease left, writes whose VPS it is, and drops its claim no sooner than Δ after that.

If neither of i, j saw the other in 1, each was acknowledged within Δ + W of the other, so both see both in 3, and
nonces have one order. A claimant that dies leaves an expiry. The steps are a generator: it yields what it wants
done and is sent the answer, so that a model can put any time, and any other claimant, between any two of them.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Literal

import msgspec

from mngr.backends.ovh.tags import CLAIM

#: A claim lasts at least so long beyond its own waits.
SLACK_S = 60.0

Outcome = Literal["won", "contested", "taken"]


class Rules(msgspec.Struct, frozen=True):
    """Seconds: Δ and W."""

    lag: float
    within: float

    @property
    def wait(self) -> float:
        return 2 * self.lag + self.within

    @property
    def lease(self) -> float:
        """How long a claim counts, from before its write."""
        return 2 * self.within + self.wait + 2 * self.lag + SLACK_S

    @property
    def patience(self) -> float:
        """After so long, no claim that was seen at the beginning counts any more."""
        return self.lease + self.wait


class Read(msgspec.Struct, frozen=True):
    """Answered with the VPS's tags; None if it can't be recycled any more."""


class Put(msgspec.Struct, frozen=True):
    key: str
    value: str


class Drop(msgspec.Struct, frozen=True):
    key: str


class Own(msgspec.Struct, frozen=True):
    """The winner's mark: tags that make the VPS not free. `seen`: its tags as last read, when the steady clock was at `since`.
    Answered with whether they were written before anybody else could have taken it."""

    seen: Mapping[str, str]
    since: float


class Wait(msgspec.Struct, frozen=True):
    seconds: float


class Time(msgspec.Struct, frozen=True):
    """Answered with (the cloud's time, a steady clock's)."""


Step = Read | Put | Drop | Own | Wait | Time


def claim(
    me: str, nonce: str, rules: Rules, free: Callable[[Mapping[str, str], float], bool]
) -> Generator[Step, Any, Outcome]:
    """Claims one VPS for host id `me`. `contested`: somebody's claim stands there, who may yet leave it."""
    mine = CLAIM + me
    now, began = yield Time()
    found = yield Read()
    if found is None or not free(found, now):
        return "taken"
    if others(found, mine, now):
        return "contested"
    expiry = int(now + rules.lease)
    yield Put(mine, f"{expiry}:{nonce}")
    _, steady = yield Time()
    if steady - began > rules.within:
        yield Drop(mine)
        return "contested"
    yield Wait(rules.wait)
    _, since = yield Time()
    found = yield Read()
    now, _ = yield Time()
    if found is None or not free(found, now):
        yield Drop(mine)
        return "taken"
    if any(other <= nonce for other in others(found, mine, now)):
        yield Drop(mine)
        return "contested"
    if mine not in found or now > expiry - SLACK_S / 2:  # a stall: somebody may think this claim dead
        yield Drop(mine)
        return "contested"
    if not (yield Own(found, since)):
        yield Drop(mine)
        return "contested"
    yield Wait(rules.lag)
    yield Drop(mine)
    return "won"


def others(found: Mapping[str, str], mine: str, now: float) -> list[str]:
    """The nonces of live claims of others."""
    nonces = []
    for key, value in found.items():
        if key.startswith(CLAIM) and key != mine:
            expiry, _, nonce = value.partition(":")
            if not expiry.isdigit() or now <= float(expiry):
                nonces.append(nonce)
    return nonces
