"""Networks and GPUs over HTTP, on libvirt's made-up hypervisor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.vm_http import ASKED, Http

LAB = {"name": "lab", "cidr": "192.168.150.0/24"}


@pytest.fixture(autouse=True)
def _nothing_stays(http: Http) -> Iterator[None]:
    yield
    http("DELETE", "/api/networks/lab")


def test_made_shown_stopped_and_deleted(http: Http) -> None:
    status, lab = http("POST", "/api/networks", LAB)
    assert (status, lab["mode"], lab["cidr"], lab["active"], lab["vms"]) == (
        200,
        "nat",
        LAB["cidr"],
        True,
        [],
    )
    assert http("POST", "/api/networks", LAB) == (200, lab)
    assert http("POST", "/api/networks", {**LAB, "mode": "isolated"})[0] == 409
    assert http("POST", "/api/networks", {"name": "other", "cidr": "192.168.150.128/25"})[0] == 409
    assert lab in http("GET", "/api/networks")[1]["networks"]
    assert http("GET", "/api/networks/lab") == (200, lab)
    assert http("POST", "/api/networks/lab/stop") == (200, {"status": "stopped", "network": "lab"})
    assert http("GET", "/api/networks/lab")[1]["active"] is False
    assert http("POST", "/api/networks/lab/start")[0] == 200
    assert http("DELETE", "/api/networks/lab") == (200, {"status": "deleted", "network": "lab"})
    for method, path in (("GET", ""), ("POST", "/start"), ("POST", "/stop"), ("DELETE", "")):
        assert http(method, f"/api/networks/lab{path}")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "a b"}, {"name": "lab", "cidr": "8.8.8.0/24"}, {"name": "lab", "cidr": "x"}, {"name": "lab", "cidr": 7},
        {"name": "lab", "mode": "bridge"}, {"name": "lab", "autostart": "yes"}, {"name": "lab", "more": 1}, {"name": "user"}, [],
    ],
)  # fmt: skip
def test_values_that_cannot_be_used(http: Http, body: Any) -> None:
    before = http("GET", "/api/networks")
    assert http("POST", "/api/networks", body)[0] == 422
    assert http("GET", "/api/networks") == before


def test_a_vm_s_network_and_gpus_are_looked_at_before_anything_is_made(http: Http) -> None:
    assert http("POST", "/api/vms", {**ASKED, "network": "bridge:nowhere"})[0] == 404
    assert http("POST", "/api/vms", {**ASKED, "network": "bridge:"})[0] == 422
    assert http("POST", "/api/vms", {**ASKED, "gpus": ["0000:01:00.0"]})[0] == 404
    assert http("POST", "/api/vms", {**ASKED, "gpus": ["x"]})[0] == 422
    assert isinstance(http("GET", "/api/host")[1]["gpus"], list)
