"""`/vps`: the services, their addresses and images, and what can be asked of them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from mngr.simcloud.call import ApiError, is_public_key
from mngr.simcloud.ovh import machine, tasks
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.catalog import IMAGES, PLANS, image_id
from mngr.simcloud.ovh.records import Vps
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.tagfilter import tag_filter
from mngr.simcloud.ovh.words import bad, not_found

LONGEST_DISPLAY_NAME = 50


def list_vps(state: State, call: Call) -> list[str]:
    """Lags: a service that an order names already may be missing here, and a fresh tag not count."""
    passes = tag_filter(call.query.get("iamTags"), state.flavour.name)
    replica, as_of = state.tags.any_replica(), call.as_of
    return [
        vps.name
        for vps in state.vps.list(listed_at(state, call, state.behaviour.list_lag_s))
        if passes(state.tags.list(vps.name, replica, as_of))
    ]


def listed_at(state: State, call: Call, lag_s: float) -> float:
    """The moment that a list shows: some time ago, or longer if a fault says so."""
    moment = state.now() - lag_s
    return moment if call.as_of is None else min(moment, call.as_of)


def get_vps(state: State, call: Call) -> dict[str, Any]:
    """Model `vps.VPSWithIAM`."""
    vps = find(state, call)
    plan = PLANS[vps.plan]
    where = state.flavour.datacenter(vps.datacenter)
    assert where
    view: dict[str, Any] = {
        "name": vps.name,
        "displayName": vps.display_name or vps.name,
        "state": vps.power,
        "zone": where.zone,
        "cluster": "",
        "keymap": None,
        "memoryLimit": plan.memory,
        "vcore": plan.vcore,
        "monitoringIpBlocks": [],
        "netbootMode": "local",
        "offerType": "ssd",
        "slaMonitoring": False,
        "model": {
            "name": plan.code,
            "offer": f"VPS-{plan.code[-1]}",
            "version": "2019v1",
            "availableOptions": [],
            "datacenter": [],
            "disk": plan.disk,
            "memory": plan.memory,
            "vcore": plan.vcore,
            "maximumAdditionnalIp": 16,
        },
        "iam": {
            "id": vps.iam_id,
            "urn": state.urn(vps.name),
            "displayName": vps.display_name or vps.name,
            "tags": state.tags.read(
                vps.name, state.tags.any_replica(), call.as_of, reader=call.request.client()
            ),
        },
    }
    if state.flavour.name == "eu":
        view["zoneType"] = "region"
    return view


def put_vps(state: State, call: Call) -> None:
    """Takes the whole service; the display name is what can be changed here."""
    vps = find(state, call)
    boot = call.text("netbootMode", "local")
    if boot not in ("local", "rescue"):
        raise bad(f"[netbootMode] Given data ({boot}) does not belong to the VpsNetbootEnum enumeration")
    if boot == "rescue":
        raise bad("This simulated OVH has no rescue system.")
    call.text("keymap")
    call.flag("slaMonitoring")
    name = call.text("displayName", vps.display_name)
    if len(name) > LONGEST_DISPLAY_NAME:
        raise bad(f"[displayName] is longer than {LONGEST_DISPLAY_NAME} characters")
    state.change(vps.name, display_name=name)


def ips(state: State, call: Call) -> list[str]:
    vps = find(state, call)
    both = [vps.address, vps.address6]
    return both[::-1] if state.behaviour.ipv6_first else both


def ip(state: State, call: Call) -> dict[str, Any]:
    """Model `vps.Ip`."""
    vps = find(state, call)
    wanted = call.parts["ipAddress"]
    try:
        wanted = str(ip_address(wanted))
    except ValueError:
        raise bad(f"[ipAddress] Given data ({wanted}) is not valid for type ip") from None
    if wanted not in (vps.address, vps.address6):
        raise not_found()
    where = state.flavour.datacenter(vps.datacenter)
    assert where
    return {
        "ipAddress": wanted,
        "type": "primary",
        "version": "v4" if wanted == vps.address else "v6",
        "geolocation": where.country,
        "gateway": None,
        "macAddress": None,
        "reverse": None,
    }


def datacenters(state: State, call: Call) -> list[str]:
    """Names of datacenters, of one country if asked. EU only, and open to anyone."""
    country = call.query.get("country")
    if country is not None and not (len(country) == 2 and country.isascii() and country.isupper()):
        raise bad(f"[country] Given data ({country}) does not belong to the CountryEnum enumeration")
    return [one.name for one in state.flavour.datacenters if country in (None, one.country_code)]


def datacenter(state: State, call: Call) -> dict[str, Any]:
    """Model `vps.Datacenter`."""
    where = state.flavour.datacenter(find(state, call).datacenter)
    assert where
    return {"name": where.name, "longName": where.long_name, "country": where.country}


def images(state: State, call: Call) -> list[str]:
    vps = find(state, call)
    return [image_id(vps.name, name) for name in IMAGES]


def image(state: State, call: Call) -> dict[str, str]:
    vps = find(state, call)
    name = _image_name(vps, call.parts["id"])
    if name is None:
        raise not_found()
    return {"id": call.parts["id"], "name": name}


def current_image(state: State, call: Call) -> dict[str, str]:
    vps = find(state, call)
    return {"id": image_id(vps.name, vps.image), "name": vps.image}


def rebuild(state: State, call: Call) -> dict[str, Any]:
    """Refused as long as anything goes on, and some time after, whatever /tasks shows."""
    vps = find(state, call)
    name = _image_name(vps, call.text("imageId"))
    if name is None:
        raise bad("[imageId] This image is not available for your VPS")
    if call.text("sshKey"):
        raise bad("[sshKey] This SSH key does not exist")
    key = call.text("publicSshKey")
    if key and not is_public_key(key):
        raise bad("[publicSshKey] Invalid SSH public key")
    if call.flag("doNotSendPassword") and not key:
        raise bad("[doNotSendPassword] A SSH key is needed if the password is not sent")
    call.flag("installRTM")
    tasks.refuse_if_busy(state, vps.name, state.behaviour.rebuild_busy_s)
    return tasks.view(machine.rebuild(state, vps, name, key.strip(), call.request.faults), state.now())


def start(state: State, call: Call) -> dict[str, Any]:
    return _switch(state, call, "startVm", "stopped", "running", "running")


def stop(state: State, call: Call) -> dict[str, Any]:
    return _switch(state, call, "stopVm", "running", "stopping", "stopped")


def reboot(state: State, call: Call) -> dict[str, Any]:
    return _switch(state, call, "rebootVm", "running", "rebooting", "running")


def terminate(state: State, call: Call) -> str:
    """Sends a mail with a token, and does nothing else: who can't read the mail can't terminate."""
    vps = find(state, call)
    return f"An e-mail to confirm the termination of {vps.name} has been sent to the administrator contact"


def find(state: State, call: Call) -> Vps:
    """The service of this call. Raises 404, and 460 once it has expired without being cancelled."""
    vps = state.vps.find(call.parts["serviceName"], call.as_of)
    if vps.status == "expired":
        raise ApiError(460, "This service is expired")
    return vps


def _switch(state: State, call: Call, type: str, needs: str, meanwhile: str, then: str) -> dict[str, Any]:
    vps = find(state, call)
    tasks.refuse_if_busy(state, vps.name)
    if vps.power != needs:
        raise bad(f"Your VPS is {vps.power}, it should be {needs} to do this action")
    machines = state.core.machines
    act = {"startVm": machines.start, "stopVm": machines.halt, "rebootVm": machines.reboot}[type]
    return tasks.view(machine.switch(state, vps, type, meanwhile, then, act), state.now())


def _image_name(vps: Vps, id: str) -> str | None:
    return next((name for name in IMAGES if image_id(vps.name, name) == id), None)
