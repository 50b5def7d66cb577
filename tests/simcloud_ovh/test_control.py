"""The process, its ready line and its control port; faults and gates on OVH's own calls."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path

import pytest
from ovh.exceptions import APIError, BadParametersError, HTTPError

from support.ovh import KEY, Account
from support.simcloud import Simcloud, until

CHECKOUT = "/order/cart/*/checkout"


def test_a_process_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "machines"
    script.write_text(
        '#!/bin/sh\necho "$@" >>"$(dirname "$0")/log"\n[ "$1" != boot ] || cp "$4/meta-data" "$(dirname "$0")/"\n'
    )
    script.chmod(0o755)
    arguments = ("--machines", "fake", "--machines-cmd", str(script), "--speed", "1000", "--preload", "3")
    with Simcloud("ovh", *arguments, "--flavour", "eu") as cloud:
        assert set(cloud.env) == {
            "OVH_ENDPOINT",
            "OVH_APPLICATION_KEY",
            "OVH_APPLICATION_SECRET",
            "OVH_CONSUMER_KEY",
            "MNGR__PROVIDERS__OVH__ENDPOINT",
        }
        assert cloud.env["OVH_ENDPOINT"] == cloud.url
        account = Account(cloud)
        assert len(account.get("/vps")) == 3
        order = account.order()
        (service,) = until(lambda: account.named(order), "the delivery", 5, 0.02)
        until(lambda: not cloud.resources("vps")[-1]["tasks"], "deliverVm", 5, 0.02)
        until(lambda: _rebuilt(account, service), "the rebuild to be taken", 5, 0.05)
        cloud.settle()
        cloud.advance(1)
        assert json.loads((tmp_path / "meta-data").read_text())["public-keys"] == [KEY]
        account.post(f"/vps/{service}/stop")
        cloud.settle()
    assert cloud.process.returncode == 0
    steps = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert [step[0] for step in steps] == ["boot", "destroy", "boot", "halt", "destroy"]
    assert {step[1] for step in steps} == {service}
    assert len({step[2] for step in steps}) == 1


def _rebuilt(account: Account, service: str) -> bool:
    with contextlib.suppress(BadParametersError):
        return bool(account.rebuild(service))
    return False


def test_resources_look_like_those_of_other_clouds(account: Account) -> None:
    service = account.buy()
    (vps,) = account.cloud.resources()
    assert {"kind", "id", "name", "tags", "state", "region", "plan", "address", "created", "cost"} <= set(vps)
    assert (vps["kind"], vps["id"], vps["region"], vps["plan"]) == (
        "vps",
        service,
        "US-EAST-VA",
        "vps-2025-model1",
    )
    account.put(f"/vps/{service}", {"displayName": "my host"})
    assert account.cloud.resources()[0]["name"] == "my host"
    orders = account.cloud.ask("GET", "/orders")["orders"]
    assert [(one["status"], one["services"], one["amount"]) for one in orders] == [
        ("delivered", [service], 7.99)
    ]


def test_calls_are_listed_without_secrets(account: Account) -> None:
    account.get("/me")
    calls = account.cloud.calls()
    assert {"method": "GET", "path": "/1.0/me", "status": 200}.items() <= calls[-1].items()
    listed = json.dumps(calls)
    assert not [
        name for name, value in account.cloud.env.items() if "KEY" in name + "SECRET" and value in listed
    ]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"nonsense": 1}, "unknown nonsense"),
        ({"delivery_s": "soon"}, "delivery_s is a float"),
        ({"delivery_s": -1}, "can't be negative"),
        ({"tag_replicas": 0}, "at least one"),
        ({"ipv6_first": 1}, "is a bool"),
        ({"out_of_stock": "GRA"}, "a list of strings"),
        ({"us_order_dates": "maybe"}, "refused, ignored or honoured"),
    ],
)
def test_behaviour_that_means_nothing_is_refused(
    account: Account, data: dict[str, object], complaint: str
) -> None:
    before = account.behaviour()
    with pytest.raises(ValueError, match=complaint):
        account.behaviour(list_lag_s=99, **data)
    assert account.cloud.ask("GET", "/behaviour") == before


def test_seeds_that_mean_nothing_are_refused(account: Account) -> None:
    for data in ({"size": "big"}, {"plan": "vps-1999"}, {"datacenter": "MOON"}):
        with pytest.raises(ValueError, match="seed_vps"):
            account.cloud.ask("POST", "/seed_vps", data)
    with pytest.raises(ValueError, match="orders: then"):
        account.cloud.ask("POST", "/orders/release", {"then": "forget"})


def test_a_seeded_vps_becomes_real_when_it_is_rebuilt(account: Account) -> None:
    (service,) = account.cloud.ask("POST", "/seed_vps", {"cancelled": True, "tags": {"a": "b"}})["services"]
    assert account.get(f"/vps/{service}/ips")[1].startswith("198.1")
    account.rebuild(service)
    account.cloud.advance(60)
    account.cloud.settle()
    assert account.get(f"/vps/{service}/ips")[1].startswith("127.")
    assert account.tags(service) == {"a": "b"}


def test_a_lost_answer_leaves_an_order_to_be_found(account: Account) -> None:
    account.cloud.fault("lose_answer", method="POST", path=CHECKOUT)
    cart = account.cart()
    with pytest.raises(HTTPError):
        account.post(f"{cart}/checkout", {"autoPayWithPreferredPaymentMethod": True})
    assert account.cloud.calls()[-1]["outcome"] == "lost"
    account.cloud.advance(100)
    (order,) = account.get("/me/order")
    assert until(lambda: account.named(order), "the delivery", 5, 0.02)


def test_a_checkout_that_is_dropped_before_it_took_effect(account: Account) -> None:
    account.cloud.gate("before_commit", method="POST", path=CHECKOUT)
    cart = account.cart()
    raised: list[Exception] = []

    def buy() -> None:
        try:
            account.post(f"{cart}/checkout", {"autoPayWithPreferredPaymentMethod": True})
        except HTTPError as problem:
            raised.append(problem)

    buyer = threading.Thread(target=buy)
    buyer.start()
    (held,) = account.cloud.held()
    assert held["path"].endswith("/checkout")
    account.cloud.release("drop")
    buyer.join(5)
    assert len(raised) == 1
    assert account.cloud.resources() == []


def test_a_stale_answer_is_of_the_past(account: Account) -> None:
    service = account.buy_settled()
    account.behaviour(tag_lag_s=0)
    account.tag(service, "a", "b")
    account.renew(service, deleteAtExpiration=True)
    account.cloud.advance(60)
    path = f"/vps/{service}/serviceInfos"
    account.cloud.fault("stale", method="GET", path="/v2/iam/resource", lag_s=100)
    account.cloud.fault("stale", method="GET", path="/vps/*/serviceInfos", lag_s=100)
    assert account.pages()[0][0]["tags"] == {}
    assert account.get(path)["renew"]["deleteAtExpiration"] is False
    assert account.pages()[0][0]["tags"] == {"a": "b"}
    assert account.get(path)["renew"]["deleteAtExpiration"] is True


def test_a_cancellation_whose_answer_was_lost_or_never_came(account: Account) -> None:
    service = account.buy_settled()
    for do, cancelled in (("timeout", False), ("lose_answer", True)):
        account.cloud.fault(do, method="PUT", path="/vps/*/serviceInfos")
        account.client._timeout = 0.3
        with pytest.raises(HTTPError):
            account.renew(service, deleteAtExpiration=True)
        assert account.cloud.resources("vps")[0]["delete_at_expiration"] is cancelled


def test_errors_in_ovhs_words(account: Account) -> None:
    account.cloud.fault("throttle", path="/vps")
    with pytest.raises(APIError) as caught:
        account.get("/vps")
    assert caught.value.response.status_code == 429
    account.cloud.fault("error", path="/v2/iam/resource", status=500)
    with pytest.raises(APIError) as caught:
        account.get("/v2/iam/resource")
    assert caught.value.response.json()["class"] == "Server::InternalServerError"
