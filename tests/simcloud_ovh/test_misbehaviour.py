"""What docs/clouds-as-they-are.md warns of is there by default, and can be switched off."""

from __future__ import annotations

import pytest
from ovh.exceptions import APIError, BadParametersError, ResourceNotFoundError

from support.ovh import KEY, Account

#: OVH's own words.
BUSY = "Action not available while there are running tasks on the VPS"
INACTIVE = "Unable to synchronize l1::Service, subscription is not active yet"


def test_a_fresh_vps_is_not_finished(account: Account) -> None:
    service = account.buy()
    (task,) = account.cloud.resources("vps")[0]["tasks"]
    assert task == "deliverVm"
    assert account.get(f"/vps/{service}/tasks") == []
    account.cloud.advance(6)
    (id,) = account.get(f"/vps/{service}/tasks?state=todo")
    account.cloud.advance(3)
    assert account.get(f"/vps/{service}/tasks?state=todo") == []
    assert [id] == account.get(f"/vps/{service}/tasks?state=doing")
    assert account.get(f"/vps/{service}/tasks/{id}")["type"] == "deliverVm"
    account.cloud.advance(90)
    assert account.get(f"/vps/{service}/tasks?state=doing") == []
    assert account.get(f"/vps/{service}/tasks?state=done&type=deliverVm") == [id]


def test_there_is_no_state_init(account: Account) -> None:
    service = account.buy()
    for state in ("todo", "doing", "waitingAck"):
        account.get(f"/vps/{service}/tasks?state={state}")
    with pytest.raises(BadParametersError, match="TaskStateEnum"):
        account.get(f"/vps/{service}/tasks?state=init")


def test_a_fresh_subscription_can_not_be_changed(account: Account) -> None:
    service = account.buy()
    with pytest.raises(BadParametersError, match=INACTIVE):
        account.renew(service, deleteAtExpiration=True)
    account.cloud.advance(31)
    assert account.renew(service, deleteAtExpiration=True)["renew"]["deleteAtExpiration"] is True


def test_a_rebuild_is_refused_though_the_list_of_tasks_is_idle(account: Account) -> None:
    service = account.buy()
    with pytest.raises(BadParametersError, match=BUSY):
        account.rebuild(service)
    account.cloud.advance(100)
    assert account.get(f"/vps/{service}/tasks?state=doing") == []
    with pytest.raises(BadParametersError, match=BUSY):
        account.rebuild(service)
    account.cloud.advance(40)
    task = account.rebuild(service)
    assert (task["type"], task["state"]) == ("reinstallVm", "todo")
    with pytest.raises(BadParametersError, match=BUSY):
        account.rebuild(service)


def test_a_rebuild_takes_its_time_and_keeps_the_address(account: Account) -> None:
    service = account.buy_settled()
    account.tag(service, "mngr-host-id", "old")
    addresses = account.get(f"/vps/{service}/ips")
    task = account.rebuild(service, name="Debian 12")
    assert account.get(f"/vps/{service}")["state"] == "installing"
    assert account.get(f"/vps/{service}/images/current")["name"] == "Debian 12 - Docker"
    account.cloud.advance(41)
    account.cloud.settle()
    assert account.get(f"/vps/{service}/tasks/{task['id']}")["state"] == "done"
    assert account.get(f"/vps/{service}")["state"] == "running"
    assert account.get(f"/vps/{service}/images/current")["name"] == "Debian 12"
    assert account.get(f"/vps/{service}/ips") == addresses
    assert account.tags(service) == {"mngr-host-id": "old"}


def test_a_rebuild_that_can_not_be(account: Account) -> None:
    service, other = account.buy_settled(), account.buy_settled()
    image = account.image(service)
    for body, complaint in (
        ({"imageId": account.image(other)}, "not available for your VPS"),
        ({"imageId": image, "sshKey": "mine"}, "does not exist"),
        ({"imageId": image, "publicSshKey": "rubbish"}, "Invalid SSH public key"),
        ({"imageId": image, "publicSshKey": f"{KEY}\n{KEY}"}, "Invalid SSH public key"),
        ({"imageId": image, "doNotSendPassword": True}, "key is needed"),
        ({"publicSshKey": KEY}, "Missing parameter"),
        ({"imageId": image, "userData": "#cloud-config"}, "not described parameters: \\(userData\\)"),
    ):
        with pytest.raises(BadParametersError, match=complaint):
            account.post(f"/vps/{service}/rebuild", body)
    assert account.get(f"/vps/{service}")["state"] == "running"


def test_what_is_listed_can_be_installed(either: Account) -> None:
    item = f"{(cart := either.cart())}/item/{either.get(f'{cart}/item')[0]}"
    (system,) = (one for one in either.get(f"{item}/requiredConfiguration") if one["label"] == "vps_os")
    for name in system["allowedValues"]:
        either.post(f"{item}/configuration", {"label": "vps_os", "value": name})
    service = either.buy_settled()
    ids = either.get(f"/vps/{service}/images/available")
    names = [either.get(f"/vps/{service}/images/available/{id}")["name"] for id in ids]
    assert sorted(names) == sorted(system["allowedValues"])
    for name in names:
        task = either.rebuild(service, name=name)
        either.cloud.advance(100)
        either.cloud.settle()
        assert either.get(f"/vps/{service}/tasks/{task['id']}")["state"] == "done"
        assert either.get(f"/vps/{service}/images/current")["name"] == name
        either.cloud.advance(100)


