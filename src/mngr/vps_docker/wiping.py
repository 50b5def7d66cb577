"""Wiping what a destroyed host had on a machine that outlives its release (Caps): container, volume, record.

The intent of a destroy says where; if the machine can't be reached then, it stays in the journal as a `wipe`, which
each sweep tries again, until that is done, the machine shows that it was installed anew, or what was paid has ended.
"""

import msgspec

from mngr.containers import container
from mngr.containers.docker import Docker
from mngr.containers.store import HostStore
from mngr.journal import Held
from mngr.model.clock import from_iso
from mngr.model.errors import MngrError, NotWiped
from mngr.model.swept import Found, Swept
from mngr.transport.ssh import HostKeyMismatch
from mngr.vps_docker import intents
from mngr.vps_docker.intents import DestroyPlan, Owed, WipePlan
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine

#: So long after the end of what is paid, nothing is left to be wiped.
ENDED_S = 2 * 86400


def owed(rented: Rented, machine: Machine | None) -> Owed | None:
    """The wipe that a destroy owes; None where the machine goes, or carries no host. One that wasn't paid is switched off, and
    goes by itself."""
    if (
        machine is None
        or machine.state == "expired"
        or not rented.cloud.caps.outlives_release
        or not machine.owner.ready
    ):
        return None
    return Owed(address=machine.address, paid_until=machine.paid_until)


def wipe(rented: Rented, held: Held) -> str:
    """Removes container, volume and record: "" once nothing of the host is left, else why it is still there. Repeatable.

    Once it is done, the intent doesn't owe it any more: whoever goes on with a destroy may have no pins left to look with.
    """
    intent = held.intent
    if intent is None:
        return ""
    plan = intents.read(intent)
    if not isinstance(plan, DestroyPlan | WipePlan) or plan.wipe is None:
        return ""
    why = _wipe(rented, intent.subject, plan.wipe, released=isinstance(plan, WipePlan))
    if not why:
        held.write(intents.written(intent, msgspec.structs.replace(plan, wipe=None)))
    return why


def _wipe(rented: Rented, host_id: str, owed: Owed, *, released: bool) -> str:
    if _has_ended(rented, owed.paid_until):
        return ""
    if not owed.address:
        return "it has no address"
    docker = Docker(rented.access.machine(host_id, owed.address))
    try:
        container.remove(docker, host_id, store=HostStore(docker, rented.name).name)
    except HostKeyMismatch as error:
        # Who recycles a machine installs it anew, with another host key. Before the release nobody does that.
        return "" if released else error.message
    except MngrError as error:
        return error.message
    return ""


def keep(held: Held, why: str) -> Owed:
    """After the release: the wipe is left to the sweep; what is owed."""
    intent = held.intent
    assert intent is not None
    plan = intents.read(intent)
    assert isinstance(plan, DestroyPlan)
    assert plan.wipe is not None
    left = WipePlan(host_name=plan.host_name, account=plan.account, machine=plan.machine, wipe=plan.wipe)
    held.write(intents.written(intent, left, note=f"not wiped yet: {why}"))
    return plan.wipe


def not_wiped(held: Held, why: str) -> NotWiped:
    """As `keep`, for a person who destroyed the host."""
    owed, intent = keep(held, why), held.intent
    assert intent is not None
    until = f" until {owed.paid_until}" if owed.paid_until else ""
    return NotWiped(
        f"host {intents.host_name(intent)} is destroyed and won't be renewed, but its container and volume couldn't be wiped "
        f"({why}), and machine {intent.handle.get('id', '')} runs on{until}, with whatever agents are on it",
        hint="`mngr gc` tries to wipe it again; switching it off on the vendor's page ends its agents at once",
    )


def again(rented: Rented, held: Held, plan: WipePlan, found: Found, swept: Swept, dry_run: bool) -> None:
    """One more try, by the sweep."""
    why = "" if dry_run else wipe(rented, held)
    if why:
        held.note(f"not wiped yet: {why}")
        until = plan.wipe.paid_until if plan.wipe else ""
        swept.kept.append(found.instead("not-wiped", why, until=until))
        return
    swept.finished.append(found.instead("wiped"))
    if not dry_run:
        rented.access.forget(plan.machine.host_id)
        held.done()


def _has_ended(rented: Rented, paid_until: str) -> bool:
    try:
        return rented.cloud.now() > from_iso(paid_until) + ENDED_S
    except ValueError:
        return False
