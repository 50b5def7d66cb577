"""Tags: many resources, page by page; and writes that show late, but not too late."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ovh.exceptions import BadParametersError, ResourceNotFoundError

from mngr.simcloud.ovh.behaviour import Behaviour
from mngr.simcloud.ovh.tags import Tags
from support.ovh import Account


def test_several_hundred_in_pages(account: Account) -> None:
    seeded = account.cloud.ask("POST", "/seed_vps", {"count": 250, "tags": {"mngr-provider": "other"}})
    mine = account.buy_settled()
    pages = account.pages(size=100)
    assert [len(page) for page in pages] == [100, 100, 51]
    found = list(itertools.chain(*pages))
    assert {one["name"] for one in found} == {mine, *seeded["services"]}
    assert [one["urn"] for one in found] == sorted(one["urn"] for one in found)
    assert sum(one["tags"] == {"mngr-provider": "other"} for one in found) == 250
    assert len(account.get("/vps")) == 251
    assert len(account.client.get("/v2/iam/resource", resourceType="vps")) == 100


def test_a_page_size_that_fits_exactly_is_the_last(account: Account) -> None:
    account.cloud.ask("POST", "/seed_vps", {"count": 4})
    assert [len(page) for page in account.pages(size=2)] == [2, 2]
    assert [len(page) for page in account.pages(size=4)] == [4]


def test_without_a_type_there_are_others(account: Account) -> None:
    account.cloud.ask("POST", "/seed_vps", {"count": 1})
    assert {one["type"] for one in account.get("/v2/iam/resource")} == {"account", "vps"}


@pytest.mark.parametrize("query", ["tags=%7B%7D", "resourceType=vps&tags%5Ba%5D=b", "name=x"])
def test_the_server_doesn_t_filter_by_tags(account: Account, query: str) -> None:
    with pytest.raises(BadParametersError):
        account.get(f"/v2/iam/resource?{query}")


def test_filters_by_name_type_and_urn_each_with_several_values(account: Account) -> None:
    one, two, three = account.cloud.ask("POST", "/seed_vps", {"count": 3})["services"]

    def names(**query: Any) -> set[str]:
        return {row["name"] for row in account.get(f"/v2/iam/resource?{urlencode(query, doseq=True)}")}

    assert names(resourceName=one) == {one}
    assert names(resourceName=[one, two, "nobody"]) == {one, two}
    assert names(resourceName=one, resourceType="account") == set()
    assert names(resourceType=["vps", "account"]) > {one, two, three}
    urn = f"urn:v1:us:resource:vps:{two}"
    assert names(resourceURN=urn) == {two}
    assert names(resourceURN="urn:v1:*:resource:vps:*") == {one, two, three}
    assert names(resourceURN=["urn:v1:*:vps", urn]) == {two}, "a pattern is about the whole URN"
    assert names(resourceURN="urn:v1:*", resourceName=three, resourceType="vps") == {three}


@pytest.mark.parametrize(("header", "value"), [("X-Pagination-Size", "0"), ("X-Pagination-Cursor", "%%%")])
def test_paging_that_means_nothing(account: Account, header: str, value: str) -> None:
    answer = account.client.raw_call("GET", "/v2/iam/resource", headers={header: value})
    assert answer.status_code == 400


def test_put_change_and_remove(account: Account) -> None:
    service = account.buy_settled()
    account.behaviour(tag_lag_s=0)
    account.tag(service, "mngr-host-id", "one")
    account.tag(service, "a/b", "")
    account.tag(service, "mngr-host-id", "two")
    assert account.tags(service) == {"a/b": "", "mngr-host-id": "two"}
    assert account.get(f"/vps/{service}")["iam"]["tags"] == account.tags(service)
    assert account.cloud.resources("vps")[0]["tags"] == ["a/b=", "mngr-host-id=two"]
    assert account.cloud.bill()["lines"][0]["tags"] == ["a/b=", "mngr-host-id=two"]
    path = f"/v2/iam/resource/{account.urn(service)}/tag"
    account.delete(f"{path}/a%2Fb")
    with pytest.raises(ResourceNotFoundError):
        account.delete(f"{path}/a%2Fb")
    assert account.tags(service) == {"mngr-host-id": "two"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "x"),
        ("k" * 129, "x"),
        ("with space", "x"),
        ("ovh:mine", "x"),
        ("k", "v" * 257),
        ("k", "with space"),
        ("k", "new\nline"),
    ],
)
def test_tags_that_can_not_be(account: Account, key: str, value: str) -> None:
    (service,) = account.cloud.ask("POST", "/seed_vps", {})["services"]
    with pytest.raises(BadParametersError):
        account.tag(service, key, value)


def listed(account: Account, service: str) -> dict[str, str]:
    return next(one["tags"] for one in account.pages()[0] if one["name"] == service)


def test_a_writer_sees_its_own_write_at_once(account: Account) -> None:
    """In what it reads by name. Others wait; so does everybody who reads a list."""
    (service,) = account.cloud.ask("POST", "/seed_vps", {})["services"]
    account.behaviour(tag_lag_s=1000, tag_list_lag_s=1000)
    other = Account(account.cloud)
    account.tag(service, "a", "b")
    for _ in range(30):
        assert account.tags(service) == {"a": "b"}
        assert account.get(f"/vps/{service}")["iam"]["tags"] == {"a": "b"}
        assert other.tags(service) == {}
        assert listed(account, service) == {}
    other.tag(service, "a", "c")
    other.tag(service, "d", "e")
    assert account.tags(service) == {"a": "b"}
    assert other.tags(service) == {"a": "c", "d": "e"}
    account.delete(f"/v2/iam/resource/{account.urn(service)}/tag/a")
    assert account.tags(service) == {}
    assert other.tags(service) == {"a": "c", "d": "e"}
    account.cloud.advance(1001)
    assert account.tags(service) == other.tags(service) == listed(account, service) == {"d": "e"}


def test_lists_may_be_later_than_resources_by_name(account: Account) -> None:
    (service,) = account.cloud.ask("POST", "/seed_vps", {})["services"]
    account.behaviour(tag_lag_s=0, tag_list_lag_s=1000)
    other = Account(account.cloud)
    account.tag(service, "a", "b")
    assert account.tags(service) == other.tags(service) == {"a": "b"}
    assert {} in [listed(account, service) for _ in range(30)]
    filtered = '{"a": [{"operator": "EQ", "value": "b"}]}'
    assert [] in [account.client.get("/vps", iamTags=filtered) for _ in range(30)]
    account.cloud.advance(1001)
    assert listed(account, service) == {"a": "b"}
    assert account.client.get("/vps", iamTags=filtered) == [service]


WRITE_AND_READ = """
import json, sys
from support.ovh import Account
from support.simcloud import Simcloud
cloud = Simcloud.__new__(Simcloud)
cloud.url, cloud.control_url, cloud.env, service, key = json.loads(sys.argv[1])
first = Account(cloud)
if key:
    first.tag(service, key, "b")
