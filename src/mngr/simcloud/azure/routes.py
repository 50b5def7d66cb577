"""Every operation of this Azure. Paths are as ARM's contracts write them; upper and lower case are the same."""

from __future__ import annotations

from mngr.simcloud.azure import (
    activity,
    assignments,
    graph,
    groups,
    kinds,
    offers,
    providers,
    roles,
    tags,
    vm_power,
)
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.nested import Nested
from mngr.simcloud.azure.resources import Kind
from mngr.simcloud.azure.state import State
from mngr.simcloud.routing import Route

Operation = Route[State, Call]
SUB = "/subscriptions/{subscription}"
GROUP = f"{SUB}/resourceGroups/{{group}}"
COMPUTE = f"{SUB}/providers/Microsoft.Compute"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{{name}}"
IMAGES = f"{COMPUTE}/locations/{{location}}/publishers"
TAGS = "/{+scope}/providers/Microsoft.Resources/tags/default"
ASSIGNMENTS = "/{+scope}/providers/Microsoft.Authorization/roleAssignments"
DEFINITIONS = "/{+scope}/providers/Microsoft.Authorization/roleDefinitions"


def _kind(kind: Kind) -> tuple[Operation, ...]:
    namespace, *types = kind.type.split("/")
    inside = "".join(f"/{type}/{{name{number}}}" for number, type in enumerate(types[:-1]))
    many = f"/providers/{namespace}{inside}/{types[-1]}"
    one = f"{GROUP}{many}/{{name}}"
    everywhere = (Route("GET", f"{SUB}{many}", kind.list),) if not inside else ()
    return (
        Route("PUT", one, kind.put),
        Route("PATCH", one, kind.patch),
        Route("GET", one, kind.get),
        Route("DELETE", one, kind.delete),
        Route("GET", f"{GROUP}{many}", kind.list),
        *everywhere,
    )


def _nested(part: Nested) -> tuple[Operation, ...]:
    namespace, type = part.parent.type.split("/")
    many = f"{GROUP}/providers/{namespace}/{type}/{{parent}}/{part.field}"
    return (
        Route("PUT", f"{many}/{{name}}", part.put),
        Route("GET", f"{many}/{{name}}", part.get),
        Route("DELETE", f"{many}/{{name}}", part.delete),
        Route("GET", many, part.list),
    )


ROUTES: tuple[Operation, ...] = (
    Route("GET", "/subscriptions", groups.subscriptions),
    Route("GET", SUB, groups.subscription),
    Route("GET", f"{SUB}/locations", groups.locations),
    Route("GET", "/tenants", groups.tenants),
    Route("GET", f"{SUB}/providers", providers.list_providers),
    Route("GET", f"{SUB}/providers/{{namespace}}", providers.get),
    Route("POST", f"{SUB}/providers/{{namespace}}/register", providers.register),
    Route("POST", f"{SUB}/providers/{{namespace}}/unregister", providers.unregister),
    Route("GET", f"{SUB}/resourceGroups", groups.list_groups),
    Route("PUT", GROUP, groups.put),
    Route("PATCH", GROUP, groups.patch),
    Route("GET", GROUP, groups.get),
    Route("HEAD", GROUP, groups.head),
    Route("DELETE", GROUP, groups.delete),
    Route("GET", f"{GROUP}/resources", groups.list_resources),
    Route("GET", f"{SUB}/resources", groups.list_resources),
    Route(
        "GET",
        f"{SUB}/providers/{{namespace}}/locations/{{location}}/operations/{{id}}",
        lambda state, call: state.operations.status(call),
    ),
    Route(
        "GET",
        f"{SUB}/providers/{{namespace}}/locations/{{location}}/operationresults/{{id}}",
        lambda state, call: state.operations.result(call),
    ),
    Route("GET", f"{SUB}/operationresults/{{id}}", lambda state, call: state.operations.result(call)),
    Route("GET", f"{SUB}/operations/{{id}}", lambda state, call: state.operations.status(call)),
    Route("GET", f"{SUB}/providers/Microsoft.Insights/eventtypes/management/values", activity.list_events),
    Route("POST", "/providers/Microsoft.ResourceGraph/resources", graph.query),
    Route("GET", f"{COMPUTE}/skus", offers.skus),
    Route("GET", f"{COMPUTE}/locations/{{location}}/virtualMachines", kinds.KINDS[0].list),
    Route("GET", f"{COMPUTE}/locations/{{location}}/vmSizes", offers.sizes),
    Route("GET", f"{COMPUTE}/locations/{{location}}/usages", offers.usages),
    Route("GET", f"{SUB}/providers/Microsoft.Network/locations/{{location}}/usages", offers.network_usages),
    Route("GET", IMAGES, offers.images),
    Route("GET", f"{IMAGES}/{{publisher}}/artifacttypes/vmimage/offers", offers.images),
    Route("GET", f"{IMAGES}/{{publisher}}/artifacttypes/vmimage/offers/{{offer}}/skus", offers.images),
    Route(
        "GET",
        f"{IMAGES}/{{publisher}}/artifacttypes/vmimage/offers/{{offer}}/skus/{{sku}}/versions",
        offers.images,
    ),
    Route(
        "GET",
        f"{IMAGES}/{{publisher}}/artifacttypes/vmimage/offers/{{offer}}/skus/{{sku}}/versions/{{version}}",
        offers.images,
    ),
    Route("GET", f"{VM}/instanceView", vm_power.view),
    Route("POST", f"{VM}/deallocate", vm_power.deallocate),
    Route("POST", f"{VM}/start", vm_power.start),
    Route("POST", f"{VM}/powerOff", vm_power.power_off),
    Route("POST", f"{VM}/restart", vm_power.restart),
    Route("POST", f"{VM}/redeploy", vm_power.redeploy),
    Route("POST", f"{VM}/generalize", vm_power.generalize),
    Route("POST", f"{VM}/simulateEviction", vm_power.simulate_eviction),
    *(route for part in kinds.NESTED for route in _nested(part)),
    *(route for kind in kinds.KINDS for route in _kind(kind)),
    Route("GET", TAGS, tags.get),
    Route("PUT", TAGS, tags.put),
    Route("PATCH", TAGS, tags.patch),
    Route("DELETE", TAGS, tags.delete),
    Route("GET", ASSIGNMENTS, assignments.list_assignments),
    Route("PUT", f"{ASSIGNMENTS}/{{name}}", assignments.assign),
    Route("GET", f"{ASSIGNMENTS}/{{name}}", assignments.get_assignment),
    Route("DELETE", f"{ASSIGNMENTS}/{{name}}", assignments.unassign),
    Route("GET", DEFINITIONS, roles.list_definitions),
    Route("PUT", f"{DEFINITIONS}/{{name}}", roles.define),
    Route("GET", f"{DEFINITIONS}/{{name}}", roles.get_definition),
    Route("DELETE", f"{DEFINITIONS}/{{name}}", roles.undefine),
    Route("GET", "/providers/Microsoft.Authorization/roleDefinitions/{name}", roles.get_definition),
)
