"""Snapshots over HTTP, on libvirt's made-up hypervisor."""

from __future__ import annotations

import pytest

from support.vm_http import Http

SNAPSHOTS = "/api/vms/test/snapshots"


def test_taken_listed_restored_and_deleted(http: Http) -> None:
    http("POST", "/api/vms/test/start")  # libvirt's made-up VMs may be those of an earlier test
    assert http("GET", SNAPSHOTS) == (200, {"vm": "test", "snapshots": []})
    status, one = http("POST", SNAPSHOTS, {"name": "first"})
    assert (status, one["name"], one["state"], one["current"]) == (200, "first", "running", True)
    assert one["createdAt"].endswith("Z")
    assert http("POST", SNAPSHOTS, {"name": "first"})[0] == 409
    assert http("GET", SNAPSHOTS) == (200, {"vm": "test", "snapshots": [one]})
    http("POST", "/api/vms/test/stop")
    told = {"vm": "test", "snapshot": "first"}
    assert http("POST", f"{SNAPSHOTS}/first/restore") == (
        200,
        {"status": "restored", "state": "running", **told},
    )
    assert http("DELETE", f"{SNAPSHOTS}/first") == (200, {"status": "deleted", "state": "running", **told})
    assert http("GET", SNAPSHOTS) == (200, {"vm": "test", "snapshots": []})


def test_what_is_not_there_is_a_404(http: Http) -> None:
    assert http("GET", "/api/vms/none/snapshots")[0] == 404
    assert http("POST", "/api/vms/none/snapshots", {"name": "x"})[0] == 404
    assert http("POST", f"{SNAPSHOTS}/none/restore")[0] == 404
    assert http("DELETE", f"{SNAPSHOTS}/none")[0] == 404


@pytest.mark.parametrize("name", ["", "..", "a b", "<x/>", "a" * 64, "é", "a\n", None, 7])
def test_names_that_cannot_be_used(http: Http, name: object) -> None:
    before = http("GET", SNAPSHOTS)
    assert http("POST", SNAPSHOTS, {"name": name})[0] == 422
    assert http("GET", SNAPSHOTS) == before
