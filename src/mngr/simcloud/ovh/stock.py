"""`/vps/order/rule`: where a plan can be had. Open to anyone."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.catalog import PLANS
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.words import bad


def datacenters(state: State, call: Call) -> dict[str, Any]:
    """Model `vps.order.rule.Datacenters`."""
    call.choice("ovhSubsidiary", state.flavour.subsidiaries, "OvhSubsidiaryEnum")
    if call.query["planCode"] not in PLANS:
        raise bad(f"[planCode] Given plan code ({call.query['planCode']}) is not available")
    gone = state.behaviour.out_of_stock
    return {
        "datacenters": [
            {
                "datacenter": one.name,
                "status": "out-of-stock" if one.name in gone else "available",
            }
            for one in state.flavour.datacenters
        ]
    }
