"""Every answer is what OVH's own schemas say, and every operation here is one of theirs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mngr.simcloud.ovh.routes import ROUTES, Route
from support.ovh import Account
from support.ovh_schema import Contract, Mismatch

TABLE = [(flavour, route) for route in ROUTES for flavour in route.flavours]


@pytest.fixture
def contract(contracts: Path, flavour: str) -> Contract:
    return Contract(contracts, flavour)


def test_every_operation_is_theirs(contract: Contract, flavour: str) -> None:
    theirs = {(one.method, re.sub(r"{\w+}", "*", one.path)) for one in contract.operations}
    ours = {(route.method, route.pattern()) for route in ROUTES if flavour in route.flavours}
    assert ours <= theirs


#: Query parameters that are described, and refused by the real one [live].
REFUSED = {("GET", "/v2/iam/resource"): {"tags"}}
#: Those that US doesn't describe; what becomes of them there is `us_order_dates`.
EUROPEAN = {("GET", "/me/order"): {"date.from", "date.to"}}


@pytest.mark.parametrize(
    ("flavour", "route"), TABLE, ids=[f"{one} {route.method} {route.path}" for one, route in TABLE]
)
def test_an_operation_takes_what_theirs_takes(contracts: Path, flavour: str, route: Route) -> None:
    contract = Contract(contracts, flavour)
    key = route.method, route.pattern()
    theirs = next(one for one in contract.operations if (one.method, re.sub(r"{\w+}", "*", one.path)) == key)
    query = {name: needed for name, needed in theirs.query.items() if name not in REFUSED.get(key, ())}
    ours = {
        name: needed
        for name, needed in _names(route.query).items()
        if flavour == "eu" or name not in EUROPEAN.get(key, ())
    }
    assert (ours, _names(route.body), route.open) == (query, theirs.fields, theirs.open)


def _names(fields: tuple[str, ...]) -> dict[str, bool]:
    """Name → whether it is required."""
    return {name.rstrip("*"): name.endswith("*") for name in fields}


def test_every_answer_is_as_described(either: Account, contract: Contract) -> None:
    seen: set[tuple[str, str]] = set()

    def check(method: str, path: str, body: object, answer: object) -> None:
        contract.check(method, path, body, answer)
        seen.add((method, re.sub(r"{\w+}", "*", contract.find(method, path).path)))

    either.seen = check
    _walk(either)
    expected = {(route.method, route.pattern()) for route in ROUTES if either.region in route.flavours}
    assert expected - seen == set()


def _walk(account: Account) -> None:
    """Every operation once at least."""
    get, post, delete = account.get, account.post, account.delete
    for path in ("/auth/time", "/auth/currentCredential", "/auth/details", "/me"):
        get(path)
    post(
        "/auth/credential", {"accessRules": [{"method": "GET", "path": "/*"}], "redirection": "https://here"}
    )
    for id in get("/me/payment/method"):
        get(f"/me/payment/method/{id}")
    get(
        f"/vps/order/rule/datacenter?ovhSubsidiary={'FR' if account.region == 'eu' else 'US'}&planCode=vps-2025-model1"
    )
    cart = account.cart()
    get("/order/cart")
    get(cart)
    get(f"{cart}/vps")
    get(f"{cart}/vps/options?planCode=vps-2025-model1")
    (item,) = get(f"{cart}/item")
    get(f"{cart}/item/{item}")
    get(f"{cart}/item/{item}/requiredConfiguration")
    for id in get(f"{cart}/item/{item}/configuration"):
        get(f"{cart}/item/{item}/configuration/{id}")
    get(f"{cart}/checkout")
    delete(f"{cart}/item/{item}/configuration/{id}")
    delete(f"{cart}/item/{item}")
    delete(cart)

    unpaid = post(f"{account.cart()}/checkout", {"autoPayWithPreferredPaymentMethod": False})["orderId"]
    get(f"/me/order/{unpaid}")
    get(f"/me/order/{unpaid}/status")
    method = {"id": 4100, "type": "CREDIT_CARD"} if account.region == "us" else {"id": 4100}
    post(f"/me/order/{unpaid}/pay", {"paymentMethod": method})
    service = account.delivered(unpaid)
    for id in get(f"/me/order/{unpaid}/details"):
        get(f"/me/order/{unpaid}/details/{id}/extension")
    account.cloud.advance(300)
    get("/me/order")

    get("/vps")
    if account.region == "eu":
        get("/vps/datacenter")
    get(f"/vps/{service}")
    account.put(f"/vps/{service}", {"displayName": "mine"})
    get(f"/vps/{service}/datacenter")
    for ip in get(f"/vps/{service}/ips"):
        get(f"/vps/{service}/ips/{ip}")
    get(f"/vps/{service}/images/current")
    for id in get(f"/vps/{service}/tasks"):
        get(f"/vps/{service}/tasks/{id}")
    account.rebuild(service)
    account.cloud.advance(100)
    account.cloud.settle()
    for verb in ("stop", "start", "reboot"):
        post(f"/vps/{service}/{verb}")
        account.cloud.advance(100)
        account.cloud.settle()
    post(f"/vps/{service}/terminate")
    account.renew(service, deleteAtExpiration=True)
    account.tag(service, "k", "v")
    account.cloud.advance(10)
    account.tags(service)
    delete(f"/v2/iam/resource/{account.urn(service)}/tag/k")
    account.pages()


def test_the_check_finds_what_is_wrong(contract: Contract) -> None:
    task = {"id": 1, "date": "now", "type": "deliverVm", "state": "done", "progress": 100}
    contract.check("GET", "/vps/x/tasks/1", None, task)
    for wrong in ({"id": "1"}, {"state": "init"}, {"more": 1}, {"date": None}):
        with pytest.raises(Mismatch):
            contract.check("GET", "/vps/x/tasks/1", None, task | wrong)
    del task["date"]
    with pytest.raises(Mismatch, match="missing"):
        contract.check("GET", "/vps/x/tasks/1", None, task)
    with pytest.raises(Mismatch, match="no GET"):
        contract.check("GET", "/vps/x/nowhere", None, None)
    with pytest.raises(Mismatch, match="isn't described"):
        contract.check("POST", "/vps/x/rebuild", {"image": "x"}, None)
