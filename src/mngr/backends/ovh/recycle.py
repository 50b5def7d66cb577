"""Taking a cancelled VPS that is paid for anyway, instead of ordering one: who may be taken, and the passes over them."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from mngr.backends.ovh import claim, renewal
from mngr.backends.ovh.claim import Rules
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.tags import RECYCLING_BY, TagStore, is_free, is_locked, is_refused, stale
from mngr.backends.ovh.vps import SETTLED, Reader, Vps
from mngr.model.clock import Clock
from mngr.model.errors import NotFound
from mngr.providers.contract import MachineSpec
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiError


class Notes(msgspec.Struct, frozen=True):
    """Who is told: in words; of each service before a claim is written on it; of the one that was won before that is
    written on it."""

    tell: Callable[[str], None]
    claiming: Callable[[str], None]
    won: Callable[[str], None]


class Recycler:
    """`refused`: services that wouldn't be installed, which this process doesn't try again."""

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
    ) -> None:
        self.client = client
        self.store = store
        self.reader = reader
        self.clock = clock
        self.rules = rules
        self.margin_s = margin_s
        self.most = most
        self.refused: set[str] = set()

    def take(self, spec: MachineSpec, notes: Notes) -> Vps | None:
        """A VPS that is ours from now on, tagged as `spec.tags` says; None if there is none to be had.

        Losers go over all candidates again for as long as a claim counts: by then each was taken, or its claimant is
        dead, so that nobody orders while a VPS is to be had.
        """
        end = self.clock.monotonic() + self.rules.patience
        while True:
            contested = False
            for service in self.candidates(spec):
                notes.tell(f"recycle: claiming {service}")
                notes.claiming(service)
                outcome = self.contend(service, spec, notes.won)
                if outcome == "won":
                    vps = self.reader.read(service)
                    if vps.renewal.cancelled and self._fits(vps, spec):
                        return vps
                    self.store.change(service, {}, [tags.UNTIL, tags.BUILDER])
                contested = contested or outcome == "contested"
            if not contested or self.clock.monotonic() > end:
                return None
            notes.tell("recycle: others are claiming; looking again")
            self.clock.sleep(self.rules.wait)

    def candidates(self, spec: MachineSpec) -> list[str]:
        """Names of what may be taken, in an order of this create's own so that several don't meet at the first.

        The cap comes after the filters. Raises Unreadable: a list that can't be read isn't an empty one.
        """
        now = self.client.now()
        fit = []
        for service, found in self.store.rows():
            if found.get(tags.PROVIDER) != spec.tags.get(tags.PROVIDER) or not self._free(found, now):
                continue
            if service in self.refused or is_refused(found, now):
                continue
            with contextlib.suppress(NotFound):
                known = renewal.read(self.client, service)
                if self._paid(known, now) and self._fits(self.reader.read(service, known), spec):
                    fit.append(service)
                    if len(fit) >= 4 * self.most:
                        break
        fit.sort(key=lambda name: hashlib.sha256(f"{spec.host_id} {name}".encode()).digest())
        return fit[: self.most]

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

    def contend(self, service: str, spec: MachineSpec, won: Callable[[str], None]) -> claim.Outcome:
        """Runs the protocol of claim.py on one VPS. Raises NotFound never: what is gone is taken."""
        nonce = os.urandom(8).hex()
        steps = claim.claim(spec.host_id, nonce, self.rules, self._free)
        answer: Any = None
        try:
            with _claims_end(self.store, service, spec.host_id):
                while True:
                    step = steps.send(answer)
                    answer = self._do(step, service, spec, won)
        except StopIteration as end:
            return end.value
        except NotFound:
            return "taken"

    def _do(self, step: claim.Step, service: str, spec: MachineSpec, won: Callable[[str], None]) -> Any:
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
            case claim.Own(seen):
                won(service)
                self.own(service, spec, seen)
        return None

    def own(self, service: str, spec: MachineSpec, seen: Mapping[str, str]) -> None:
        """Writes the winner's marks. Repeatable: who dies in between finds its lock there, and goes on."""
        until = int(self.client.now()) + tags.LEASE_S
        # The lock first: it says whose the VPS is and until when, whatever of the rest is there yet.
        first = {RECYCLING_BY: f"{until}:{spec.host_id}", tags.UNTIL: str(until), tags.HOST_ID: spec.host_id}
        wanted = {**first, **{key: value for key, value in spec.tags.items() if key not in first}}
        self.store.change(service, wanted, stale(seen, wanted, claim.CLAIM + spec.host_id))


@contextlib.contextmanager
def _claims_end(store: TagStore, service: str, host_id: str) -> Iterator[None]:
    """A claim of ours doesn't outlive an error or Ctrl-C, as far as OVH lets us; else it expires."""
    try:
        yield
    except (StopIteration, NotFound):
        raise
    except BaseException:
        with contextlib.suppress(VpsApiError, NotFound):
            store.drop(service, claim.CLAIM + host_id)
        raise
