"""A VPS is paid by the month, in advance, until its time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ovh.exceptions import ResourceExpiredError, ResourceNotFoundError

from mngr.simcloud.ovh.dates import add_months
from support.ovh import Account

MONTH = 31 * 86400


def test_an_order_is_paid_at_once(account: Account) -> None:
    order = account.order()
    bill = account.cloud.bill()
    (vps,) = account.cloud.resources("vps")
    assert (bill["total"], bill["open"], bill["currency"]) == (7.99, 1, "USD")
    assert (vps["state"], vps["order"], vps["cost"], vps["delivered"]) == ("checking", order, 7.99, None)
    service = account.delivered(order)
    assert [line["resource"] for line in account.cloud.bill()["lines"]] == [service]
    assert account.cloud.bill()["total"] == 7.99


def test_it_renews_by_an_order_of_its_own(account: Account) -> None:
    order = account.order()
    service = account.delivered(order)
    before = account.get(f"/vps/{service}/serviceInfos")["expiration"]
    account.cloud.advance(3 * MONTH)
    assert account.cloud.bill()["total"] == pytest.approx(4 * 7.99)
    assert account.get(f"/vps/{service}/serviceInfos")["expiration"] > before
    first, *renewals = account.get("/me/order")
    assert (first, len(renewals)) == (order, 3)
    details = f"/me/order/{renewals[0]}/details"
    extension = account.get(f"{details}/{account.get(details)[0]}/extension")["order"]
    assert (extension["action"], extension["plan"]["code"]) == ("renew", "vps-2025-model1")
    assert account.get(f"/me/order/{renewals[0]}/status") == "delivered"
    assert account.get(f"/vps/{service}")["state"] == "running"


def test_a_cancelled_one_ends_when_its_month_does(account: Account) -> None:
    service = account.buy_settled()
    info = account.renew(service, deleteAtExpiration=True)
    account.cloud.advance(27 * 86400)
    assert account.get(f"/vps/{service}")["state"] == "running"
    (vps,) = account.cloud.resources("vps")
    assert (vps["renews"], vps["delete_at_expiration"], vps["expiration"][:10]) == (
        False,
        True,
        info["expiration"],
    )
    account.cloud.advance(5 * 86400)
    account.cloud.settle()
    assert account.cloud.resources() == []
    bill = account.cloud.bill()
    assert (bill["total"], bill["open"]) == (7.99, 0)
    for path in (
        f"/vps/{service}",
        f"/vps/{service}/serviceInfos",
        f"/v2/iam/resource/{account.urn(service)}",
    ):
        with pytest.raises(ResourceNotFoundError):
            account.get(path)
    account.cloud.advance(15)
    assert account.get("/vps") == []


def test_a_cancellation_that_is_taken_back(account: Account) -> None:
    service = account.buy_settled()
    account.renew(service, deleteAtExpiration=True)
    account.renew(service, deleteAtExpiration=False, automatic=True, renewalType="automaticV2012")
    account.cloud.advance(MONTH)
    assert account.get(f"/vps/{service}")["state"] == "running"
    assert account.cloud.bill()["total"] == pytest.approx(2 * 7.99)


def test_a_cancellation_that_is_taken_back_by_half_is_the_end_of_the_host(account: Account) -> None:
    service = account.buy_settled()
    account.renew(service, deleteAtExpiration=True)
    account.renew(service, deleteAtExpiration=False)
    account.cloud.advance(MONTH)
    with pytest.raises(ResourceExpiredError, match="expired"):
        account.get(f"/vps/{service}")
    assert account.get(f"/vps/{service}/serviceInfos")["status"] == "expired"
    account.cloud.settle()
    (vps,) = account.cloud.resources("vps")
    assert (vps["status"], vps["state"]) == ("expired", "stopped")
    account.cloud.advance(8 * 86400)
    with pytest.raises(ResourceNotFoundError):
        account.get(f"/vps/{service}")
    assert account.cloud.bill()["total"] == 7.99


def test_a_year_in_advance(either: Account) -> None:
    service = either.buy_settled(mode="upfront12", duration="P12M")
    info = either.get(f"/vps/{service}/serviceInfos")
    assert info["engagedUpTo"] == info["expiration"]
    until = datetime.now(UTC) + timedelta(days=364)
    assert info["expiration"] >= until.date().isoformat()
    total = either.cloud.bill()["total"]
    either.cloud.advance(11 * MONTH)
    assert either.cloud.bill()["total"] == total
    either.cloud.advance(2 * MONTH)
    assert either.cloud.bill()["total"] == pytest.approx(2 * total)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2025-01-31T10:00", 1, "2025-02-28T10:00"),
        ("2024-01-31T10:00", 1, "2024-02-29T10:00"),
        ("2025-12-15T00:00", 1, "2026-01-15T00:00"),
        ("2025-11-30T00:00", 12, "2026-11-30T00:00"),
    ],
)
def test_months_are_those_of_the_calendar(start: str, months: int, end: str) -> None:
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in (start, end)]
    assert add_months(moments[0], months) == moments[1]


def test_seeded_ones_were_paid_all_along(account: Account) -> None:
    account.cloud.ask("POST", "/seed_vps", {"age_days": 100, "plan": "vps-2025-model2"})
    assert account.cloud.bill()["total"] == pytest.approx(4 * 12.75)
    account.cloud.ask("POST", "/seed_vps", {"age_days": 10, "cancelled": True})
    account.cloud.advance(MONTH)
    (left,) = account.cloud.resources("vps")
    assert left["plan"] == "vps-2025-model2"
