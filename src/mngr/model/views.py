"""What `mngr list` and the public Python API answer with: records joined with what was just seen."""

from typing import Literal

import msgspec

from mngr.model.notes import Note
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.states import AgentState, HostState, Reason

#: What is billed of a host.
Paid = Literal["machine", "disk", "address"]


class AgentView(msgspec.Struct, kw_only=True):
    """An agent as last seen. Times are seconds since the epoch. `reason`: why it waits. `since`: when its state began, and
    `signal`: what it was seen by, in words. `half_made`: its create hasn't ended, or was killed."""

    record: AgentRecord
    state: AgentState = "unknown"
    reason: Reason = ""
    since: float | None = None
    signal: str = ""
    exit_code: int | None = None
    active_at: float | None = None
    half_made: bool = False


class StopSaves(msgspec.Struct, kw_only=True, frozen=True):
    """What a stop of a host stops paying for: all but what is `paid_on`, with `machine` nothing. `cloud`: who goes on billing,
    by its name for people; `renews`: by the month and ahead, so only a destroy ends the renewal."""

    paid_on: list[Paid]
    cloud: str
    renews: bool = False


class IdleView(msgspec.Struct, kw_only=True):
    """How far a host is from stopping itself; after a stop, why it did. `last_seen`: what the last signal was, in words
    (`output of agent a1`): what keeps the host up. `stops_at`: when it stops if nothing happens, the nearer end of idleness
    and lifetime; `stop_cause`: which of them, or (of one that is down or going down) which it was. `stop_reason`: that at
    length."""

    mode: str
    timeout_s: float
    idle_since: float | None = None
    last_signal: str = ""
    last_seen: str = ""
    stops_at: float | None = None
    lifetime_ends_at: float | None = None
    stop_cause: Literal["", "idle", "lifetime", "evicted"] = ""
    stop_reason: str = ""

    def end_at(self, at: float) -> None:
        """The lifetime is over at `at`."""
        self.lifetime_ends_at = at
        if self.stops_at is None or at < self.stops_at:
            self.stops_at, self.stop_cause = at, "lifetime"


class HostView(msgspec.Struct, kw_only=True):
    """A host as last seen, with its agents. `problem` says why less than everything is known. `agents_known`: whether
    `agents` are all there are; else they are those that were seen before, or none, and there may be others.
    `snapshots`: how many live on its machine and would go with it. `half_made`: it has a record, and its create hasn't
    come to its end; who creates it again goes on. `sshd_down`: it runs, and lets nobody in; a start sees to that. `permanent`: it was never made and is never destroyed (this computer).
    `stopped_at`: since when it is down, or going down, where that is known. `untold`: why it couldn't tell
    the config's `tell_url` of the newest change. `spot`: its cloud may take its machine away.
    `saved`: what it would have cost on top of `cost_so_far`, had it never been stopped."""

    record: HostRecord
    state: HostState
    agents: list[AgentView] = []
    agents_known: bool = True
    idle: IdleView | None = None
    problem: str = ""
    cost_so_far: float | None = None
    price_per_month: float | None = None
    saved: float | None = None
    stop_saves: StopSaves | None = None
    snapshots: int = 0
    paid_until: str = ""
    renews: bool | None = None
    half_made: bool = False
    sshd_down: bool = False
    permanent: bool = False
    stopped_at: float | None = None
    untold: str = ""
    spot: bool = False

    @property
    def up(self) -> bool:
        """Whether it runs, be it that it is about to stop."""
        return self.state == "running" or (self.state == "stopping" and self.stopped_at is not None)


class Problem(msgspec.Struct, kw_only=True):
    """An error row: what couldn't be read, and why."""

    provider: str
    what: str
    error: str
    hint: str = ""


class Spare(msgspec.Struct, kw_only=True, frozen=True):
    """A machine that is paid for until a day (YYYY-MM-DD), and carries no host: a create that fits takes it."""

    provider: str
    machine: str
    plan: str
    region: str
    paid_until: str


class Listing(msgspec.Struct, kw_only=True):
    hosts: list[HostView] = []
    errors: list[Problem] = []
    spares: list[Spare] = []


class Fallback(msgspec.Struct, kw_only=True, frozen=True):
    """What is made where the cloud has no room for the offer itself; its prices in the offer's currency, None if they aren't known."""

    plan: str
    region: str
    per_hour: float | None = None
    per_hour_stopped: float | None = None


class Offer(msgspec.Struct, kw_only=True, frozen=True):
    """What a create would cost, before anything is spent. Prices in `currency`; None where there is none (`per_hour_stopped`: of
    `per_hour`, what goes on while the host is stopped).

    `due_now`: what is paid at once and isn't given back when the host is destroyed; 0 where only use is billed. `agreed`:
    the instance's settings agree to that, so nobody is asked. `unpriced`: it costs money, and how much couldn't be learned. `term_months`: how long that lasts, `renews_on`: the day
    (YYYY-MM-DD) on which it is paid again; 0 and "" where use is billed. `may_recycle`: what is paid for already may be
    taken instead; `spare`: this, unless somebody else takes it first. `image_user`: whom the image runs as, where agents won't.
    `ready_image`: for the provider's `create`: what it makes the host of. `fallbacks`: tried in turn where the cloud has no room
    for this one. `notes`: what else is worth knowing.
    """

    plan: str = ""
    region: str = ""
    image: str = ""
    per_hour: float | None = None
    per_month: float | None = None
    per_hour_stopped: float | None = None
    due_now: float = 0
    agreed: bool = False
    unpriced: bool = False
    currency: str = "USD"
    term_months: int = 0
    renews_on: str = ""
    may_recycle: bool = False
    spare: Spare | None = None
    cpus: float | None = None
    memory_gb: float | None = None
    disk_gb: float | None = None
    image_user: str = ""
    ready_image: str = ""
    fallbacks: list[Fallback] = []
    notes: list[Note] = []

    @property
    def most_per_hour(self) -> float | None:
        """The highest price of this and its fallbacks; None if one of them isn't known."""
        prices = [self.per_hour, *(one.per_hour for one in self.fallbacks)]
        known = [price for price in prices if price is not None]
        return max(known) if len(known) == len(prices) else None

    def per_hour_of(self, plan: str, region: str) -> float | None:
        """What the machine that was made costs."""
        return self._made(plan, region).per_hour

    def per_hour_stopped_of(self, plan: str, region: str) -> float | None:
        """What goes on of that while it is stopped."""
        return self._made(plan, region).per_hour_stopped

    def _made(self, plan: str, region: str) -> "Offer | Fallback":
        made = (plan.lower(), region.lower())
        return next((one for one in self.fallbacks if (one.plan.lower(), one.region.lower()) == made), self)