print(json.dumps([first.tags(service), Account(cloud).tags(service)]))
"""


def test_a_writer_is_a_process_whatever_connection_it_uses(account: Account) -> None:
    """Two processes of one account are two writers: that is why a lock that is read back excludes nobody."""
    (service,) = account.cloud.ask("POST", "/seed_vps", {})["services"]
    account.behaviour(tag_lag_s=1000, tag_list_lag_s=1000)
    cloud, tests = account.cloud, Path(__file__).parents[1]

    def process(key: str) -> list[dict[str, str]]:
        told = json.dumps([cloud.url, cloud.control_url, cloud.env, service, key])
        argv = [sys.executable, "-c", WRITE_AND_READ, told]
        done = subprocess.run(argv, cwd=tests, check=True, capture_output=True, text=True, timeout=30)
        return json.loads(done.stdout)

    assert process("one") == [{"one": "b"}, {"one": "b"}]
    assert process("two") == [{"two": "b"}, {"two": "b"}]
    assert process("") == [{}, {}]


def test_a_writer_that_does_not_see_its_own_write(account: Account) -> None:
    (service,) = account.cloud.ask("POST", "/seed_vps", {})["services"]
    account.behaviour(tag_lag_s=1000, tag_writer_sees=False)
    account.tag(service, "a", "b")
    seen = [account.tags(service) for _ in range(30)]
    assert {} in seen
    account.cloud.advance(500)
    seen = [account.tags(service) for _ in range(30)]
    assert {} in seen
    assert {"a": "b"} in seen
    account.cloud.advance(501)
    assert all(account.tags(service) == {"a": "b"} for _ in range(30))


class Moment:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at


STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", None]), st.floats(0, 4)), max_size=12
)


@given(steps=STEPS, seed=st.integers(0, 99))
def test_what_a_claim_may_rely_on(steps: list[tuple[str, str | None, float]], seed: int) -> None:
    """After Δ every replica has every write; no write touches another key."""
    clock: Any = Moment()
    behaviour = Behaviour(tag_lag_s=3.0)
    tags = Tags(clock, behaviour, seed)
    for key, value, pause in steps:
        others = {name: kept for name, kept in tags.truth("x").items() if name != key}
        tags.write("x", key, value)
        assert {name: kept for name, kept in tags.truth("x").items() if name != key} == others
        assert tags.truth("x").get(key) == value
        clock.at += pause
        for replica in range(behaviour.tag_replicas):
            seen = tags.read("x", replica)
            if pause > 3.0:
                assert seen == tags.truth("x")
    clock.at += 3.001
    assert all(tags.read("x", replica) == tags.truth("x") for replica in range(behaviour.tag_replicas))
