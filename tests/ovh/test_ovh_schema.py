"""Calls that clients make are OVH's own: path, parameters, fields and answers, by its schemas, on both sides."""

from __future__ import annotations

from typing import Any

import ovh
import pytest

from mngr.vps_docker import tags
from support.ovh import KEY, Account, Here
from support.ovh_schema import Contract, folder

from .conftest import HOST, Laptop

BOTH = pytest.mark.parametrize("flavour", ["us", "eu"], indirect=True)


@pytest.fixture
def calls(flavour: str, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Operations that the SDK was used for; each call that was answered is held against its schema."""
    contract, seen = Contract(folder(), flavour), set[tuple[str, str]]()
    raw_call = ovh.Client.raw_call

    def checked(self: Any, method: str, path: str, data: Any = None, **more: Any) -> Any:
        answer = raw_call(self, method, path, data=data, **more)
        if answer.status_code < 400:
            contract.check(method, path, data, answer.json())
            seen.add((method, contract.find(method, path).path))
        return answer

    monkeypatch.setattr(ovh.Client, "raw_call", checked)
    return seen


@BOTH
def test_what_mngr_calls(calls: set[tuple[str, str]], laptop: Laptop) -> None:
    spec = laptop.spec()
    laptop.cloud.check(spec)
    made, handle = laptop.create(spec)
    laptop.cloud.first.install(made.id, "", lambda text: None)
    laptop.cloud.keep(made.id, print)
    laptop.cloud.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
    laptop.clock.sleep(60)
    laptop.cloud.power(made.id, False)
    laptop.clock.sleep(60)
    laptop.cloud.power(made.id, True)
    assert [one.id for one in laptop.cloud.find({tags.HOST_ID: HOST})] == [made.id]
    laptop.cloud.reconcile()
    laptop.cloud.release(spec, handle)
    laptop.clock.sleep(30)
    again, _ = laptop.create(laptop.spec("host-fedcba9876543210"))
    assert again.id == made.id
    lost = laptop.killed_around_checkout(buys=True)
    laptop.create(laptop.spec(), lost)
    assert len(calls) > 25


#: A client that has ordered on the real OVH: what it does, step by step.
CONFIGURATIONS = (("vps_datacenter", ""), ("vps_os", "Debian 12"), ("vps_install_rtm", "no"))


@BOTH
def test_what_a_client_of_the_real_one_calls(calls: set[tuple[str, str]], sim: Here) -> None:
    account = Account(sim)
    client, subsidiary = account.client, {"us": "US", "eu": "FR"}[account.region]
    cart = f"/order/cart/{client.post('/order/cart', ovhSubsidiary=subsidiary, description='one')['cartId']}"
    offer = next(one for one in client.get(f"{cart}/vps") if one["planCode"] == "vps-2025-model1")
    ordered = {"planCode": offer["planCode"], "duration": "P1M", "pricingMode": "default", "quantity": 1}
    item = f"{cart}/item/{client.post(f'{cart}/vps', **ordered)['itemId']}"
    labels = [one["label"] for one in client.get(f"{item}/requiredConfiguration")]
    for label, value in CONFIGURATIONS:
        assert label in labels
        client.post(f"{item}/configuration", label=label, value=value or account.datacenter)
    client.post(f"{cart}/assign")
    pay = {"autoPayWithPreferredPaymentMethod": True, "waiveRetractationPeriod": True}
    order = f"/me/order/{client.post(f'{cart}/checkout', **pay)['orderId']}"
    assert client.get(f"{order}/status") == "checking"
    sim.advance(100)
    sim.settle()
    assert client.get(f"{order}/status") == "delivered"
    (service,) = {name for name in _names(client, order) if name not in ("*", None)}
    sim.advance(300)

    assert client.get("/vps") == [service]
    (running,) = [client.get(f"/vps/{name}") for name in client.get("/vps")]
    assert running["state"] == "running"
    assert client.get(f"/vps/{service}/tasks", state="todo") == client.get(
        f"/vps/{service}/tasks", state="doing"
    )
    ids = client.get(f"/vps/{service}/images/available")
    (image,) = (
        id
        for id in ids
        if client.get(f"/vps/{service}/images/available/{id}")["name"] == "Debian 12 - Docker"
    )
    task = client.post(
        f"/vps/{service}/rebuild", imageId=image, publicSshKey=KEY, doNotSendPassword=True, installRTM=False
    )
    sim.advance(100)
    sim.settle()
    assert client.get(f"/vps/{service}/tasks/{task['id']}")["state"] == "done"
    assert len(client.get(f"/vps/{service}/ips")) == 2

    urn = running["iam"]["urn"]
    client.post(f"/v2/iam/resource/{urn}/tag", key="mngr-host-id", value="one")
    sim.advance(30)
    (listed,) = client.get("/v2/iam/resource", resourceType="vps")
    assert (listed["name"], listed["tags"]) == (service, {"mngr-host-id": "one"})
    wanted = '{"mngr-host-id":[{"operator":"EQ","value":"one"}]}'
    assert client.get("/vps", iamTags=wanted) == [service]
    client.delete(f"/v2/iam/resource/{urn}/tag/mngr-host-id")

    for cancelled in (True, False, True):
        info = client.get(f"/vps/{service}/serviceInfos")
        info["renew"]["deleteAtExpiration"] = cancelled
        if not cancelled:
            info["renew"]["automatic"], info["renewalType"] = True, "automaticV2012"
        client.put(f"/vps/{service}/serviceInfos", **info)
        assert client.get(f"/vps/{service}/serviceInfos")["renew"]["automatic"] is not cancelled
    assert len(calls) > 20


def _names(client: ovh.Client, order: str) -> list[str | None]:
    """What lines of product `virtualPrivateServer` became."""
    found: list[str | None] = []
    for id in client.get(f"{order}/details"):
        detail = f"{order}/details/{id}"
        plan = client.get(f"{detail}/extension")["order"]["plan"]
        if plan["product"]["name"] == "virtualPrivateServer":
            found.append(client.get(detail)["domain"])
            if order and found[-1] == "*":
                ids = client.get(f"{detail}/operations")
                found += [client.get(f"{detail}/operations/{one}")["resource"]["name"] for one in ids]
    return found
