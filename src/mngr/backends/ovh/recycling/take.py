"""Taking a cancelled VPS that is paid for anyway, instead of ordering one: who may be taken, and the passes over them."""

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from mngr.backends.ovh import renewal
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.own_writes import OwnWrites
from mngr.backends.ovh.recycling import claim
from mngr.backends.ovh.recycling.claim import Rules
from mngr.backends.ovh.recycling.fence import Fence
from mngr.backends.ovh.tags import RECYCLING_BY, TagStore, is_free, is_locked, is_refused, locked_for, stale
from mngr.backends.ovh.vps import SETTLED, Reader, Vps, patiently
from mngr.model.clock import Clock
from mngr.model.errors import NotFound
from mngr.model.progress import Step
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.vps_client import MachineSpec


class Notes(msgspec.Struct, frozen=True):
    """Callbacks of one `take`. `tell(step)`: progress. `claiming(service)`: before a claim is written on it. `won(service)`: before
    our marks are written on it. `lost(service)`: we can't have it after all."""

    tell: Callable[[Step], None]
    claiming: Callable[[str], None]
    won: Callable[[str], None]
    lost: Callable[[str], None]


class Recycler:
    """Takes one at a time, of one account. `most`: so many are contended for; `margin_s`: so long they must be paid for."""

    def __init__(
        self,
        client: OvhClient,
        store: TagStore,
        reader: Reader,
        clock: Clock,
        rules: Rules,
        *,
        margin_s: float,
        most: int,
        list_lag: float,
        own_writes: OwnWrites,
    ) -> None:
        self.client = client
        self.store = store
        self.reader = reader
        self.clock = clock
        self.rules = rules
        self.margin_s = margin_s
        self.most = most
        self.list_lag = list_lag
        self.own_writes = own_writes

    def take(self, spec: MachineSpec, notes: Notes, *, own: bool = False) -> Vps | None:
        """A VPS that is ours from now on, tagged as `spec.tags` says; None if there is none to be had. `own`: only one that
        was this host's before.

        Losers go over all candidates again for as long as a claim counts: by then each was taken, or its claimant is
        dead, so that nobody orders while a VPS is to be had.
        """
        end = self.clock.monotonic() + self.rules.patience
        while True:
            contested = False
            for service in self.candidates(spec, own=own):
                notes.tell(Step("recycle", f"claiming {service}"))
                notes.claiming(service)
                outcome = self.contend(service, spec, notes)
                if outcome == "won":
                    vps = self._won(service, spec)
                    if vps is not None:
                        return vps
                    notes.lost(service)
                contested = contested or outcome == "contested"
            if not contested or self.clock.monotonic() > end:
                return None
            notes.tell(Step("recycle", "others are claiming; looking again"))
            self.clock.sleep(self.rules.wait)

    def _won(self, service: str, spec: MachineSpec) -> Vps | None:
        """What was won, read back; None if it isn't what it was, or the lock on it is somebody else's after all."""
        try:
            vps = self.reader.read_patiently(service, self.clock, self.list_lag)
        except NotFound:
            return None
        if not self.holds(vps.tags, spec.host_id, locked=True):
            return None  # nothing on it is ours to take off
        if vps.renewal.cancelled and self._fits(vps, spec):
            return vps
        self.store.change(service, {}, [RECYCLING_BY, tags.BUILDER, tags.UNTIL])
        return None

    def holds(self, found: Mapping[str, str], host_id: str, *, locked: bool = False) -> bool:
        """Whether these tags say that the VPS is this host's to build, and will be for a while. `locked`: the lock must be
        there, as after winning it; else nobody else's must."""
        owner = tags.read(found)
        lock = found.get(RECYCLING_BY, "")  # its time is that of the lease's beginning, and isn't renewed
        return (
            owner.host_id == host_id
            and not owner.ready
            and owner.until is not None
            and self.client.now() + tags.MARGIN_S <= owner.until
            and (lock.partition(":")[2] == host_id or not (lock or locked))
        )

    def candidates(self, spec: MachineSpec, *, own: bool = False) -> list[str]:
        """Names of what may be taken, in an order of this create's own so that several don't meet at the first.

        The cap comes after the filters. Raises Unreadable: a list that can't be read isn't an empty one.
        """
        now = self.client.now()
        rows, freed = dict(self.store.rows()), self.own_writes.freed()
        for service in freed - set(rows):
            rows[service] = {}
        fit: list[str] = []
        unseen: list[str] = []
        for service, found in rows.items():
            ours = found.get(tags.PROVIDER) == spec.tags.get(tags.PROVIDER) and self._free(found, now)
            if not (ours or service in freed) or (own and found.get(tags.HOST_ID) != spec.host_id):
                continue
            if self.own_writes.is_refused(service) or is_refused(found, now):
                continue
            try:
                if self._can_be_had(service, spec, now):
                    fit.append(service)
            except NotFound:
                unseen.append(service)
            if len(fit) >= 4 * self.most:
                break
        # One that isn't known has ended, and the list is late; or what says so is wrong.
        for service in [] if fit else unseen:
            with contextlib.suppress(NotFound):
                look = functools.partial(self._can_be_had, service, spec, now)
                fit += [service] if patiently(self.clock, self.list_lag, look) else []
        fit.sort(key=lambda name: hashlib.sha256(f"{spec.host_id} {name}".encode()).digest())
        return fit[: self.most]

    def _can_be_had(self, service: str, spec: MachineSpec, now: float) -> bool:
        known = renewal.read(self.client, service)
        return self._paid(known, now) and self._fits(self.reader.read(service, known), spec)

    def _free(self, found: Mapping[str, str], now: float) -> bool:
        return is_free(found, now) and not is_locked(found, now)

    def _paid(self, known: renewal.Renewal, now: float) -> bool:
        return (
            known.cancelled
            and known.status == "ok"
            and not known.engaged_until
            and known.paid_until - now >= self.margin_s
        )

    def _fits(self, vps: Vps, spec: MachineSpec) -> bool:
        return vps.state in SETTLED and vps.plan == spec.plan and vps.datacenter == spec.region

    def contend(self, service: str, spec: MachineSpec, notes: Notes) -> claim.Outcome:
        """Runs the protocol of claim.py on one VPS. One that OVH doesn't know is contested: what has ended isn't among the
        candidates at the next look."""
        nonce = os.urandom(8).hex()
        steps = claim.claim(spec.host_id, nonce, self.rules, self._free)
        answer: Any = None
        try:
            with _claims_end(self.store, service, spec.host_id):
                while True:
                    step = steps.send(answer)
                    answer = self._do(step, service, spec, notes)
        except StopIteration as end:
            return end.value
        except NotFound:
            notes.lost(service)
            return "contested"

    def _do(self, step: claim.Step, service: str, spec: MachineSpec, notes: Notes) -> Any:
        match step:
            case claim.Time():
                return self.client.now(), self.clock.monotonic()
            case claim.Read():
                return self.store.read(service)
            case claim.Put(key, value):
                self.store.put(service, key, value)
            case claim.Drop(key):
                self.store.drop(service, key)
            case claim.Wait(seconds):
                self.clock.sleep(seconds)
            case claim.Own(seen, since):
                notes.won(service)
                if self.mark(service, spec, seen, since):
                    return True
                notes.lost(service)
                return False
        return None

    def mark(self, service: str, spec: MachineSpec, seen: Mapping[str, str], since: float) -> bool:
        """Writes the winner's marks over the tags `seen` (at `since`, by the steady clock). Repeatable: a create that dies in
        between finds its lock there, and goes on. False if this process was suspended, and somebody took the VPS."""
        until = int(self.client.now()) + tags.LEASE_S
        # The lock first: it says whose the VPS is and until when, whatever of the rest is there yet.
        first = {RECYCLING_BY: f"{until}:{spec.host_id}", tags.UNTIL: str(until), tags.HOST_ID: spec.host_id}
        wanted = {**first, **{key: value for key, value in spec.tags.items() if key not in first}}
        fence = Fence(
            self.client, self.store, self.clock, self.rules.wait, service,
            lambda found: locked_for(found, self.client.now()) == spec.host_id, since=since,
        )  # fmt: skip
        return fence.change(wanted, stale(seen, wanted, claim.CLAIM + spec.host_id))


@contextlib.contextmanager
def _claims_end(store: TagStore, service: str, host_id: str) -> Iterator[None]:
    """A claim of ours doesn't outlive an error or Ctrl-C, as far as OVH lets us; else it expires."""
    try:
        yield
    except StopIteration:
        raise
    except BaseException:
        with contextlib.suppress(VpsApiError, NotFound):
            store.drop(service, claim.CLAIM + host_id)
        raise
