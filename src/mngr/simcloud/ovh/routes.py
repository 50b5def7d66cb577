"""Every operation of this OVH: its path as the contract writes it, what it takes, and who answers it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mngr.simcloud import routing
from mngr.simcloud.ovh import carts, checkout, consumers, iam, me, orders, service, stock, tasks, vps
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.state import State

V1 = ("/1.0", "/v1")
"""Two names of one API (ovh/python-ovh issue 141)."""


@dataclass(frozen=True)
class Route(routing.Route[State, Call]):
    """Its path is without `/1.0`, but with `/v2`. A field of body or query that ends in `*` is required."""

    body: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    flavours: tuple[str, ...] = ("eu", "us")

    def pattern(self) -> str:
        """The path as an access rule: `*` for what varies."""
        return re.sub(r"{\w+}", "*", self.path)

    def action(self) -> str:
        """The right it needs, as IAM names it: `vps:apiovh:serviceInfos/edit`."""
        words = [word for word in self.path.removeprefix("/v2").split("/") if word and word[0] != "{"]
        # What isn't a product's is the account's: `account:apiovh:me/order/get`.
        name, rest = (words[0], words[1:]) if words[0] == "vps" else ("account", words)
        ending = {"GET": ["get"], "PUT": ["edit"], "DELETE": ["delete"]}.get(self.method)
        created = self.path.endswith(("/cart", "/vps", "/configuration", "/tag"))
        return f"{name}:apiovh:{'/'.join(rest + (ending or (['create'] if created else [])))}"


CART, ITEM, CONFIGURATION = "/order/cart/{cartId}", "/item/{itemId}", "/configuration/{configurationId}"
ORDER, DETAIL = "/me/order/{orderId}", "/details/{detailId}"
VPS, RESOURCE = "/vps/{serviceName}", "/v2/iam/resource/{resourceURN}"
WHOLE_VPS = (
    *("cluster", "displayName", "keymap", "memoryLimit", "model", "monitoringIpBlocks", "name"),
    *("netbootMode", "offerType", "slaMonitoring", "state", "vcore", "zone"),
)

ROUTES = (
    Route("GET", "/auth/time", me.time, open=True),
    Route("GET", "/auth/currentCredential", me.current_credential),
    Route("GET", "/auth/details", me.details),
    Route(
        "POST",
        "/auth/credential",
        consumers.request,
        body=("accessRules*", "allowedIPs", "redirection"),
        open=True,
    ),
    Route("GET", "/me", me.get),
    Route("GET", "/me/payment/method", me.payment_methods, query=("default", "paymentType", "status")),
    Route("GET", "/me/payment/method/{paymentMethodId}", me.payment_method),
    Route("GET", "/me/order", orders.list_orders, query=orders.DATES),
    Route("GET", ORDER, orders.get),
    Route("GET", f"{ORDER}/status", orders.status),
    Route("POST", f"{ORDER}/pay", orders.pay, body=("paymentMethod*",)),
    Route("GET", f"{ORDER}/details", orders.details),
    Route("GET", f"{ORDER}{DETAIL}", orders.detail),
    Route("GET", f"{ORDER}{DETAIL}/extension", orders.extension),
    Route("GET", f"{ORDER}{DETAIL}/operations", orders.operations, flavours=("us",)),
    Route("GET", f"{ORDER}{DETAIL}/operations/{{operationId}}", orders.operation, flavours=("us",)),
    Route("GET", "/order/cart", carts.list_carts, query=("description",)),
    Route(
        "POST",
        "/order/cart",
        carts.create,
        body=("ovhSubsidiary*", "description", "expire"),
        open=True,
    ),
    Route("GET", CART, carts.get, open=True),
    Route("DELETE", CART, carts.delete),
    Route("POST", f"{CART}/assign", carts.assign),
    Route("GET", f"{CART}/checkout", checkout.preview),
    Route(
        "POST",
        f"{CART}/checkout",
        checkout.checkout,
        body=("autoPayWithPreferredPaymentMethod", "waiveRetractationPeriod"),
    ),
    Route("GET", f"{CART}/vps", carts.list_offers, open=True),
    Route("GET", f"{CART}/vps/options", carts.list_options, query=("planCode*",), open=True),
    Route(
        "POST",
        f"{CART}/vps",
        carts.add_item,
        body=("planCode*", "duration*", "pricingMode*", "quantity*"),
        open=True,
    ),
    Route("GET", f"{CART}/item", carts.list_items, open=True),
    Route("GET", f"{CART}{ITEM}", carts.get_item, open=True),
    Route("DELETE", f"{CART}{ITEM}", carts.delete_item, open=True),
    Route("GET", f"{CART}{ITEM}/requiredConfiguration", carts.required, open=True),
    Route("GET", f"{CART}{ITEM}/configuration", carts.list_configurations, query=("label",), open=True),
    Route("POST", f"{CART}{ITEM}/configuration", carts.configure, body=("label*", "value*"), open=True),
    Route("GET", f"{CART}{ITEM}{CONFIGURATION}", carts.get_configuration, open=True),
    Route("DELETE", f"{CART}{ITEM}{CONFIGURATION}", carts.delete_configuration, open=True),
    Route(
        "GET",
        "/vps/order/rule/datacenter",
        stock.datacenters,
        query=("os", "ovhSubsidiary*", "planCode*"),
        open=True,
    ),
    Route("GET", "/vps", vps.list_vps, query=("iamTags",)),
    Route("GET", "/vps/datacenter", vps.datacenters, query=("country",), open=True, flavours=("eu",)),
    Route("GET", VPS, vps.get_vps),
    Route("PUT", VPS, vps.put_vps, body=(*WHOLE_VPS, "zoneType"), flavours=("eu",)),
    Route("PUT", VPS, vps.put_vps, body=WHOLE_VPS, flavours=("us",)),
    Route("GET", f"{VPS}/datacenter", vps.datacenter),
    Route("GET", f"{VPS}/ips", vps.ips),
    Route("GET", f"{VPS}/ips/{{ipAddress}}", vps.ip),
    Route("GET", f"{VPS}/images/available", vps.images),
    Route("GET", f"{VPS}/images/available/{{id}}", vps.image),
    Route("GET", f"{VPS}/images/current", vps.current_image),
    Route("GET", f"{VPS}/tasks", tasks.list_tasks, query=("state", "type")),
    Route("GET", f"{VPS}/tasks/{{id}}", tasks.get_task),
    Route(
        "POST",
        f"{VPS}/rebuild",
        vps.rebuild,
        body=("imageId*", "publicSshKey", "sshKey", "doNotSendPassword", "installRTM"),
    ),
    Route("POST", f"{VPS}/start", vps.start),
    Route("POST", f"{VPS}/stop", vps.stop),
    Route("POST", f"{VPS}/reboot", vps.reboot),
    Route("POST", f"{VPS}/terminate", vps.terminate),
    Route("GET", f"{VPS}/serviceInfos", service.get),
    Route("PUT", f"{VPS}/serviceInfos", service.put, body=service.FIELDS),
    Route(
        "GET", "/v2/iam/resource", iam.list_resources, query=("resourceName", "resourceType", "resourceURN")
    ),
    Route("GET", RESOURCE, iam.get_resource),
    Route("POST", f"{RESOURCE}/tag", iam.put_tag, body=("key*", "value*")),
    Route("DELETE", f"{RESOURCE}/tag/{{key}}", iam.delete_tag),
)


def bare(path: str) -> str:
    """A request's path as routes and access rules write it."""
    for prefix in V1:
        if path == prefix or path.startswith(f"{prefix}/"):
            return path.removeprefix(prefix).rstrip("/")
    return path.rstrip("/") if path.startswith("/v2/") else f"nowhere{path}"
