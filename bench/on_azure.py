"""Azure: a list of an instance that has no VM, against one bare request to the same cloud, and against a list of this computer;
a create on a baked image, against the boot of a VM with that image."""

import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.measure import Row, paired, peak, wall
from bench.on_vultr import BOOT_LIMIT_S, booted
from bench.setting import Cloud, Setting, fresh, simulated

LISTS = 15
CREATES = 5
ADMIN = "bench"
REGION = "westus"

#: The bare thing, from process to process: the VMs of a group, by Python's own urllib, with a token that is there already.
BARE = """import json, os, sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
with urllib.request.urlopen(request, timeout=30) as answer:
    print(json.load(answer))
"""


def rows(folder: Path) -> Iterator[Row]:
    local, setting = fresh(folder / "azure-local"), fresh(folder / "azure")
    arguments = ("--registered", "--machines", "fake", "--machines-cmd", "true")
    with simulated(setting.env, *arguments, vendor="azure") as cloud:
        here = _prepared(setting, cloud)
        yield _time(here, cloud)
        yield paired(
            "list, Azure without a VM (memory)", lambda: peak(here.mngr("list"), here.env, here.folder),
            "list, this computer", lambda: peak(local.mngr("list"), local.env, local.folder),
            limit=1.5, rounds=5, unit="MB",
        )  # fmt: skip
    setting = fresh(folder / "azure-baked")
    with simulated(setting.env, "--registered", "--speed", "20", vendor="azure") as cloud:
        here = _prepared(setting, cloud)
        here.run("azure", "bake", "--yes", limit_s=900)
        yield _create(here, cloud)


def _prepared(setting: Setting, cloud: Cloud) -> Setting:
    here = setting.with_env(**cloud.env)
    here.run("azure", "prepare", "--allowed-ssh-cidr", "203.0.113.4/32")  # which leaves a token, too
    return here


def _time(here: Setting, cloud: Cloud) -> Row:
    arm = Arm(here, cloud)
    url = arm.url("/providers/Microsoft.Compute/virtualMachines")
    bare = [sys.executable, "-c", BARE, url]
    env = {**here.env, "TOKEN": arm.token}
    return paired(
        "list, Azure without a VM", lambda: wall(here.mngr("list"), here.env, here.folder),
        "one HTTPS request by urllib", lambda: wall(bare, env, here.folder), limit=2, rounds=LISTS,
    )  # fmt: skip


# --- making one ---


def _create(here: Setting, cloud: Cloud) -> Row:
    key = here.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    words = ("create", "bench", "--provider", "azure", "--no-code", "--no-connect", "--yes")

    def ours() -> float:
        cloud.settle()
        try:
            return wall(here.mngr(*words), here.env, here.folder)
        finally:
            here.run("destroy", "bench", "--force")

    def bare() -> float:
        cloud.settle()
        return _boot(Arm(here, cloud), key)

    return paired(
        "create on Azure, baked image", ours, "the machine's own boot", bare,
        limit=1.5, rounds=CREATES, by="+",
    )  # fmt: skip


def _boot(arm: "Arm", key: Path) -> float:
    """A VM of the baked image with one key: from the order of its address until its first boot is through."""
    image, subnet = arm.newest_image(), arm.subnet()
    compute, network = "/providers/Microsoft.Compute", "/providers/Microsoft.Network"
    address, nic = f"{network}/publicIPAddresses/bench-ip", f"{network}/networkInterfaces/bench-nic"
    vm = f"{compute}/virtualMachines/bench-boot"
    public = {"path": f"/home/{ADMIN}/.ssh/authorized_keys", "keyData": key.with_suffix(".pub").read_text()}
    goes = {"deleteOption": "Delete"}
    began = time.monotonic()
    try:
        arm.made(address, {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}})
        ip = {"id": arm.id(address), "properties": goes}
        place = {"subnet": {"id": subnet}, "publicIPAddress": ip}
        arm.made(nic, {"properties": {"ipConfigurations": [{"name": "one", "properties": place}]}})
        linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [public]}}
        order = {
            "hardwareProfile": {"vmSize": "Standard_B2s"},
            "storageProfile": {
                "imageReference": {"id": image},
                "osDisk": {"createOption": "FromImage", "name": "bench-os", **goes},
            },
            "osProfile": {"computerName": "bench", "adminUsername": ADMIN, "linuxConfiguration": linux},
            "networkProfile": {"networkInterfaces": [{"id": arm.id(nic), "properties": goes}]},
        }
        arm.call("PUT", vm, {"properties": order})
        host = arm.call("GET", address)["properties"]["ipAddress"]
        while time.monotonic() < began + BOOT_LIMIT_S:
            if booted(host, key, ADMIN):
                return time.monotonic() - began
            time.sleep(0.05)
        raise RuntimeError(f"a VM didn't boot within {BOOT_LIMIT_S} s")
    finally:
        for path in (vm, nic, address):
            arm.gone(path)


class Arm:
    """The bare API. Paths are below the prepared group."""

    def __init__(self, here: Setting, cloud: Cloud) -> None:
        self._cloud = cloud
        self._trust = ssl.create_default_context(cafile=cloud.env["REQUESTS_CA_BUNDLE"])
        [kept] = here.folder.glob("home/profile/providers/azure/azure/token.json")
        self.token: str = json.loads(kept.read_bytes())["token"]

    def id(self, path: str) -> str:
        return f"/subscriptions/{self._cloud.env['AZURE_SUBSCRIPTION_ID']}/resourceGroups/mngr{path}"

    def url(self, path: str) -> str:
        return f"{self._cloud.url}{self.id(path)}?api-version=2022-11-01"

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps({"location": REGION, **body}).encode()
        request = urllib.request.Request(self.url(path), data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60, context=self._trust) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def made(self, path: str, body: dict[str, Any]) -> None:
        self.call("PUT", path, body)
        self._until(path, lambda found: found["properties"]["provisioningState"] == "Succeeded")

    def gone(self, path: str) -> None:
        try:
            self.call("DELETE", path)
            self._until(path, lambda found: False)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise

    def _until(self, path: str, done: Callable[[Any], bool]) -> None:
        ends = time.monotonic() + BOOT_LIMIT_S
        while not done(self.call("GET", path)):
            if time.monotonic() > ends:
                raise RuntimeError(f"{path} isn't done within {BOOT_LIMIT_S} s")
            time.sleep(0.02)

    def subnet(self) -> str:
        [network] = self.call("GET", "/providers/Microsoft.Network/virtualNetworks")["value"]
        return network["properties"]["subnets"][0]["id"]

    def newest_image(self) -> str:
        """The id of the baked image."""
        path = "/providers/Microsoft.Compute/galleries"
        for part in ("", "/images", "/versions"):
            rows = self.call("GET", path + part)["value"]
            path = f"{path}{part}/{rows[-1]['name']}"
        return self.id(path)
