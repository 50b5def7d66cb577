"""An order has lines for more than its VPS: which one names the VPS isn't told by their order, nor by any one field."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from mngr.backends.ovh.buying import delivery
from mngr.model.errors import NotFound
from support.ovh import PLAN, Account, Here

from .conftest import Laptop

SERVICE = "vps-0a1b2c3d.vps.ovh.net"
OTHERS = {"system": "option-os-debian-12", "backup": "option-auto-backup-vps"}


class Lines:
    """OVH's answers about one order. `told`: whether `extension` is served."""

    def __init__(self, lines: list[dict[str, Any]], told: bool) -> None:
        self.lines = lines
        self.told = told

    def get(self, path: str) -> Any:
        _, _, _, order, *rest = path.split("/")
        assert order == "5"
        if rest == ["details"]:
            return list(range(len(self.lines)))
        line = self.lines[int(rest[1])]
        match rest[2:]:
            case []:
                return {"domain": line["domain"]} if "domain" in line else {}
            case ["extension"] if self.told:
                return {"order": {"plan": {"code": line["plan"]}, "action": "installation"}}
            case ["operations"]:
                return [0] if "operation" in line else []
            case ["operations", "0"]:
                return {"resource": {"name": line["operation"]}}
        raise NotFound("OVH doesn't have it")


@pytest.mark.parametrize("told", [True, False], ids=["plans told", "plans untold"])
@pytest.mark.parametrize(
    "vps",
    [{"domain": SERVICE}, {"domain": "*", "operation": SERVICE}, {"operation": SERVICE}],
    ids=["by domain", "by operation", "without domain"],
)
@pytest.mark.parametrize("other", ["*", "*001", "", None, "debian-12", "*1"])
def test_the_vps_is_found_among_lines_in_any_order(
    vps: dict[str, Any], other: str | None, told: bool
) -> None:
    lines = [
        {"plan": PLAN, **vps},
        {"plan": OTHERS["system"], "domain": other},
        {"plan": OTHERS["backup"], "operation": other},
    ]
    for shuffled in permutations(lines):
        assert delivery.service_of(Lines(list(shuffled), told), 5, PLAN) == SERVICE  # type: ignore[arg-type]


def test_a_line_of_another_plan_is_no_vps_of_ours() -> None:
    backup = {"plan": OTHERS["backup"], "domain": "vps-11111111.vps.ovh.net"}
    for vps in ({"domain": "*"}, {"domain": "*001"}, {}, {"operation": None}):
        found = delivery.service_of(Lines([backup, {"plan": PLAN, **vps}], True), 5, PLAN)  # type: ignore[arg-type]
        assert found == ""


@pytest.mark.parametrize("extension", [True, False], ids=["extension", "no extension"])
@pytest.mark.parametrize("flavour", ["us", "eu"], indirect=True)
def test_a_vps_is_bought_whatever_line_comes_first(laptop: Laptop, sim: Here, extension: bool) -> None:
    account = Account(sim)
    account.behaviour(order_lines_reversed=True, us_extension=extension)
    made, kept = laptop.create(laptop.spec())
    assert account.named(int(kept["order"])) == [made.id]
