"""Lists that are asked for less than all, and how they write addresses."""

from __future__ import annotations

import json
from ipaddress import IPv6Address, ip_address
from typing import Any

import pytest
from ovh.exceptions import BadParametersError, ResourceNotFoundError

from support.ovh import Account

TAGGED = {"a": {"env": "prod", "x": "1"}, "b": {"env": "Production"}, "c": {"other": "prod"}}


@pytest.fixture
def names(either: Account) -> dict[str, str]:
    """Three VPSs with tags; service name → which."""
    seeded = {}
    for which, tags in TAGGED.items():
        (name,) = either.cloud.ask("POST", "/seed_vps", {"count": 1, "tags": tags})["services"]
        seeded[name] = which
    return seeded


def filtered(account: Account, names: dict[str, str], wanted: Any) -> str:
    text = wanted if isinstance(wanted, str) else json.dumps(wanted)
    return "".join(sorted(names[name] for name in account.client.get("/vps", iamTags=text)))


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({}, "abc"),
        ({"env": [{"operator": "EQ", "value": "prod"}]}, "a"),
        ({"env": [{"value": "prod"}]}, "a"),
        ({"env": [{"operator": None, "value": "prod"}]}, "a"),
        ({"env": [{"value": "prod"}], "x": [{"value": "1"}]}, "a"),
        ({"env": [{"value": "prod"}], "x": [{"value": "2"}]}, ""),
        ({"nosuch": [{"value": "prod"}]}, ""),
        ({"env": []}, "abc"),
    ],
)
def test_vpss_by_their_tags(either: Account, names: dict[str, str], wanted: Any, left: str) -> None:
    assert filtered(either, names, wanted) == left


@pytest.mark.parametrize(
    ("operator", "value", "left"),
    [
        ("NEQ", "prod", "bc"),
        ("EXISTS", "", "ab"),
        ("NEXISTS", "", "c"),
        ("LIKE", "prod%", "a"),
        ("LIKE", "pr_d", "a"),
        ("ILIKE", "prod%", "ab"),
        ("LIKE", "prod.*", ""),
    ],
)
def test_other_comparisons_are_made_in_europe_only(
    either: Account, names: dict[str, str], operator: str, value: str, left: str
) -> None:
    wanted = {"env": [{"operator": operator, "value": value}]}
    if either.region == "eu":
        assert filtered(either, names, wanted) == left
    else:
        with pytest.raises(BadParametersError, match="OperatorEnum"):
            filtered(either, names, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "env=prod",
        "[]",
        '{"env": "prod"}',
        '{"env": ["prod"]}',
        '{"env": [{"value": 1}]}',
        '{"env": [{"operator": "EQ"}]}',
        '{"env": [{"operator": "IS", "value": "x"}]}',
        '{"env": [{"values": ["x"]}]}',
        "[" * 5000,
    ],
)
def test_a_filter_that_is_none(account: Account, wanted: str) -> None:
    with pytest.raises(BadParametersError, match="iamTags"):
        account.client.get("/vps", iamTags=wanted)


def test_a_fresh_tag_counts_once_lists_show_it(account: Account) -> None:
    service = account.buy_settled()
    account.tag(service, "env", "prod")
    account.cloud.advance(10)
    assert account.client.get("/vps", iamTags='{"env": [{"value": "prod"}]}') == [service]


def test_datacenters_are_listed_in_europe(either: Account) -> None:
    if either.region == "us":
        with pytest.raises(ResourceNotFoundError):
            either.get("/vps/datacenter")
        return
    everywhere = either.client.get("/vps/datacenter", _need_auth=False)
    assert everywhere == ["GRA", "SBG", "WAW", "DE", "UK"]
    by_country = {country: either.get(f"/vps/datacenter?country={country}") for country in ("FR", "GB", "US")}
    assert by_country == {"FR": ["GRA", "SBG"], "GB": ["UK"], "US": []}
    for wrong in ("fr", "France", ""):
        with pytest.raises(BadParametersError, match="CountryEnum"):
            either.get(f"/vps/datacenter?country={wrong}")


@pytest.mark.parametrize("digits", ["00000000", "00010abc", "0a000000", "12345678"])
def test_addresses_are_written_canonically(
    account: Account, monkeypatch: pytest.MonkeyPatch, digits: str
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size=4: digits)
    seeded = account.cloud.ask("POST", "/seed_vps", {"count": 1})["services"][0]
    monkeypatch.setattr("secrets.token_hex", lambda size=4: digits[::-1])
    for service in (seeded, account.buy_settled()):
        found = account.get(f"/vps/{service}/ips")
        assert found == [str(ip_address(one)) for one in found]
        (six,) = (one for one in map(ip_address, found) if isinstance(one, IPv6Address))
        assert account.get(f"/vps/{service}/ips/{six.exploded.upper()}")["ipAddress"] == str(six)
        with pytest.raises(BadParametersError, match="type ip"):
            account.get(f"/vps/{service}/ips/nowhere")
