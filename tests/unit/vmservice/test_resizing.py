"""Changing a VM over HTTP; without a guest."""

from __future__ import annotations

from typing import Any

import pytest

from support.vm_http import Http

PATH = "/api/vms/one"


def test_what_waits_for_the_next_start_is_said(http: Http, there: Any) -> None:
    status, vm = http("PATCH", PATH, {"autostart": True})
    assert (status, vm["autostart"], vm["atNextStart"]) == (200, True, [])
    status, vm = http("PATCH", PATH, {"memory": 128, "vcpus": 2, "autostart": False})
    assert (status, vm["autostart"]) == (200, False)
    assert "memory" in vm["atNextStart"]
    assert http("PATCH", PATH, {})[0] == 200


def test_what_is_not_there_or_not_ours(http: Http) -> None:
    assert http("PATCH", "/api/vms/none", {"memory": 128})[0] == 404
    assert http("PATCH", "/api/vms/test", {"memory": 128})[0] == 409


@pytest.mark.parametrize(
    "body",
    [
        {"memory": 1}, {"memory": "128"}, {"memory": 128.5}, {"vcpus": 0}, {"diskSize": 0}, {"autostart": 1}, {"autostart": "on"},
        {"name": "other"}, {"memoryMib": 1}, [], "x", None,
    ],
)  # fmt: skip
def test_values_that_cannot_be_used(http: Http, there: Any, body: Any) -> None:
    before = http("GET", PATH)
    assert http("PATCH", PATH, body)[0] == (422 if body is not None else 200)
    assert http("GET", PATH) == before
