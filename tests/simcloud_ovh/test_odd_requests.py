"""What no good client sends: each is refused as OVH refuses, and none disturbs the server."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from ovh import exceptions as e

from support.ovh import Account
from support.simcloud import Simcloud

CART = b'{"ovhSubsidiary":"US"}'


def wire(cloud: Simcloud, text: bytes) -> tuple[int, Any]:
    """Send bytes as they are; the answer's status and JSON, once the server closes or says no more."""
    url = urlsplit(cloud.url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=5) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def post(*headers: str, body: bytes = CART, method: str = "POST", path: str = "/1.0/order/cart") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: here", *headers, "", ""]).encode("latin-1") + body


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (post("Content-Length: many"), 400),
        (post("Content-Length: -5"), 400),
        (post("Content-Length: \u00b2"), 400),
        (post("Content-Length: 99999999"), 413),
        (post("Content-Length: " + "9" * 5000), 413),
        (post("Transfer-Encoding: chunked", body=b"16\r\n" + CART + b"\r\n0\r\n\r\n"), 411),
        (post(method="GET", path="http://[::1", body=b""), 400),
        (post(method="OPTIONS", body=b""), 405),
        (post("Content-Length: 4000", body=b"[" * 4000), 400),
        (post("Content-Length: 1400", body=b"[" * 700 + b"]" * 700), 400),
        (
            post(
                "X-Ovh-Application: {key}", "X-Ovh-Consumer: {consumer}", "X-Ovh-Timestamp: \u00b2", body=b""
            ),
            400,
        ),
        (
            post(
                "X-Ovh-Application: {key}",
                "X-Ovh-Consumer: {consumer}",
                "X-Ovh-Timestamp: " + "9" * 5000,
                body=b"",
            ),
            400,
        ),
    ],
)
def test_a_request_that_cannot_be_meant(
    cloud: Simcloud, capsys: pytest.CaptureFixture[str], text: bytes, status: int
) -> None:
    text = text.replace(b"{key}", cloud.env["OVH_APPLICATION_KEY"].encode())
    text = text.replace(b"{consumer}", cloud.env["OVH_CONSUMER_KEY"].encode())
    assert wire(cloud, text)[0] == status
    assert wire(cloud, post(f"Content-Length: {len(CART)}"))[0] == 200
    assert capsys.readouterr().err == ""


def test_what_is_no_call(account: Account) -> None:
    for path in ("/nowhere", "/vps/x/nowhere", "/v2/nowhere", "/me/order/1/details/1/operations/1/more"):
        with pytest.raises(e.ResourceNotFoundError) as caught:
            account.get(path)
        assert caught.value.response.json() == {
            "class": "Client::NotFound",
            "message": "Got an invalid (or empty) URL",
        }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/me/payment/method?status=GOOD", "StatusEnum"),
        ("/me/payment/method?default=maybe", "boolean"),
        ("/me/payment/method/" + quote("٤١٠٠"), "long"),
        ("/me/order/first", "long"),
        ("/me/order/" + "9" * 5000, "long"),
        ("/vps/{service}/tasks?type=everything", "TaskTypeEnum"),
        ("/vps/order/rule/datacenter?planCode=vps-2025-model1", "ovhSubsidiary"),
        ("/vps/order/rule/datacenter?planCode=vps-2025-model1&ovhSubsidiary=XX", "OvhSubsidiaryEnum"),
    ],
)
def test_a_parameter_of_another_kind(account: Account, path: str, said: str) -> None:
    (service,) = account.cloud.ask("POST", "/seed_vps", {"count": 1})["services"]
    with pytest.raises(e.BadParametersError, match=said):
        account.get(path.replace("{service}", service))


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/vps/{service}", {"netbootMode": "floppy"}, "VpsNetbootEnum"),
        ("/vps/{service}", {"slaMonitoring": "yes"}, "boolean"),
        ("/vps/{service}", {"keymap": 7}, "string"),
        ("/vps/{service}/serviceInfos", {"renew": {"period": 7}}, "period"),
    ],
)
def test_a_field_of_another_kind(account: Account, path: str, body: dict[str, Any], said: str) -> None:
    (service,) = account.cloud.ask("POST", "/seed_vps", {"count": 1})["services"]
    with pytest.raises(e.BadParametersError, match=said):
        account.put(path.replace("{service}", service), body)


@pytest.mark.parametrize("expire", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "soon"])
def test_a_date_that_is_none(account: Account, expire: str) -> None:
    with pytest.raises(e.BadParametersError, match="datetime"):
        account.post("/order/cart", {"ovhSubsidiary": "US", "expire": expire})


@pytest.mark.parametrize("size", ["0", "²", "9" * 5000])
def test_a_page_of_no_size(account: Account, size: str) -> None:
    answer = account.client.raw_call("GET", "/v2/iam/resource", headers={"X-Pagination-Size": size})
    assert answer.status_code == 400


def test_an_account_is_a_resource(account: Account) -> None:
    (listed,) = account.get("/v2/iam/resource?resourceType=account")
    assert account.get(f"/v2/iam/resource/{listed['urn']}") == listed
