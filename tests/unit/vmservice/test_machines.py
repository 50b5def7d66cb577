"""Machines over HTTP: whose they are, and how many notes one may have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mngr.vms import guests
from mngr.vmservice.actions import ACTIONS
from mngr.vmservice.settings import Settings
from support.vm_http import ASKED, Http

MINE = {"mngr-host-id": "host-1"}


def test_one_is_somebody_s(http: Http, there: Any) -> None:
    """A VM of /api/vms isn't taken for the machine of somebody who doesn't say who he is."""
    assert http("POST", "/api/machines", {**ASKED, "memory": 128, "userData": "#!/bin/sh"})[0] == 422
    assert http("POST", "/api/machines", {**ASKED, "tags": {"mngr-host-id": ""}})[0] == 422
    assert http("POST", "/api/machines", {**ASKED, "tags": MINE})[0] == 409
    assert http("GET", "/api/machines/one")[1]["tags"] == {}


def test_a_template_s_packages_are_not_dropped(http: Http) -> None:
    asked = {**ASKED, "template": "docker-host", "tags": MINE}
    assert http("POST", "/api/machine-checks", asked)[0] == 422
    assert http("POST", "/api/machines", {**ASKED, "template": "debian-12", "tags": MINE})[0] == 422


def test_more_memory_than_the_host_has_is_its_conflict(http: Http) -> None:
    """Not the order's fault: another host may have it."""
    status, told = http(
        "POST", "/api/machine-checks", {**ASKED, "memory": 16777215, "network": "default", "tags": MINE}
    )
    assert (status, "MiB" in told["detail"]) == (409, True)


def test_tags_have_an_end(http: Http, there: Any) -> None:
    def put(tags: dict[str, str]) -> int:
        return http("PATCH", "/api/machines/one", {"put": tags})[0]

    statuses = [put({f"{turn}-{one}": "x" for one in range(64)}) for turn in range(5)]
    assert statuses == [200, 200, 200, 200, 409]
    assert len(http("GET", "/api/machines/one")[1]["tags"]) == guests.MOST_TAGS
    assert http("PATCH", "/api/machines/one", {"drop": ["0-0"], "put": {"more": "x"}})[0] == 200
    assert put({f"0-{one}": "&" * 4096 for one in range(1, 40)}) == 200
    assert put({f"1-{one}": "&" * 4096 for one in range(40)}) == 409  # in XML an & is &amp;
    assert len(there.XMLDesc()) < 2 * guests.MOST_BYTES


def test_agents_records_have_an_end_too(http: Http, there: Any) -> None:
    big = [{"id": f"a-{one}", "name": "x" * 4000} for one in range(200)]
    more = [{"id": f"b-{one}", "name": "x" * 4000} for one in range(200)]
    assert http("PATCH", "/api/machines/one", {"putAgents": big, "allAgents": []})[0] == 200
    assert http("PATCH", "/api/machines/one", {"putAgents": more})[0] == 409
    assert len(http("GET", "/api/machines/one")[1]["agents"]) == 200


@pytest.mark.parametrize("record", [{}, {"id": []}, {"id": 5}, {"id": None}, [], "x"])
@pytest.mark.parametrize("field", ["putAgents", "allAgents"])
def test_a_record_without_its_id(http: Http, there: Any, record: Any, field: str) -> None:
    good = {"id": "agent-1", "name": "x", "labels": {"a": [1, None]}}
    assert http("PATCH", "/api/machines/one", {"putAgents": [good], "allAgents": []})[0] == 200
    assert http("PATCH", "/api/machines/one", {field: [record]})[0] == 422
    assert http("GET", "/api/machines/one")[1]["agents"] == [good]


def test_creates_leave_room_for_what_ends_them() -> None:
    kinds = {one.name: one.kind for one in ACTIONS}
    assert kinds["machine_create"] == kinds["vm_create"] == "make"
    assert kinds["machine_power"] == kinds["vm_delete"] == "change"


def test_the_audit_log_says_which_vm_and_key(http: Http, settings: Settings, there: Any) -> None:
    def target() -> str:
        assert settings.audit_file
        return json.loads(settings.audit_file.read_text().splitlines()[-1])["target"]

    http("POST", "/tools/vm_inject_ssh_key", {"vmName": "one", "keyName": "mine"})
    assert target() == "one/mine"
    http("DELETE", "/api/networks/lab")
    assert target() == "lab"
    http("GET", "/api/vms/one/snapshots")
    assert target() == "one"
    http("POST", "/api/vms/one/clone", {"name": "two"})
    assert target() == "one/two"
    http("POST", "/api/machine-checks", {**ASKED, "network": "default", "tags": MINE})
    assert target() == "one"


def test_a_list_has_nothing_that_a_killed_create_left(
    http: Http, there: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept = []
    monkeypatch.setattr("mngr.vmservice.service.remove.sweep", lambda here: swept.append(here) or [])
    assert http("GET", "/api/machines")[0] == 200
    assert len(swept) == 1
