"""A simulated Azure as its clients see it: plain HTTP without an SDK, and the official SDKs."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.azure_schema import Contract
from support.in_process import InProcess
from support.simcloud import Simcloud, until

VERSION = "2022-11-01"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000 someone"
RULES = [
    {
        "name": name,
        "properties": {
            "protocol": "Tcp",
            "sourcePortRange": "*",
            "destinationPortRange": port,
            "sourceAddressPrefixes": ["203.0.113.4/32"],
            "destinationAddressPrefix": "*",
            "access": "Allow",
            "priority": priority,
            "direction": "Inbound",
        },
    }
    for name, port, priority in (("ssh", "22", 1000), ("agent", "2222", 1010))
]


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return self.body["error"]["code"]


class Here(InProcess):
    """Without machines, in the test's own process, a thousand times as fast, its providers registered."""

    def __init__(self, *arguments: str) -> None:
        super().__init__("azure", *(arguments or ("--speed", "1000", "--registered")))


class Arm:
    """A client of our own: what it sends and gets is held against the contract, if there is one."""

    def __init__(
        self, cloud: Simcloud, env: dict[str, str] | None = None, contract: Contract | None = None
    ) -> None:
        self.cloud, self.env, self.contract = cloud, env or cloud.env, contract
        self.sub = cloud.env["AZURE_SUBSCRIPTION_ID"]
        self.seen: set[tuple[str, str]] = set()
        self.token = ""

    def group(self, rest: str = "", name: str = "mngr") -> str:
        return f"/subscriptions/{self.sub}/resourceGroups/{name}{'/providers/' + rest if rest else ''}"

    def login(self) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.env["AZURE_CLIENT_ID"],
            "client_secret": self.env["AZURE_CLIENT_SECRET"],
            "scope": "https://management.azure.com/.default",
        }
        url = f"{self.cloud.url}/{self.env['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        return send(
            "POST",
            url,
            urllib.parse.urlencode(form).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expect: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`path` may be a whole URL, as operations' are; else it gets an api-version."""
        self.token = self.token or self.login().body["access_token"]
        url = path if "://" in path else self.cloud.url + path
        url += "" if "api-version=" in url else f"{'&' if '?' in url else '?'}api-version={VERSION}"
        data = None if body is None else json.dumps(body).encode()
        head = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        answer = send(method, url.replace(" ", "%20"), data, head)
        if expect:
            assert answer.status == expect, (method, path, answer)
        bare = urllib.parse.urlsplit(url).path
        if self.contract and not re.search(r"/operation(s|results)/", bare):
            self.contract.check(method, bare, body, answer.status, answer.body)
        self.seen.add((method, bare))
        return answer

    def done(self, method: str, path: str, body: Any = None, *, expect: int = 0) -> Any:
        """The same, and its operation to the end; what the resource is then, or the failed operation's error."""
        first = self(method, path, body, expect=expect)
        assert first.status < 300, (method, path, first)
        poll = first.headers.get("Azure-AsyncOperation")
        if poll:
            last = until(lambda: _ended(self("GET", poll)), f"{method} {path}", 20, 0.01)
            if last["status"] == "Failed":
                return last["error"]
        elif result := first.headers.get("Location"):
            until(lambda: self("GET", result).status != 202, f"{method} {path}", 20, 0.01)
        return self("GET", path).body if method in ("PUT", "PATCH") else None


def _ended(answer: Answer) -> Any:
    return answer.body if answer.body["status"] not in ("InProgress",) else None


def send(method: str, url: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
    request = urllib.request.Request(url, data, dict(headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, _decoded(answer.read()), answer.headers)
    except urllib.error.HTTPError as answer:
        return Answer(answer.code, _decoded(answer.read()), answer.headers)


def _decoded(raw: bytes) -> Any:
    return json.loads(raw) if raw else None


def prepared(arm: Arm, region: str = "westus", group: str = "mngr") -> str:
    """A group with a network and a firewall; the id of the subnet."""
    arm("PUT", arm.group(name=group), {"location": region, "tags": {"managed-by": "mngr"}})
    nsg = arm.done(
        "PUT",
        arm.group("Microsoft.Network/networkSecurityGroups/mngr-nsg", group),
        {"location": region, "properties": {"securityRules": RULES}},
    )
    subnet = {
        "name": "mngr-subnet",
        "properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": nsg["id"]}},
    }
    network = {
        "location": region,
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]},
    }
    return arm.done("PUT", arm.group("Microsoft.Network/virtualNetworks/mngr-vnet", group), network)[
        "properties"
    ]["subnets"][0]["id"]


def interface(arm: Arm, name: str, subnet: str, region: str = "westus", group: str = "mngr") -> str:
    """A NIC with a public address; its id."""
    address = {
        "location": region,
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }
    ip = arm.done("PUT", arm.group(f"Microsoft.Network/publicIPAddresses/{name}-ip", group), address)
    configuration = {
        "name": "main",
        "properties": {
            "subnet": {"id": subnet},
            "publicIPAddress": {"id": ip["id"], "properties": {"deleteOption": "Delete"}},
        },
    }
    nic = {"location": region, "properties": {"ipConfigurations": [configuration]}}
    return arm.done("PUT", arm.group(f"Microsoft.Network/networkInterfaces/{name}-nic", group), nic)["id"]
