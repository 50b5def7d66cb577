"""Storage pools over HTTP, on libvirt's made-up hypervisor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.vm_http import ASKED, Http


def test_made_shown_and_deleted(http: Http, tmp_path: Path) -> None:
    asked = {"name": "fast", "path": str(tmp_path / "fast")}
    status, pool = http("POST", "/api/pools", asked)
    assert (status, pool["path"], pool["active"], pool["vms"]) == (200, asked["path"], True, [])
    assert http("POST", "/api/pools", asked) == (200, pool)
    assert http("POST", "/api/pools", {**asked, "path": str(tmp_path)})[0] == 409
    assert pool in http("GET", "/api/pools")[1]["pools"]
    assert http("GET", "/api/pools/fast") == (200, pool)
    assert http("DELETE", "/api/pools/fast") == (200, {"status": "deleted", "pool": "fast"})
    assert http("GET", "/api/pools/fast")[0] == 404
    assert http("DELETE", "/api/pools/fast")[0] == 404


def test_a_vm_s_pool_is_looked_at_before_anything_is_made(http: Http) -> None:
    assert http("POST", "/api/vms", {**ASKED, "pool": "none"})[0] == 404
    assert http("POST", "/api/vms", {**ASKED, "pool": "../x"})[0] == 422


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "fast"},
        {"name": "fast", "path": "x"},
        {"name": "fast", "path": "/"},
        {"name": "a/b", "path": "/x"},
        [],
    ],
)
def test_values_that_cannot_be_used(http: Http, body: Any) -> None:
    before = http("GET", "/api/pools")
    assert http("POST", "/api/pools", body)[0] == 422
    assert [one["name"] for one in http("GET", "/api/pools")[1]["pools"]] == [
        one["name"] for one in before[1]["pools"]
    ]
