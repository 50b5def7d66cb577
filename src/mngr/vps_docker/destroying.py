"""Destroying a host: its container, then its machine; repeatable, and gone on with by the sweep."""

import contextlib
from collections.abc import Callable

from mngr.containers import container
from mngr.journal import Held, Intent
from mngr.model.errors import MngrError, NotFound, TimedOut
from mngr.model.progress import Progress, Step
from mngr.vps_docker import accounts, discovery, intents, strays, sweeping, wiping
from mngr.vps_docker.intents import DestroyPlan, Ordered
from mngr.vps_docker.releasing import release
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine


def destroy(rented: Rented, host_id: str, find: Callable[[str], Machine], progress: Progress) -> None:
    """As HostProvider.destroy. `find`: the machine of a host, as discovery.find_machine."""
    with rented.journal.hold(rented.name, host_id) as held:
        intent = held.intent
        if intent is not None:
            accounts.insist(rented, f"host {host_id}", intents.read(intent).account)
        try:
            found = find(host_id)
        except NotFound:
            found = None
            if intent is None:
                sweeping.forget(rented, host_id)
                return
        intent = _intent(rented, host_id, intent, found)
        held.write(intent)
        if found is not None:
            strays.claim(rented, found)
        progress(Step("container"))
        unwiped = _wipe(rented, held, host_id, found)
        progress(Step("machine"))
        why = release(rented, intents.machine(intent), intent.handle)
        if why:
            held.note(f"destroy: not yet released: {why}")
            raise TimedOut(
                f"machine {intent.handle.get('id', host_id)} isn't gone yet, so it may go on being billed: {why}",
                hint="`mngr gc` goes on with it; `mngr list` shows it until then",
            )
        if unwiped:
            rented.cache.drop(host_id)
            raise wiping.not_wiped(held, unwiped)
        sweeping.forget(rented, host_id)
        held.done()


def _intent(rented: Rented, host_id: str, intent: Intent | None, found: Machine | None) -> Intent:
    owed = wiping.owed(rented, found)
    if intent is not None:
        return intents.destroying(intent, owed)
    assert found is not None
    machine = Ordered(
        host_id=host_id, name=found.name, plan=found.plan, region=found.region, image="", tags=found.tags
    )
    plan = DestroyPlan(
        machine=machine, host_name=found.owner.host_name, account=accounts.here(rented), wipe=owed
    )  # fmt: skip
    return rented.intent(host_id, plan, {"id": found.id})


def _wipe(rented: Rented, held: Held, host_id: str, found: Machine | None) -> str:
    """Container, volume and record; why they are still there, where that matters as the machine lives on."""
    ready = found if found and found.address and found.owner.ready else None
    if rented.cloud.caps.outlives_release:
        if ready:
            discovery.reach(rented, ready)  # its pins, where this computer has none
        return wiping.wipe(rented, held)
    if ready and ready.state == "running":
        store = discovery.store_on(rented, ready)
        with contextlib.suppress(MngrError):  # the machine goes anyway
            container.remove(store.docker, host_id, store=store.name)
    return ""
