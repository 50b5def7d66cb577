"""From a cart to a VPS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ovh.exceptions import APIError, BadParametersError, NotCredential, ResourceNotFoundError

from support.ovh import Account
from support.simcloud import until

PAY = {"autoPayWithPreferredPaymentMethod": True, "waiveRetractationPeriod": True}


def test_an_order_becomes_a_vps(either: Account) -> None:
    order = either.order()
    status = f"/me/order/{order}/status"
    assert (either.get(status), either.named(order), either.get("/vps")) == ("checking", [], [])
    either.cloud.advance(6)
    assert either.get(status) == "delivering"
    either.cloud.advance(60)
    assert either.named(order) == []
    either.cloud.advance(15)
    (service,) = until(lambda: either.named(order), "the delivery", 5, 0.02)
    assert either.get(status) == "delivered"

    vps = either.get(f"/vps/{service}")
    assert (vps["model"]["name"], vps["name"]) == ("vps-2025-model1", service)
    assert either.get(f"/vps/{service}/datacenter")["name"] == either.datacenter
    assert vps["zone"].startswith("Region OpenStack: os-")
    v6, v4 = either.get(f"/vps/{service}/ips")
    assert v6.startswith("2001:db8:")
    assert v4.startswith("127.")
    assert either.get(f"/vps/{service}/images/current")["name"] == "Debian 12 - Docker"


def test_how_each_flavour_names_the_vps(either: Account) -> None:
    order = either.order()
    service = either.delivered(order)
    paths = [f"/me/order/{order}/details/{id}" for id in either.get(f"/me/order/{order}/details")]
    plans = [either.get(f"{path}/extension")["order"]["plan"] for path in paths]
    of_vps = [
        path
        for path, plan in zip(paths, plans, strict=True)
        if plan["product"]["name"] == "virtualPrivateServer"
    ]
    assert {either.get(path)["domain"] for path in of_vps} == ({service} if either.region == "eu" else {"*"})
    codes = {plan["code"] for path, plan in zip(paths, plans, strict=True) if path in of_vps}
    assert codes == {"vps-2025-model1"}
    if either.region == "eu":
        with pytest.raises(ResourceNotFoundError):
            either.get(f"{paths[0]}/operations")


def test_the_system_has_a_line_that_names_no_vps(either: Account) -> None:
    order = either.order(quantity=2)
    either.delivered(order)
    ids = either.get(f"/me/order/{order}/details")
    either.behaviour(order_lines_reversed=True)
    assert either.get(f"/me/order/{order}/details") == ids[::-1]
    seen = []
    for id in ids:
        path = f"/me/order/{order}/details/{id}"
        plan = either.get(f"{path}/extension")["order"]["plan"]
        if plan["product"]["name"] != "virtualPrivateServer":
            line = either.get(path)
            seen.append((plan["code"], line["description"], line["totalPrice"]["value"]))
            assert line["domain"] == ("*001" if either.region == "eu" else "*")
            assert either.region == "eu" or either.get(f"{path}/operations") == []
    assert seen == [("option-os-debian-12-docker", "Debian 12 - Docker", 0)] * 2
    (known,) = either.cloud.ask("GET", "/orders")["orders"]
    assert (len(known["services"]), known["plans"]) == (2, ["vps-2025-model1"])


def test_two_orders_at_once_are_told_apart(account: Account) -> None:
    orders = [account.order(), account.order(plan="vps-2025-model2")]
    account.cloud.advance(81)
    names = [until(lambda order=order: account.named(order), "the delivery", 5, 0.02) for order in orders]
    assert [account.get(f"/vps/{name}")["model"]["name"] for (name,) in names] == [
        "vps-2025-model1",
        "vps-2025-model2",
    ]


def test_several_of_one_kind(account: Account) -> None:
    order = account.order(quantity=3)
    account.delivered(order)
    assert len(until(lambda: len(found := account.named(order)) == 3 and found, "all three", 5, 0.02)) == 3


def test_the_price_before_and_after(either: Account) -> None:
    cart = either.cart(mode="upfront12", duration="P12M")
    seen = either.get(f"{cart}/checkout")
    assert (seen["orderId"], seen["url"]) == (None, None)
    assert either.cloud.bill()["lines"] == []
    bought = either.post(f"{cart}/checkout", PAY)
    assert bought["prices"] == seen["prices"]
    order = either.get(f"/me/order/{bought['orderId']}")
    assert order["priceWithTax"] == seen["prices"]["withTax"]
    expected = {"us": (86.29, 0.0, "USD"), "eu": (48.49, 9.7, "EUR")}[either.region]
    prices = order["priceWithoutTax"]["value"], order["tax"]["value"], order["tax"]["currencyCode"]
    assert prices == expected
    assert order["priceWithoutTax"]["priceInUcents"] == expected[0] * 100_000_000


def test_offers_and_what_an_order_must_say(account: Account) -> None:
    cart = account.cart()
    offers = {offer["planCode"]: offer for offer in account.get(f"{cart}/vps")}
    monthly = [
        p for p in offers["vps-2025-model1"]["prices"] if (p["pricingMode"], p["interval"]) == ("default", 1)
    ]
    assert [(p["duration"], p["price"]["value"]) for p in monthly] == [("P1M", 7.99)]
    item = f"{cart}/item/{account.get(f'{cart}/item')[0]}"
    required = {one["label"]: one for one in account.get(f"{item}/requiredConfiguration")}
    assert {label for label, one in required.items() if one["required"]} == {"vps_datacenter", "vps_os"}
    assert "US-EAST-VA" in required["vps_datacenter"]["allowedValues"]
    account.behaviour(show_allowed_values=False)
    assert all("allowedValues" not in one for one in account.get(f"{item}/requiredConfiguration"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"planCode": "vps-1999"}, "not available"),
        ({"pricingMode": "upfront6"}, "No pricing"),
        ({"duration": "P2M"}, "No pricing"),
        ({"quantity": "1"}, "not valid for type long"),
        ({"quantity": None}, "Missing parameter"),
        ({"colour": "red"}, "Received not described parameters: \\(colour\\)"),
    ],
)
def test_an_item_that_can_not_be_had(account: Account, change: dict[str, Any], complaint: str) -> None:
    cart = f"/order/cart/{account.post('/order/cart', {'ovhSubsidiary': 'US'})['cartId']}"
    item = {"planCode": "vps-2025-model1", "pricingMode": "default", "duration": "P1M", "quantity": 1}
    with pytest.raises(BadParametersError, match=complaint):
        account.post(f"{cart}/vps", item | change)
    assert account.get(f"{cart}/item") == []


def test_the_monitoring_is_asked_for_by_word(account: Account) -> None:
    account.behaviour(rtm_required=True)
    cart = account.cart()
    item = f"{cart}/item/{account.get(f'{cart}/item')[0]}"
    (monitoring,) = (
        one for one in account.get(f"{item}/requiredConfiguration") if one["label"] == "vps_install_rtm"
    )
    assert (monitoring["required"], monitoring["allowedValues"]) == (True, ["no", "if_available"])
    with pytest.raises(BadParametersError, match=r"Missing configuration.*vps_install_rtm"):
        account.get(f"{cart}/checkout")
    for wrong in ("true", "false", "yes", "NO", ""):
        with pytest.raises(BadParametersError):
            account.post(f"{item}/configuration", {"label": "vps_install_rtm", "value": wrong})
    for right in ("if_available", "no"):
        account.post(f"{item}/configuration", {"label": "vps_install_rtm", "value": right})
    assert account.get(f"{cart}/checkout")["orderId"] is None


@pytest.mark.parametrize(
    ("label", "value", "complaint"),
    [
        ("vps_datacenter", "MOON", "not allowed for vps_datacenter"),
        ("vps_os", "Debian 7", "not allowed"),
        ("vps_os", "Debian 13", "not allowed"),
        ("vps_install_rtm", "true", "not allowed"),
        ("vps_colour", "red", "not a configuration"),
    ],
)
def test_a_configuration_that_can_not_be_had(
    account: Account, label: str, value: str, complaint: str
) -> None:
    cart = account.cart()
    item = account.get(f"{cart}/item")[0]
    with pytest.raises(BadParametersError, match=complaint):
        account.post(f"{cart}/item/{item}/configuration", {"label": label, "value": value})


def test_a_checkout_too_early(account: Account) -> None:
    cart = f"/order/cart/{account.post('/order/cart', {'ovhSubsidiary': 'US'})['cartId']}"
    with pytest.raises(APIError, match="not assigned"):
        account.post(f"{cart}/checkout", PAY)
    account.post(f"{cart}/assign")
    with pytest.raises(BadParametersError, match="empty"):
        account.post(f"{cart}/checkout", PAY)
    item = {"planCode": "vps-2025-model1", "pricingMode": "default", "duration": "P1M", "quantity": 1}
    account.post(f"{cart}/vps", item)
    with pytest.raises(BadParametersError, match=r"Missing configuration.*vps_datacenter, vps_os"):
        account.get(f"{cart}/checkout")
    assert account.cloud.resources() == []
    with pytest.raises(NotCredential):
        account.client.post(f"{cart}/checkout", _need_auth=False, **PAY)


def test_a_cart_is_bought_once(account: Account) -> None:
    cart = account.cart()
    account.post(f"{cart}/checkout", PAY)
    assert account.get(cart)["readOnly"] is True
    with pytest.raises(BadParametersError, match="already been validated"):
        account.post(f"{cart}/checkout", PAY)
    account.behaviour(cart_reusable=True)
    account.post(f"{cart}/checkout", PAY)
    assert len(account.cloud.resources("vps")) == 2


def test_a_cart_expires(account: Account) -> None:
    cart = account.cart()
    account.cloud.advance(86401)
    with pytest.raises(ResourceNotFoundError):
        account.get(cart)


def test_an_order_that_nobody_paid(account: Account) -> None:
    order = account.post(f"{account.cart()}/checkout", {})["orderId"]
    account.cloud.advance(300)
    assert account.get(f"/me/order/{order}/status") == "notPaid"
    assert (account.named(order), account.cloud.bill()["total"]) == ([], 0)
    account.cloud.advance(7 * 86400)
    assert account.get(f"/me/order/{order}/status") == "cancelled"
    assert account.cloud.resources() == []


def test_a_refused_payment(account: Account) -> None:
    account.cloud.fault("payment_refused", method="POST", path="/order/cart/*/checkout")
    order = account.order()
    assert account.get(f"/me/order/{order}/status") == "notPaid"
    assert account.cloud.bill()["total"] == 0
    account.behaviour(payment_method=False)
    assert account.get("/me/payment/method") == []
    cart = account.cart()
    with pytest.raises(BadParametersError, match="payment method"):
        account.post(f"{cart}/checkout", PAY)


@pytest.mark.parametrize("how", ["checking", "documentsRequested"])
def test_an_order_that_is_stuck(account: Account, how: str) -> None:
    account.cloud.fault("order_stuck", method="POST", path="/order/cart/*/checkout", how=how)
    order = account.order()
    account.cloud.advance(86400)
    assert account.get(f"/me/order/{order}/status") == how
    assert account.cloud.bill()["open"] == 1
    assert account.cloud.ask("POST", "/orders/release", {"order": order}) == {"released": [order]}
    assert account.delivered(order)


def test_a_stuck_order_that_is_cancelled(account: Account) -> None:
    account.cloud.fault("order_stuck", method="POST", path="/order/cart/*/checkout")
    order = account.order()
    account.cloud.ask("POST", "/orders/release", {"then": "cancel"})
    assert account.get(f"/me/order/{order}/status") == "cancelled"
    account.cloud.advance(300)
    assert (account.named(order), account.cloud.resources()) == ([], [])
    assert (account.cloud.bill()["total"], account.cloud.bill()["open"]) == (0, 0)


def test_an_order_that_is_cancelled_on_its_way(account: Account) -> None:
    order = account.order()
    account.cloud.ask("POST", "/orders/release", {"order": order, "then": "cancel"})
    account.cloud.advance(300)
    account.cloud.settle()
    assert (account.named(order), account.cloud.resources()) == ([], [])


def test_no_stock(account: Account) -> None:
    account.behaviour(out_of_stock=["US-EAST-VA"])
    answer = account.get("/vps/order/rule/datacenter?ovhSubsidiary=US&planCode=vps-2025-model1")
    assert {one["datacenter"]: one["status"] for one in answer["datacenters"]} == {
        "US-EAST-VA": "out-of-stock",
        "US-WEST-OR": "available",
    }
    with pytest.raises(BadParametersError, match="out of stock in US-EAST-VA"):
        account.order()
    account.behaviour(out_of_stock=[])
    account.cloud.fault("no_capacity", method="POST", path="/order/cart/*/checkout")
    with pytest.raises(BadParametersError, match="out of stock"):
        account.order()
    assert account.cloud.resources() == []


def test_orders_by_date(either: Account) -> None:
    either.behaviour(us_order_dates="honoured")
    first = either.order()
    either.cloud.advance(3600)
    second = either.order()
    either.cloud.advance(6)
    assert either.get("/me/order") == [first, second]
    since = datetime.now(UTC) + timedelta(minutes=30)
    assert either.client.get("/me/order", **{"date.from": since.isoformat()}) == [second]
    assert either.client.get("/me/order", **{"date.to": since.isoformat()}) == [first]


def test_us_describes_no_dates(account: Account) -> None:
    first = account.order()
    account.cloud.advance(6)
    with pytest.raises(BadParametersError, match="not described"):
        account.client.get("/me/order", **{"date.from": "2999-01-01"})
    account.behaviour(us_order_dates="ignored")
    assert account.client.get("/me/order", **{"date.from": "2999-01-01"}) == [first]


def test_the_list_of_orders_lags(account: Account) -> None:
    order = account.order()
    assert account.get("/me/order") == []
    assert account.get(f"/me/order/{order}")["orderId"] == order
    account.cloud.advance(6)
    assert account.get("/me/order") == [order]


def test_a_delivery_that_takes_far_longer_or_never_ends(account: Account) -> None:
    account.cloud.fault("slow_boot", method="POST", path="/order/cart/*/checkout", delay_s=3600)
    slow = account.order()
    account.cloud.fault("boot_never", method="POST", path="/order/cart/*/checkout")
    never = account.order()
    account.cloud.advance(3000)
    assert {account.get(f"/me/order/{order}/status") for order in (slow, never)} == {"delivering"}
    account.cloud.advance(700)
    assert until(lambda: account.named(slow), "the delivery", 5, 0.02)
    account.cloud.advance(86400)
    assert account.get(f"/me/order/{never}/status") == "delivering"
    assert account.cloud.bill()["open"] == 2


@pytest.mark.parametrize("method", ["4100", {}, {"id": "4100"}, {"id": 4101}])
def test_an_order_is_paid_with_a_method_of_the_account(account: Account, method: Any) -> None:
    order = account.post(f"{account.cart()}/checkout")["orderId"]
    with pytest.raises(BadParametersError, match="paymentMethod"):
        account.post(f"/me/order/{order}/pay", {"paymentMethod": method})
    assert account.get(f"/me/order/{order}/status") == "notPaid"
    account.post(f"/me/order/{order}/pay", {"paymentMethod": {"id": 4100}})
    assert account.get(f"/me/order/{order}/status") == "checking"


def test_an_account_in_the_us_may_know_no_extension(either: Account) -> None:
    either.behaviour(us_extension=False)
    order = either.order()
    detail = f"/me/order/{order}/details/{either.get(f'/me/order/{order}/details')[0]}"
    if either.region == "us":
        with pytest.raises(ResourceNotFoundError, match="an invalid"):
            either.get(f"{detail}/extension")
    else:
        assert either.get(f"{detail}/extension")["order"]["plan"]["code"] == "vps-2025-model1"
    assert either.named(order) == []
    assert either.delivered(order) in either.named(order)


def test_no_plan_has_options(account: Account) -> None:
    assert account.get(f"{account.cart()}/vps/options?planCode=vps-2025-model1") == []
    for query in ("", "?planCode=", "?planCode=vps-1999"):
        with pytest.raises(BadParametersError, match="planCode"):
            account.get(f"{account.cart()}/vps/options{query}")
