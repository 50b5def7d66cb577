"""Who gets in, and how those who don't are told."""

from __future__ import annotations

import base64
import time
from typing import Any

import ovh
import pytest
import requests
from ovh import exceptions as e

from support.ovh import Account, sdk
from support.simcloud import Simcloud


def credentials(cloud: Simcloud, **wanted: Any) -> dict[str, Any]:
    return cloud.ask("POST", "/credentials", wanted)


def test_time_is_a_bare_number(cloud: Simcloud) -> None:
    answer = requests.get(f"{cloud.url}/auth/time", timeout=5)
    assert abs(int(answer.text) - time.time()) < 5
    assert "X-OVH-QUERYID" in answer.headers


@pytest.mark.parametrize(
    ("name", "raised", "code"),
    [
        ("OVH_APPLICATION_KEY", e.InvalidKey, "INVALID_KEY"),
        ("OVH_CONSUMER_KEY", e.NotCredential, "NOT_CREDENTIAL"),
        ("OVH_APPLICATION_SECRET", e.BadParametersError, "INVALID_SIGNATURE"),
    ],
)
def test_a_wrong_key(cloud: Simcloud, name: str, raised: type[Exception], code: str) -> None:
    with pytest.raises(raised) as caught:
        sdk(cloud, {**cloud.env, name: "wrong"}).get("/me")
    assert caught.value.response.json()["errorCode"] == code


def test_no_signature_at_all(account: Account) -> None:
    with pytest.raises(e.NotCredential, match="login"):
        account.client.get("/me", _need_auth=False)
    assert account.client.post("/order/cart", _need_auth=False, ovhSubsidiary="US")["items"] == []


@pytest.mark.parametrize("off", [-120, 120])
def test_a_timestamp_out_of_the_window(account: Account, off: int) -> None:
    account.client._time_delta = off
    with pytest.raises(e.BadParametersError, match="Query out of time"):
        account.get("/me")


