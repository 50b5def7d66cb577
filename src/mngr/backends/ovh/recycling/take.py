"""Taking a cancelled VPS that is paid for anyway, instead of ordering one: who may be taken, and the passes over them."""

import contextlib
import functools
import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from mngr.backends.ovh import renewal
from mngr.backends.ovh.own_writes import Building
from mngr.backends.ovh.parts import CLAIM_ON, ID, Parts
from mngr.backends.ovh.recycling import claim
from mngr.backends.ovh.recycling.fence import Fence
from mngr.backends.ovh.tags import CLAIM, RECYCLING_BY, is_free, is_locked, is_refused, locked_for, stale
from mngr.backends.ovh.vps import PARALLEL, SETTLED, Vps
from mngr.model.background import each
from mngr.model.errors import NotFound
from mngr.model.progress import Progress, Step
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.vps_client import MachineSpec, Save

#: Key of MachineSpec.options: the VPS of which the user was told that it would be taken.
SPARE = "spare"


def take(parts: Parts, spec: MachineSpec, save: Save, progress: Progress, *, own: bool = False) -> Vps | None:
    """A VPS that is ours from now on, tagged as `spec.tags` says; None if there is none to be had. `own`: only one that
    was this host's before. The VPS is saved before a claim is written on it, and again before our marks are.

    Losers go over all candidates again for as long as a claim counts: by then each was taken, or its claimant is
    dead, so that nobody orders while a VPS is to be had.
    """
    end = parts.clock.monotonic() + parts.rules.patience
    while True:
        contested = False
        for service in candidates(parts, spec, own=own):
            progress(Step("recycle", f"claiming {service}"))
            save({CLAIM_ON: service})
            outcome = _contend(parts, service, spec, save)
            if outcome == "won":
                vps = _won(parts, service, spec)
                if vps is not None:
                    return vps
                _lost(parts, service, save)
            contested = contested or outcome == "contested"
        if not contested or parts.clock.monotonic() > end:
            return None
        progress(Step("recycle", "others are claiming; looking again"))
        parts.clock.sleep(parts.rules.wait)


def _won(parts: Parts, service: str, spec: MachineSpec) -> Vps | None:
    """What was won, read back; None if it isn't what it was, or the lock on it is somebody else's after all."""
    try:
        vps = parts.reader.read_patiently(service)
    except NotFound:
        return None
    if not holds(parts, vps.tags, spec.host_id, locked=True):
        return None  # nothing on it is ours to take off
    if vps.renewal.cancelled and _fits(vps, spec):
        return vps
    parts.store.change(service, {}, [RECYCLING_BY, tags.BUILDER, tags.UNTIL])
    return None


def _lost(parts: Parts, service: str, save: Save) -> None:
    """We can't have it after all."""
    parts.own_writes.forget_build(service)
    save({ID: ""})


def holds(parts: Parts, found: Mapping[str, str], host_id: str, *, locked: bool = False) -> bool:
    """Whether these tags say that the VPS is this host's to build, and will be for a while. `locked`: the lock must be
    there, as after winning it; else nobody else's must."""
    owner = tags.read(found)
    lock = found.get(RECYCLING_BY, "")  # its time is that of the lease's beginning, and isn't renewed
    return (
        owner.host_id == host_id
        and not owner.ready
        and owner.until is not None
        and parts.client.now() + tags.MARGIN_S <= owner.until
        and (lock.partition(":")[2] == host_id or not (lock or locked))
    )


def candidates(parts: Parts, spec: MachineSpec, *, own: bool = False) -> list[str]:
    """Names of what may be taken, in an order of this create's own so that several don't meet at the first.

    The cap comes after the filters. Raises Unreadable: a list that can't be read isn't an empty one.
    """
    now, most = parts.client.now(), parts.config.recycle_max_candidates_considered
    fit: list[str] = []
    unseen: list[str] = []
    for service, found in _unowned(parts, now).items():
        if own and found.get(tags.HOST_ID) != spec.host_id:
            continue
        try:
            if _can_be_had(parts, service, spec, now):
                fit.append(service)
        except NotFound:
            unseen.append(service)
        if len(fit) >= 4 * most:
            break
    # One that isn't known has ended, and the list is late; or what says so is wrong.
    for service in [] if fit else unseen:
        with contextlib.suppress(NotFound):
            look = functools.partial(_can_be_had, parts, service, spec, now)
            fit += [service] if parts.reader.patiently(look) else []
    return _in_turn(spec, fit)[:most]


