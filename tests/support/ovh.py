"""A simulated OVH through the official SDK, unmodified: its signing, its errors, its paging."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import ovh
from ovh.client import ENDPOINTS, OAUTH2_TOKEN_URLS

from support.in_process import InProcess
from support.simcloud import Simcloud, until

PLAN, SYSTEM = "vps-2025-model1", "Debian 12 - Docker"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000 someone"
Seen = Callable[[str, str, Any, Any], None]

_names = itertools.count()


def sdk(cloud: Simcloud, env: dict[str, str] | None = None, url: str = "") -> ovh.Client:
    """A client for the cloud's own credentials, or for others made on the control port; at its URL, or at another of it."""
    endpoint = f"simulated-{next(_names)}"
    ENDPOINTS[endpoint] = url = url or cloud.url
    OAUTH2_TOKEN_URLS[endpoint] = url.removesuffix("/1.0") + "/auth/oauth2/token"
    env = env or cloud.env
    return ovh.Client(
        endpoint=endpoint,
        application_key=env.get("OVH_APPLICATION_KEY"),
        application_secret=env.get("OVH_APPLICATION_SECRET"),
        consumer_key=env.get("OVH_CONSUMER_KEY"),
        client_id=env.get("OVH_CLIENT_ID"),
        client_secret=env.get("OVH_CLIENT_SECRET"),
        timeout=20,
    )


class Here(InProcess):
    """A simulated OVH without machines, in the test's own process: it starts in no time."""

    def __init__(self, *arguments: str) -> None:
        super().__init__("ovh", *arguments)


class Account:
    """What a customer does: orders, looks, rebuilds, tags. `seen` is told of every answer."""

    def __init__(
        self, cloud: Simcloud, *, seen: Seen | None = None, env: dict[str, str] | None = None
    ) -> None:
        self.cloud = cloud
        self.client = sdk(cloud, env)
        self.seen = seen
        self.region = "eu" if ".ovh.net" in self._suffix() else "us"
        self.datacenter = "GRA" if self.region == "eu" else "US-EAST-VA"

    def _suffix(self) -> str:
        return ".ovh.net" if self.cloud.bill()["currency"] == "EUR" else ".ovh.us"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.call(method, path, body)
        if self.seen:
            self.seen(method, path, body, answer)
        return answer

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self.call("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)

    def cart(self, *, plan: str = PLAN, mode: str = "default", duration: str = "P1M", **more: Any) -> str:
        """A cart that can be checked out; its path."""
        subsidiary = self.get("/me")["ovhSubsidiary"]
        cart = f"/order/cart/{self.post('/order/cart', {'ovhSubsidiary': subsidiary})['cartId']}"
        wanted = {"planCode": plan, "pricingMode": mode, "duration": duration, "quantity": 1, **more}
        item = f"{cart}/item/{self.post(f'{cart}/vps', wanted)['itemId']}"
        for label, value in (("vps_datacenter", self.datacenter), ("vps_os", SYSTEM)):
            self.post(f"{item}/configuration", {"label": label, "value": value})
        self.post(f"{cart}/assign")
        return cart

    def order(self, **attributes: Any) -> int:
        """Buy one, paid at once; the order's number."""
        pay = {"autoPayWithPreferredPaymentMethod": True, "waiveRetractationPeriod": True}
        return self.post(f"{self.cart(**attributes)}/checkout", pay)["orderId"]

    def named(self, order: int) -> list[str]:
        """The services that an order says it became, as its flavour says it."""
        found = []
        for id in self.get(f"/me/order/{order}/details"):
            path = f"/me/order/{order}/details/{id}"
            names = [self.get(path)["domain"]]
            if self.region == "us":
                operations = self.get(f"{path}/operations")
                names += [self.get(f"{path}/operations/{one}")["resource"]["name"] for one in operations]
            found += [name for name in names if name and not name.startswith("*")]
        return sorted(set(found))

    def delivered(self, order: int) -> str:
        """Move the clock on, and wait until an order names its service."""
        self.cloud.advance(self.behaviour()["delivery_s"] + 1)
        return until(lambda: self.named(order), f"order {order} to be delivered", 5, 0.02)[0]

    def buy(self, **attributes: Any) -> str:
        """A VPS that was just delivered, and can't be rebuilt or cancelled yet."""
        return self.delivered(self.order(**attributes))

    def buy_settled(self, **attributes: Any) -> str:
        """One that is past all that."""
        service = self.buy(**attributes)
        self.cloud.advance(300)
        return service

    def behaviour(self, **changes: Any) -> dict[str, Any]:
        return self.cloud.ask("POST", "/behaviour", changes)

    def image(self, service: str, name: str = SYSTEM) -> str:
        ids = self.get(f"/vps/{service}/images/available")
        return next(id for id in ids if self.get(f"/vps/{service}/images/available/{id}")["name"] == name)

    def rebuild(self, service: str, key: str = KEY, name: str = SYSTEM) -> dict[str, Any]:
        body = {"imageId": self.image(service, name), "publicSshKey": key, "doNotSendPassword": True}
        return self.post(f"/vps/{service}/rebuild", body)

    def renew(self, service: str, **changes: Any) -> dict[str, Any]:
        """Read serviceInfos, change its `renew` (or `renewalType`), write the whole, read it again."""
        path = f"/vps/{service}/serviceInfos"
        info = self.get(path)
        if "renewalType" in changes:
            info["renewalType"] = changes.pop("renewalType")
        info["renew"] |= changes
        assert self.put(path, info) is None
        return self.get(path)

    def urn(self, service: str) -> str:
        return f"urn:v1:{self.region}:resource:vps:{service}"

    def tag(self, service: str, key: str, value: str) -> None:
        assert self.post(f"/v2/iam/resource/{self.urn(service)}/tag", {"key": key, "value": value}) is None

    def tags(self, service: str) -> dict[str, str]:
        return self.get(f"/v2/iam/resource/{self.urn(service)}")["tags"]

    def pages(self, size: int = 100) -> list[list[dict[str, Any]]]:
        """All pages of the account's VPSs, by the headers that only `raw_call` shows."""
        pages, cursor, path = [], "", "/v2/iam/resource?resourceType=vps"
        while True:
            headers = {"X-Pagination-Size": str(size), **({"X-Pagination-Cursor": cursor} if cursor else {})}
            answer = self.client.raw_call("GET", path, headers=headers)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json())
            if self.seen:
                self.seen("GET", path, None, pages[-1])
            cursor = answer.headers.get("X-Pagination-Cursor-Next", "")
            if not cursor:
                return pages