def test_a_signature_covers_method_url_and_body(cloud: Simcloud, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sdk(cloud)
    send = client._session.request
    for change in (
        {"method": "DELETE"},
        {"url": f"{cloud.url}/order/cart?x=1"},
        {"data": '{"ovhSubsidiary":"FR"}'},
    ):

        def tampered(method: str, url: str, change: Any = change, **more: Any) -> requests.Response:
            return send(**{"method": method, "url": url, **more, **change})

        monkeypatch.setattr(client._session, "request", tampered)
        client._time_delta = 0
        with pytest.raises(e.APIError, match="Invalid signature"):
            client.post("/order/cart", ovhSubsidiary="US")


def test_a_client_outlives_a_moved_clock(account: Account) -> None:
    account.get("/me")
    account.cloud.advance(40 * 86400)
    assert account.get("/me")["nichandle"]
    assert sdk(account.cloud).get("/me")["nichandle"]


def test_a_call_that_was_not_granted(account: Account) -> None:
    service = account.buy_settled()
    made = credentials(account.cloud, without=["POST /vps/*/rebuild", "DELETE /v2/iam/resource/*/tag/*"])
    poor = Account(account.cloud, env=made["env"])
    assert poor.get(f"/vps/{service}")["name"] == service
    poor.tag(service, "a", "b")
    with pytest.raises(e.NotGrantedCall) as caught:
        poor.rebuild(service)
    assert caught.value.response.json() == {
        "errorCode": "NOT_GRANTED_CALL",
        "httpCode": "403 Forbidden",
        "message": "This call has not been granted",
    }
    with pytest.raises(e.NotGrantedCall):
        poor.delete(f"/v2/iam/resource/{poor.urn(service)}/tag/a")
    rules = {(rule["method"], rule["path"]) for rule in poor.get("/auth/currentCredential")["rules"]}
    assert ("POST", "/vps/*/stop") in rules
    assert ("POST", "/vps/*/rebuild") not in rules


def test_only_what_was_allowed(cloud: Simcloud) -> None:
    client = sdk(cloud, credentials(cloud, allow=["GET /vps", "GET /auth/*"])["env"])
    assert client.get("/vps") == []
    assert client.get("/auth/currentCredential")["rules"] == [
        {"method": "GET", "path": "/vps"},
        {"method": "GET", "path": "/auth/*"},
    ]
    with pytest.raises(e.NotGrantedCall):
        client.get("/vps/one")


def test_an_expired_credential(cloud: Simcloud) -> None:
    made = credentials(cloud)
    client = sdk(cloud, made["env"])
    client.get("/me")
    credentials(cloud, expire=made["name"])
    with pytest.raises(e.InvalidCredential):
        client.get("/me")


@pytest.fixture
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def test_a_service_account(account: Account, plain_http: None) -> None:
    known = account.cloud.ask("GET", "/credentials")["credentials"]
    env = next(one["env"] for one in known if one["kind"] == "oauth2")
    robot = Account(account.cloud, env=env)
    assert robot.get("/auth/details")["method"] == "oauth2_client_credentials"
    service = robot.buy()
    robot.tag(service, "a", "b")
    account.cloud.advance(40 * 86400)
    assert robot.get("/vps") == [service]
    assert len(robot.pages()) == 1
    with pytest.raises(e.Forbidden):
        robot.get("/auth/currentCredential")


def test_a_service_account_without_a_right(cloud: Simcloud, plain_http: None) -> None:
    """The answer is that of OVH's guide "IAM troubleshooting"; its actions are those of OVH's policies."""
    client = sdk(cloud, credentials(cloud, kind="oauth2", without=["GET /vps", "GET /me/order"])["env"])
    for path, action in (("/vps", "vps:apiovh:get"), ("/me/order", "account:apiovh:me/order/get")):
        with pytest.raises(e.APIError) as caught:
            client.get(path)
        assert caught.value.response.status_code == 403
        assert caught.value.response.json() == {
            "class": "Client::Forbidden",
            "message": "User not granted for this request",
            "details": {"unauthorizedActionsByAuthentication": "", "unauthorizedActionsByIAM": action},
        }


def test_a_consumer_key_is_asked_for_and_validated_by_a_person(cloud: Simcloud) -> None:
    client = sdk(cloud)
    asked = client.new_consumer_key_request()
    asked.add_rules(ovh.API_READ_ONLY, "/vps*")
    answer = asked.request()
    assert answer["state"] == "pendingValidation"
    assert client._consumer_key == answer["consumerKey"] != cloud.env["OVH_CONSUMER_KEY"]
    with pytest.raises(e.InvalidCredential):
        client.get("/vps")
    assert requests.get(answer["validationUrl"] + "x", timeout=5).status_code == 404
    assert requests.get(answer["validationUrl"], timeout=5).json() == {"state": "validated"}
    assert client.get("/vps") == []
    with pytest.raises(e.NotGrantedCall):
        client.get("/me")


@pytest.mark.parametrize(
    "rules", [None, [], "GET /vps", [{"method": "FETCH", "path": "/*"}], [{"path": "/*"}]]
)
def test_a_consumer_key_needs_rules(cloud: Simcloud, rules: Any) -> None:
    with pytest.raises(e.BadParametersError, match="accessRules"):
        sdk(cloud).post("/auth/credential", _need_auth=False, accessRules=rules)
    client = sdk(cloud, {**cloud.env, "OVH_APPLICATION_KEY": "wrong"})
    with pytest.raises(e.InvalidKey):
        client.post("/auth/credential", _need_auth=False, accessRules=[{"method": "GET", "path": "/*"}])


def test_a_wrong_client_secret(cloud: Simcloud, plain_http: None) -> None:
    made = credentials(cloud, kind="oauth2")
    with pytest.raises(e.OAuth2FailureError, match="invalid_client"):
        sdk(cloud, {**made["env"], "OVH_CLIENT_SECRET": "wrong"}).get("/me")
    root = cloud.url.removesuffix("/1.0")
    answer = requests.get(f"{cloud.url}/me", headers={"Authorization": "Bearer wrong"}, timeout=5)
    assert answer.status_code == 401
    basic = base64.b64encode(f"{made['name']}:{made['env']['OVH_CLIENT_SECRET']}".encode()).decode()
    answer = requests.post(
        f"{root}/auth/oauth2/token",
        data={"grant_type": "password"},
        headers={"Authorization": f"Basic {basic}"},
        timeout=5,
    )
    assert answer.json() == {"error": "unsupported_grant_type"}


def test_credentials_that_mean_nothing_are_refused(cloud: Simcloud) -> None:
    for wanted in ({"kind": "magic"}, {"without": ["REBUILD"]}, {"expire": "nobody"}, {"rights": []}):
        with pytest.raises(ValueError, match="credentials:"):
            credentials(cloud, **wanted)


def test_the_sdk_is_the_official_one() -> None:
    assert ovh.Client.__module__ == "ovh.client"
