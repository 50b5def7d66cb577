"""Keys into a VM that is there already: at once where a guest agent answers, else at its next boot. They are added to those
that are there, and can be taken out again; those of its create stay. Each may be repeated."""

from __future__ import annotations

from typing import Any

import msgspec

from mngr.model.errors import Conflict, MngrError, NotFound, NotSupported
from mngr.vms import agent, authorized, library, remove, seed_keys, states
from mngr.vms import domain as xml
from mngr.vms.domain import Domain
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.seed_keys import NEXT_BOOT, NEXT_START, NOW, Change
from mngr.vms.spec import VmSpec, check_key, check_user

BUSY_S = 120.0


def inject(hypervisor: Hypervisor, vm: str, name: str, key: str, user: str = "") -> Change:
    """Lets the holder of a key in. `name` is the key's among the service's; `user`: default the VM's own.

    Raises NotFound; Conflict if mngr didn't make the VM, or too many keys were injected; NotSupported if it takes no keys at
    its next boot, and has no agent that answers; InvalidInput.
    """
    key = check_key(key)
    check_user(user)
    with remove.hold(hypervisor, vm, BUSY_S) as held:
        remove.finish(hypervisor, held, vm)
        domain, facts, spec = _ours(hypervisor, vm)
        changes = authorized.read(hypervisor, domain)
        new = Change(serial=seed_keys.serial(), name=name, key=seed_keys.marked(key), user=user, present=True)
        if user in ("", spec.user) and new.place[0] in [one.split()[:2] for one in spec.keys]:
            return msgspec.structs.replace(new, applied=NOW, reason="it has it from its create on")
        same = next(
            (one for one in changes if one.place == new.place and one.present and one.name == name), None
        )
        [done] = _carry_out(hypervisor, domain, facts, spec, changes, [same or new])
    return done


def eject(hypervisor: Hypervisor, vm: str, name: str) -> list[Change]:
    """Takes out the keys that were injected by that name, of each user. Raises as `inject` does; NotFound if none was."""
    with remove.hold(hypervisor, vm, BUSY_S) as held:
        remove.finish(hypervisor, held, vm)
        domain, facts, spec = _ours(hypervisor, vm)
        changes = authorized.read(hypervisor, domain)
        there = [one for one in changes if one.name == name]
        if not there:
            raise NotFound(
                f"key {name!r} wasn't injected into VM {vm}",
                hint=f"`mngr vm key injected {vm}` shows those that were; keys given at its create stay",
            )
        out = [
            msgspec.structs.replace(one, serial=seed_keys.serial(), present=False) if one.present else one
            for one in there
        ]
        return _carry_out(hypervisor, domain, facts, spec, changes, out)


def injected(hypervisor: Hypervisor, vm: str) -> list[Change]:
    """The keys that were injected and not ejected. Raises NotFound, and Conflict if mngr didn't make the VM."""
    domain, _, _ = _ours(hypervisor, vm)
    return [one for one in authorized.read(hypervisor, domain) if one.present]


def settle(hypervisor: Hypervisor, domain: Any) -> None:
    """Before a start, or once a seed was replaced: the seed says what libvirt does, also where an `inject` or a restore was
    killed in between. Of a VM that runs it notes that the guest doesn't see this seed. Repeatable."""
    if states.of(domain) not in states.OFF:
        authorized.note_replaced(hypervisor, domain)
    rewrite(hypervisor, domain)


def rewrite(hypervisor: Hypervisor, domain: Any) -> None:
    """The seed, which QEMU may have open, says what libvirt does. Repeatable. Raises MngrError."""
    changes = authorized.read(hypervisor, domain)
    with library.doing(f"read VM {domain.name()}"):
        facts = xml.read(domain.XMLDesc())
    if facts.spec is None:
        return
    try:
        seed_keys.write(hypervisor.files(facts.name, facts.uuid).seed, facts.uuid, facts.spec.user, changes)
    except NotSupported:
        return
    except MngrError:
        if changes:
            raise
        # Who may start a VM needn't be one who may read its seed; and where it isn't there, libvirt says so.


def carry_along(hypervisor: Hypervisor, source: Any, clone: Any) -> None:
    """A clone's disk has the keys that were injected into its source, so they are its own, too. Repeatable. Raises MngrError."""
    if changes := authorized.read(hypervisor, source):
        authorized.write(hypervisor, clone, changes)
        rewrite(hypervisor, clone)


def _carry_out(
    hypervisor: Hypervisor, domain: Any, facts: Domain, spec: VmSpec, changes: list[Change], new: list[Change]
) -> list[Change]:
    """libvirt knows of it first, then the seed, then the guest: whoever is killed in between, the next start goes on. The
    answers say what came of it."""
    places = [one.place for one in new]
    kept = seed_keys.fitting([one for one in changes if one.place not in places], new)
    authorized.write(hypervisor, domain, [*kept, *new])
    seed, at_boot = hypervisor.files(facts.name, facts.uuid).seed, None
    try:
        seed_keys.write(seed, facts.uuid, spec.user, [*kept, *new])
    except NotSupported as problem:
        at_boot = problem
    done = [_at_once(hypervisor, domain, spec, one) for one in new]
    if at_boot and any(one.applied != NOW for one in done):
        authorized.write(hypervisor, domain, changes)
        at_boot.message = (
            f"key {new[0].name!r} can't get into VM {facts.name}: {at_boot.message}; {done[0].reason}"
        )
        raise at_boot
    authorized.write(hypervisor, domain, [*kept, *done])
    return done


def _at_once(hypervisor: Hypervisor, domain: Any, spec: VmSpec, change: Change) -> Change:
    def later(reason: str) -> Change:
        return msgspec.structs.replace(change, applied=when, reason=reason)

    state, when = states.of(domain), NEXT_BOOT
    if state not in states.OFF and authorized.is_replaced(hypervisor, domain):
        when = NEXT_START
    if state != states.RUNNING:
        return later(f"it is {state}")
    user, why = change.user or spec.user, ""
    if not user:
        user, why = agent.default_user(hypervisor, domain)
    if user:
        why = agent.authorize(hypervisor, domain, user, change.key, change.present)
        if not why:
            return msgspec.structs.replace(change, applied=NOW, reason="")
    return later(why)


def _ours(hypervisor: Hypervisor, vm: str) -> tuple[Any, Domain, VmSpec]:
    domain = hypervisor.get(vm)
    with library.doing(f"read VM {vm}"):
        facts = xml.read(domain.XMLDesc())
    if facts.spec is None:
        raise Conflict(
            f"VM {vm!r} wasn't made by mngr, which knows nothing of its keys",
            hint="with a guest agent in it, `virsh set-user-sshkeys` does that",
        )
    return domain, facts, facts.spec
