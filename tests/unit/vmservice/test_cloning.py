"""Clones over HTTP; without a guest."""

from __future__ import annotations

from typing import Any

import pytest

from support.vm_http import Http


def test_what_cannot_be_cloned(http: Http, there: Any) -> None:
    status, problem = http("POST", "/api/vms/one/clone", {"name": "two"})
    assert status == 409
    assert "running" in problem["detail"]
    assert http("POST", "/api/vms/none/clone", {"name": "two"})[0] == 404
    assert http("POST", "/api/vms/test/clone", {"name": "two"})[0] == 409
    assert http("POST", "/api/vms/one/clone", {"name": "one"})[0] == 409
    assert {one["name"] for one in http("GET", "/api/vms")[1]["vms"]} == {"one", "test"}


@pytest.mark.parametrize(
    "body", [{}, {"name": "../x"}, {"name": 7}, {"name": ""}, {"name": "b", "more": 1}, [], "x"]
)
def test_values_that_cannot_be_used(http: Http, there: Any, body: Any) -> None:
    assert http("POST", "/api/vms/one/clone", body)[0] == 422
