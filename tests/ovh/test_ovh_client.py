"""The SDK wrapper against the simulated OVH: both logins, paging, repeats, errors that name what to do."""

from __future__ import annotations

import os
from typing import Any

import pytest

from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.config import Credentials, OvhConfig, credentials
from mngr.model.errors import InvalidInput, MngrError, NotFound, Unreadable
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable

from .conftest import Laptop


def with_env(laptop: Laptop, **body: object) -> OvhClient:
    made = laptop.sim.ask("POST", "/credentials", body)
    env = {"OVH_ENDPOINT": laptop.sim.url, **made["env"]}
    return OvhClient(credentials(OvhConfig(), "[providers.ovh]", env), clock=laptop.clock)


def test_keys_sign_and_oauth2_carries_a_token(laptop: Laptop) -> None:
    assert laptop.client.me()["ovhSubsidiary"] == "US"
    assert with_env(laptop, kind="oauth2").me()["ovhSubsidiary"] == "US"


def test_the_other_kind_in_the_environment_does_no_harm(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVH_CLIENT_ID", "other")
    monkeypatch.setenv("OVH_CLIENT_SECRET", "other")
    assert laptop.client.me()
    assert os.environ["OVH_CLIENT_ID"] == "other"


def test_a_missing_right_is_named(laptop: Laptop) -> None:
    client = with_env(laptop, without=["GET /me"])
    with pytest.raises(Unreadable) as error:
        client.me()
    assert "lack the right to GET /me" in error.value.message
    client = with_env(laptop, kind="oauth2", without=["GET /me/order"])
    with pytest.raises(Unreadable) as error:
        client.get("/me/order")
    assert "lack the right to GET /me/order" in error.value.message
    assert "grant account:apiovh:me/order/get" in error.value.hint


def test_a_consumer_key_that_isn_t_validated_and_one_that_isn_t_known(laptop: Laptop) -> None:
    asked = laptop.client.post(
        "/auth/credential", {"accessRules": [{"method": "GET", "path": "/*"}]}, repeat=False
    )
    for key, hint in ((asked["consumerKey"], "isn't validated yet"), ("wrong", "OVH doesn't know it")):
        login = {**laptop.sim.env, "OVH_CONSUMER_KEY": key}
        client = OvhClient(credentials(laptop.config, "[providers.ovh]", login), clock=laptop.clock)
        with pytest.raises(Unreadable, match="OVH refused the credentials") as error:
            client.me()
        assert hint in error.value.hint


def test_wrong_keys_and_endpoints_say_so(laptop: Laptop) -> None:
    wrong = Credentials(
        endpoint=laptop.sim.url, source="x", application_key="a", application_secret="b", consumer_key="c"
    )
    with pytest.raises(Unreadable) as error:
        OvhClient(wrong, clock=laptop.clock).me()
    assert "application_key" in error.value.hint
    nowhere = Credentials(
        endpoint="ovh-mars", source="x", application_key="a", application_secret="b", consumer_key="c"
    )
    with pytest.raises(InvalidInput, match="ovh-mars") as mars:
        OvhClient(nowhere).me()
    assert "ovh-eu" in mars.value.hint


def test_nobody_there_is_unreachable(laptop: Laptop) -> None:
    gone = Credentials(
        endpoint="http://127.0.0.1:1/1.0",
        source="x",
        application_key="a",
        application_secret="b",
        consumer_key="c",
    )
    with pytest.raises(Unreadable, match="can't reach OVH"):
        OvhClient(gone, clock=laptop.clock).get("/me")


def test_300_vpss_come_in_pages_and_only_ours_are_read(laptop: Laptop) -> None:
    laptop.sim.ask("POST", "/seed_vps", {"count": 1100})
    ours = {"mngr-provider": "ovh", "mngr-host-id": "host-0123456789abcdef", "mngr-ready": "1"}
    laptop.sim.ask("POST", "/seed_vps", {"count": 1, "tags": ours})
    laptop.clock.sleep(30)
    assert len(laptop.cloud.parts.store.rows()) == 1101
    before = len(laptop.sim.calls())
    assert len(laptop.cloud.find({tags.PROVIDER: "ovh"})) == 1
    assert len(laptop.sim.calls()) - before <= 8


def test_reads_are_repeated_and_a_broken_list_is_no_empty_one(laptop: Laptop) -> None:
    laptop.sim.fault("error", method="GET", path="/v2/iam/resource", times=2)
    assert laptop.cloud.find({tags.PROVIDER: "ovh"}) == []
    laptop.sim.fault("error", method="GET", path="/v2/iam/resource", times=100)
    with pytest.raises(Unreadable):
        laptop.cloud.find({tags.PROVIDER: "ovh"})


@pytest.mark.parametrize("body", [None, [], "text", {"message": "An error"}], ids=str)
@pytest.mark.parametrize("status", [404, 500])
def test_a_time_that_ovh_doesn_t_tell_says_nothing_of_what_was_asked(
    laptop: Laptop, status: int, body: Any
) -> None:
    laptop.sim.fault("error", method="GET", path="/auth/time", times=None, status=status, body=body)
    with pytest.raises(VpsApiUnreadable) as read:
        laptop.client.get("/vps/one")
    with pytest.raises(VpsApiError) as written:
        laptop.client.post("/order/cart", {"ovhSubsidiary": "US"}, repeat=False)
    assert "time" in str(read.value) + str(written.value)
    assert "credentials" not in str(read.value) + str(written.value)
    assert [call["path"] for call in laptop.sim.calls()] == ["/1.0/auth/time"] * len(laptop.sim.calls())


def test_a_purchase_whose_answer_is_lost_isn_t_repeated_by_itself(laptop: Laptop) -> None:
    laptop.sim.fault("lose_answer", method="POST", path="/order/cart", times=1)
    with pytest.raises(VpsApiNoAnswer):
        laptop.client.post("/order/cart", {"ovhSubsidiary": "US"}, repeat=False)


def test_not_found_only_if_ovh_says_so(laptop: Laptop) -> None:
    with pytest.raises(NotFound, match="OVH doesn't have it"):
        laptop.client.get("/vps/nosuch")
    with pytest.raises(Unreadable, match=r"invalid \(or empty\) URL"):
        laptop.client.get("/vps/nosuch/nowhere")
    with pytest.raises(VpsApiError, match="OVH refused"):
        laptop.client.post("/order/cart", {"ovhSubsidiary": "XX"}, repeat=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 460, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whatever_ovh_refuses_with_says_what_to_do_next(laptop: Laptop, method: str, status: int) -> None:
    body = {"message": "An error that was ordered."}
    laptop.sim.fault("error", method=method, path="/order/cart", times=None, status=status, body=body)
    with pytest.raises(MngrError) as refused:
        laptop.client.get("/order/cart") if method == "GET" else laptop.client.post(
            "/order/cart", repeat=True
        )
    assert refused.value.hint


def test_time_is_ovh_s(laptop: Laptop) -> None:
    before = laptop.client.now()
    laptop.clock.sleep(3600)
    assert 3590 < laptop.client.now() - before < 3700
