"""Going on with a create that was killed: what it bought is used, or released before another is bought."""

from mngr.journal import Held
from mngr.model.errors import NotFound
from mngr.model.progress import Progress, Step
from mngr.model.waiting import looks
from mngr.vps_docker import accounts, intents, sweeping, tags
from mngr.vps_docker.building import Wanted
from mngr.vps_docker.discovery import refreshed
from mngr.vps_docker.errors import BeingBuilt, VpsDockerError
from mngr.vps_docker.intents import CreatePlan
from mngr.vps_docker.releasing import release
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Handle


def take_over(rented: Rented, wanted: Wanted, held: Held, progress: Progress) -> dict[str, str]:
    """What an earlier, killed create of this host made that can be gone on with; the rest is released.

    Raises Conflict if the host is there already, is being destroyed, or is another computer's to build.
    """
    host_id = wanted.spec.id
    intent = held.intent
    plan = intents.read(intent) if intent else None
    if plan is not None and not isinstance(plan, CreatePlan):
        raise BeingBuilt(
            f"host {wanted.spec.name} was being destroyed", hint="`mngr gc` ends that; then run this again"
        )
    if plan is not None:
        accounts.insist(rented, f"what an earlier create of {wanted.spec.name} made", plan.account)
    entries = rented.entries()
    machines = [refreshed(rented, one, entries) for one in rented.cloud.find({tags.HOST_ID: host_id})]
    owners = [one.owner for one in machines]
    now = rented.cloud.now()
    # Remembered means that it was made to its end here: a tag store that lags doesn't show that yet.
    if any(owner.ready for owner in owners) or (machines and intent is None and rented.cache.get(host_id)):
        raise BeingBuilt(f"host {wanted.spec.name} ({host_id}) is there already", hint="`mngr list` shows it")
    for owner in owners:
        foreign = owner.builder and owner.builder != rented.context.laptop
        if foreign and not owner.abandoned(now):
            raise BeingBuilt(
                f"host {wanted.spec.name} is being built by another computer ({owner.builder})",
                hint="wait for it to end, or choose another name",
            )
    if (
        intent is not None
        and isinstance(plan, CreatePlan)
        and plan.request == intents.request(wanted.spec)
        and all(_holds(one, now) for one in owners)
        and (machines or not _is_gone(rented, intent.handle))
    ):
        return dict(intent.handle)
    if machines or intent is not None:
        progress(Step("release"))
        spec = plan.machine.spec if plan else wanted.machine
        why = release(rented, spec, intent.handle if intent else {})
        if why:
            raise VpsDockerError(
                f"what an earlier create of {wanted.spec.name} made can't be released yet: {why}",
                hint="`mngr gc` goes on with it; or choose another name",
            )
        sweeping.forget(rented, host_id)
        held.done()
    return {}


def _is_gone(rented: Rented, handle: Handle) -> bool:
    """Whether the cloud no longer has what was bought: another computer's sweep releases it once our lease is over."""
    if not handle.get("id"):
        return False
    for _ in looks(rented.context.clock, rented.cloud.caps.list_lag_s):
        try:
            rented.get(handle["id"])
            return False
        except NotFound:
            continue  # for a moment that is also said of what has just been bought
    return True


def _holds(owner: tags.Owner, now: float) -> bool:
    """Whether our lease still runs, so that nobody else takes the machine for abandoned."""
    return owner.until is None or now < owner.until - tags.MARGIN_S
