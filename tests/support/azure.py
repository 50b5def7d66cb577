"""A simulated Azure as its clients see it: plain HTTP without an SDK, and the official SDKs."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from support.azure_schema import Contract
from support.in_process import InProcess
from support.simcloud import Simcloud

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
        poll, result = first.headers.get("Azure-AsyncOperation"), first.headers.get("Location")
        if poll:
            last = self._polled(poll, lambda answer: answer.body["status"] != "InProgress").body
            if last["status"] == "Failed":
                return last["error"]
        elif result:
            self._polled(result, lambda answer: answer.status != 202)
        return self("GET", path).body if method in ("PUT", "PATCH") else None

    def _polled(self, url: str, ended: Callable[[Answer], bool]) -> Answer:
        """As often as the answers say."""
        end = time.monotonic() + 120
        while not ended(answer := self("GET", url)):
            assert time.monotonic() < end, (url, answer)
            head = answer.headers
            time.sleep(float(head.get("Retry-After") or float(head["x-ms-retry-after-ms"]) / 1000))
        return answer


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


def vm_body(nic: str, region: str = "westus", size: str = "Standard_B2s", **more: Any) -> dict[str, Any]:
    """A VM as mngr orders it: `more` are further fields of it, or of its properties."""
    image = {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "latest"}
    disk = {
        "createOption": "FromImage",
        "deleteOption": "Delete",
        "diskSizeGB": 30,
        "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
    }
    keys = [{"path": "/home/mngr/.ssh/authorized_keys", "keyData": more.pop("key", KEY)}]
    system = {
        "computerName": "one",
        "adminUsername": "mngr",
        "customData": base64.b64encode(more.pop("user_data", b"#cloud-config\n{}\n")).decode(),
        "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": keys}},
    }
    top = {name: more.pop(name) for name in ("tags", "zones") if name in more}
    return {
        "location": region,
        "identity": {"type": "SystemAssigned"},
        **top,
        "properties": {
            "hardwareProfile": {"vmSize": size},
            "storageProfile": {"imageReference": image, "osDisk": disk},
            "osProfile": system,
            "networkProfile": {
                "networkInterfaces": [{"id": nic, "properties": {"primary": True, "deleteOption": "Delete"}}]
            },
            **more,
        },
    }


def machine(arm: Arm, name: str = "one", subnet: str = "", **more: Any) -> dict[str, Any]:
    """A whole VM, running; or the error that its operation ended with."""
    nic = interface(arm, name, subnet or prepared(arm))
    return arm.done("PUT", vm_path(arm, name), vm_body(nic, **more))


def vm_path(arm: Arm, name: str = "one") -> str:
    return arm.group(f"Microsoft.Compute/virtualMachines/{name}")


def power(arm: Arm, name: str = "one") -> str:
    statuses = arm("GET", f"{vm_path(arm, name)}/instanceView", expect=200).body["statuses"]
    return next(
        (
            one["code"].removeprefix("PowerState/")
            for one in statuses
            if one["code"].startswith("PowerState/")
        ),
        "",
    )


def left(arm: Arm) -> list[str]:
    """What there is but groups, networks and roles: names."""
    kinds = {
        "virtualMachines",
        "disks",
        "networkInterfaces",
        "publicIPAddresses",
        "roleAssignments",
        "images",
        "versions",
    }
    found = [one for one in arm.cloud.resources() if one["kind"] in kinds]
    return sorted(
        one["name"] for one in found if not (one["kind"] == "roleAssignments" and one["id"].count("/") == 6)
    )