def likely(parts: Parts, spec: MachineSpec) -> Vps | None:
    """The VPS that `take` would try first, as things stand: a look that promises nothing, as long as six calls or so (of
    very many VPSs that don't fit, not all are looked at). None if there is none, or none that nobody claims. Raises Unreadable."""
    now, most = parts.client.now(), 4 * parts.config.recycle_max_candidates_considered
    free = [name for name, found in _unowned(parts, now).items() if not claim.others(found, "", now)]
    names = _in_turn(spec, free)[:most]

    def look(service: str) -> Vps | None:
        with contextlib.suppress(NotFound):
            return _can_be_had(parts, service, spec, now)

    for first in range(0, len(names), PARALLEL):
        for vps in each(look, names[first : first + PARALLEL]):
            if vps is not None:
                return vps
    return None


def _in_turn(spec: MachineSpec, names: Iterable[str]) -> list[str]:
    """In the order in which this create tries them: first the one that was said beforehand."""

    def turn(name: str) -> tuple[bool, bytes]:
        return name != spec.options.get(SPARE), hashlib.sha256(f"{spec.host_id} {name}".encode()).digest()

    return sorted(names, key=turn)


def _unowned(parts: Parts, now: float) -> dict[str, Mapping[str, str]]:
    """Names and tags of the instance's VPSs that are nobody's, as OVH's list and this process's own writes say."""
    rows, freed = dict(parts.store.rows()), parts.own_writes.freed()
    return {
        service: found
        for service, found in {**{name: {} for name in freed - set(rows)}, **rows}.items()
        if (service in freed or (found.get(tags.PROVIDER) == parts.instance and _free(found, now)))
        and not (parts.own_writes.is_refused(service) or is_refused(found, now))
    }


def _can_be_had(parts: Parts, service: str, spec: MachineSpec, now: float) -> Vps | None:
    known = renewal.read(parts.client, service)
    if not is_paid(parts, known, now):
        return None
    vps = parts.reader.read(service, known)
    return vps if _fits(vps, spec) else None


def is_paid(parts: Parts, known: renewal.Renewal, now: float) -> bool:
    """Whether a VPS is cancelled, and paid for long enough to be taken."""
    return (
        known.cancelled
        and known.status == "ok"
        and not known.engaged_until
        and known.paid_until - now >= parts.config.recycle_safety_margin_hours * 3600
    )


def _free(found: Mapping[str, str], now: float) -> bool:
    return is_free(found, now) and not is_locked(found, now)


def _fits(vps: Vps, spec: MachineSpec) -> bool:
    return vps.state in SETTLED and vps.plan == spec.plan and vps.datacenter == spec.region


def _contend(parts: Parts, service: str, spec: MachineSpec, save: Save) -> claim.Outcome:
    """Runs the protocol of claim.py on one VPS. One that OVH doesn't know is contested: what has ended isn't among the
    candidates at the next look. A claim of ours doesn't outlive an error or Ctrl-C, as far as OVH lets us; else it expires."""
    steps = claim.claim(spec.host_id, os.urandom(8).hex(), parts.rules, _free)
    answer: Any = None
    try:
        while True:
            answer = _do(parts, steps.send(answer), service, spec, save)
    except StopIteration as end:
        return end.value
    except BaseException as error:
        with contextlib.suppress(VpsApiError, NotFound):
            parts.store.drop(service, CLAIM + spec.host_id)
        if not isinstance(error, NotFound):
            raise
        _lost(parts, service, save)
        return "contested"


def _do(parts: Parts, step: claim.Step, service: str, spec: MachineSpec, save: Save) -> Any:
    match step:
        case claim.Time():
            return parts.client.now(), parts.clock.monotonic()
        case claim.Read():
            return parts.store.read(service)
        case claim.Put(key, value):
            parts.store.put(service, key, value)
        case claim.Drop(key):
            parts.store.drop(service, key)
        case claim.Wait(seconds):
            parts.clock.sleep(seconds)
        case claim.Own(seen, since):
            parts.own_writes.note(service, Building(spec.host_id, spec.image, recycled=True))
            save({ID: service})
            if mark(parts, service, spec, seen, since):
                return True
            _lost(parts, service, save)
            return False
    return None


def mark(parts: Parts, service: str, spec: MachineSpec, seen: Mapping[str, str], since: float) -> bool:
    """Writes the winner's marks over the tags `seen` (at `since`, by the steady clock). Repeatable: a create that dies in
    between finds its lock there, and goes on. False if this process was suspended, and somebody took the VPS."""
    until = int(parts.client.now()) + tags.LEASE_S
    # The lock first: it says whose the VPS is and until when, whatever of the rest is there yet.
    first = {RECYCLING_BY: f"{until}:{spec.host_id}", tags.UNTIL: str(until), tags.HOST_ID: spec.host_id}
    wanted = {**first, **{key: value for key, value in spec.tags.items() if key not in first}}
    ours = lambda found: locked_for(found, parts.client.now()) == spec.host_id  # noqa: E731
    fence = Fence(parts, service, ours, since)
    return fence.change(wanted, stale(seen, wanted, CLAIM + spec.host_id))
