"""The record of a host on a rented machine; where it is gone with the state volume, written anew."""

import contextlib

import msgspec

from mngr.containers import lost_record
from mngr.containers.store import HostStore
from mngr.model.errors import MngrError
from mngr.model.records import HostRecord
from mngr.model.views import Offer
from mngr.vps_docker import views
from mngr.vps_docker.errors import VpsDockerError
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine, MachineSpec


def record(rented: Rented, store: HostStore, machine: Machine) -> HostRecord:
    """The record of the host on `machine`. Raises VpsDockerError if it can't be read, or is gone and its container doesn't
    hold agents that show that it was made to its end; Unreachable, MngrError."""
    host_id = machine.owner.host_id
    survey = store.survey(host_id, probe=False)
    if host_id in survey.stored.hosts:
        return survey.stored.hosts[host_id]
    missing = VpsDockerError(
        f"the record of host {host_id} is missing on its machine {machine.id}",
        hint="look at it with `mngr list`; or destroy the host and create it anew",
    )
    unread = survey.stored.problems.get(f"{host_id}.json")
    seen = survey.containers.get(host_id)
    if unread:
        raise VpsDockerError(f"{unread.what}: {unread.error}", hint=unread.hint)
    if seen is None or host_id in survey.stored.removed | survey.stored.going.keys():
        raise missing
    found = lost_record.read(store.docker, seen, _template(rented, machine))
    if not found.agents:
        raise missing
    return lost_record.write(store, found)


def _template(rented: Rented, machine: Machine) -> HostRecord:
    """What is known of the host without its container: what this computer has seen, else tags and the cloud's word."""
    remembered = rented.cache.get(machine.owner.host_id)
    record = views.record_of(rented, machine, remembered)
    if remembered is not None:
        return record
    offer = _price(rented, machine)
    keys = machine.owner.host_keys
    return msgspec.structs.replace(
        record,
        price_per_hour=offer.per_hour,
        price_per_month=offer.per_month,
        price_stopped_per_hour=offer.per_hour_stopped,
        currency=offer.currency,
        ssh_trust=rented.cloud.caps.ssh_trust,
        machine_key=keys[0] if keys else "",
    )


def _price(rented: Rented, machine: Machine) -> Offer:
    """What such a machine costs now, if the cloud says so."""
    wanted = MachineSpec(
        host_id=machine.owner.host_id, name=machine.name, plan=machine.plan, region=machine.region,
        image=rented.config.boot_image, options={"spot": "1"} if machine.spot else {},
    )  # fmt: skip
    with contextlib.suppress(MngrError):
        return rented.cloud.check(wanted)
    return Offer()