def test_a_rebuild_can_fail_or_hang(account: Account) -> None:
    service = account.buy_settled()
    account.cloud.fault("task_error", method="POST", path="/vps/*/rebuild")
    task = account.rebuild(service)
    account.cloud.advance(200)
    account.cloud.settle()
    assert account.get(f"/vps/{service}/tasks/{task['id']}")["state"] == "error"
    assert account.get(f"/vps/{service}")["state"] == "running"
    account.cloud.fault("boot_never", method="POST", path="/vps/*/rebuild")
    account.cloud.advance(60)
    account.rebuild(service)
    account.cloud.advance(86400)
    account.cloud.settle()
    assert account.get(f"/vps/{service}")["state"] == "installing"


def test_cancelling_resets_the_renewal(account: Account) -> None:
    service = account.buy_settled()
    before = account.get(f"/vps/{service}/serviceInfos")
    assert before["renew"]["automatic"] is True
    after = account.renew(service, deleteAtExpiration=True)
    assert (after["renew"]["automatic"], after["renewalType"]) == (False, "manual")
    half = account.renew(service, deleteAtExpiration=False)
    assert (half["renew"]["automatic"], half["renewalType"]) == (False, "manual")
    assert account.cloud.resources("vps")[0]["renews"] is False
    assert account.renew(service, automatic=True)["renewalType"] == "manual"
    assert account.cloud.resources("vps")[0]["renews"] is False
    assert account.renew(service, automatic=True, renewalType="automaticV2012") == before
    assert account.cloud.resources("vps")[0]["renews"] is True

    account.behaviour(cancel_resets_renewal=False)
    assert account.renew(service, deleteAtExpiration=True)["renew"]["automatic"] is True


def test_a_renewal_that_means_nothing(account: Account) -> None:
    service = account.buy_settled()
    for changes in ({"automatic": "yes"}, {"period": "P1M"}, {"sometimes": True}, {"renewalType": "never"}):
        with pytest.raises(BadParametersError):
            account.renew(service, **changes)


def test_lists_lag_and_a_name_does_not(account: Account) -> None:
    account.behaviour(list_lag_s=30)
    service = account.buy()
    assert account.get(f"/vps/{service}")["name"] == service
    account.tag(service, "a", "b")
    assert (account.get("/vps"), account.pages()) == ([], [[]])
    account.cloud.advance(31)
    assert account.get("/vps") == [service]
    assert [one["tags"] for one in account.pages()[0]] == [{"a": "b"}]


def test_all_of_it_can_be_switched_off(account: Account) -> None:
    off = {name: 0 for name in account.behaviour() if name.endswith("_s")}
    account.behaviour(**off, cancel_resets_renewal=False, ipv6_first=False)
    order = account.order()
    account.cloud.settle()
    (service,) = account.named(order)
    assert account.get("/vps") == [service]
    assert account.get(f"/vps/{service}/ips")[0].startswith("127.")
    account.tag(service, "a", "b")
    assert account.tags(service) == {"a": "b"}
    assert account.renew(service, deleteAtExpiration=True)["renewalType"] == "automaticV2012"
    account.rebuild(service)
    account.cloud.settle()
    account.rebuild(service)


def test_terminate_only_sends_a_mail(account: Account) -> None:
    service = account.buy_settled()
    assert "e-mail" in account.post(f"/vps/{service}/terminate")
    account.cloud.advance(5 * 86400)
    assert account.get(f"/vps/{service}")["state"] == "running"
    with pytest.raises(ResourceNotFoundError):
        account.post(f"/vps/{service}/confirmTermination", {"token": "guess"})


def test_power(account: Account) -> None:
    service = account.buy_settled()
    with pytest.raises(BadParametersError, match="it should be stopped"):
        account.post(f"/vps/{service}/start")
    assert account.post(f"/vps/{service}/stop")["type"] == "stopVm"
    assert account.get(f"/vps/{service}")["state"] == "stopping"
    with pytest.raises(BadParametersError, match=BUSY):
        account.post(f"/vps/{service}/reboot")
    account.cloud.advance(6)
    account.cloud.settle()
    assert account.get(f"/vps/{service}")["state"] == "stopped"
    account.post(f"/vps/{service}/start")
    account.cloud.advance(6)
    account.cloud.settle()
    assert account.get(f"/vps/{service}")["state"] == "running"


def test_what_is_not_there(account: Account) -> None:
    for path in (
        "/vps/none",
        "/me/order/1",
        "/order/cart/none",
        "/nowhere",
        "/v2/iam/resource/urn:v1:us:resource:vps:x",
    ):
        with pytest.raises(ResourceNotFoundError):
            account.get(path)
    with pytest.raises(APIError, match="GET"):
        account.post("/vps")
    with pytest.raises(BadParametersError, match="not described"):
        account.get("/vps?tags=%7B%7D")
