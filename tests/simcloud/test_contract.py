"""Every answer is what Vultr's own schema says, and every path of it is there."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from support.simcloud import Simcloud, until

openapi_core = pytest.importorskip("openapi_core")

LEFT_OUT = {"v6_networks"}
"""Described by the schema, and sent in none of the vendor's examples."""

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000 someone"


class Checked:
    """Calls the API and holds request and answer against the schema."""

    def __init__(self, cloud: Simcloud, path: Path) -> None:
        self.cloud = cloud
        self.spec = openapi_core.OpenAPI.from_file_path(str(path))
        self.raw = json.loads(path.read_text())
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        from openapi_core.testing import MockRequest, MockResponse

        status, answer = self.cloud.api(method, path, body)
        assert status == expect, answer
        bare, _, query = path.partition("?")
        request = MockRequest(
            "https://api.vultr.com",
            method.lower(),
            "/v2" + bare,
            args=dict(pair.split("=") for pair in query.split("&")) if query else None,
            headers={"Authorization": "Bearer key"},
            data=None if body is None else json.dumps(body).encode(),
        )
        if status < 400:
            self.spec.validate_request(request)
        data = b"" if answer is None else json.dumps(answer).encode()
        self.spec.validate_response(request, MockResponse(data, status))
        self.seen.add((method, path))
        return answer

    def fields(self, schema: str) -> set[str]:
        return set(self.raw["components"]["schemas"][schema]["properties"])


@pytest.fixture
def checked(cloud: Simcloud, contract_path: Path) -> Checked:
    return Checked(cloud, contract_path)


def test_public_lists(checked: Checked) -> None:
    plans = checked("GET", "/plans?per_page=500")["plans"]
    regions = {region["id"] for region in checked("GET", "/regions")["regions"]}
    systems = {system["id"]: system["name"] for system in checked("GET", "/os")["os"]}
    assert {"vc2-1c-1gb", "vc2-2c-4gb"} <= {plan["id"] for plan in plans}
    assert all(set(plan["locations"]) <= regions for plan in plans)
    assert systems[2136] == "Debian 12 x64 (bookworm)"
    assert {plan["type"] for plan in checked("GET", "/plans?type=vhf")["plans"]} == {"vhf"}


def test_account(checked: Checked) -> None:
    assert set(checked("GET", "/account")["account"]) == checked.fields("account")


def test_an_instances_life(checked: Checked) -> None:
    key = checked("POST", "/ssh-keys", {"name": "me", "ssh_key": KEY}, 201)["ssh_key"]["id"]
    order = {
        "region": "ewr",
        "plan": "vc2-2c-4gb",
        "os_id": 2136,
        "label": "one",
        "hostname": "one",
        "tags": ["a", "b"],
        "sshkey_id": [key],
        "user_data": base64.b64encode(b"#cloud-config\n{}\n").decode(),
        "backups": "disabled",
        "enable_ipv6": False,
    }
    made = checked("POST", "/instances", order, 202)["instance"]
    assert (made["status"], made["main_ip"], made["server_status"]) == ("pending", "0.0.0.0", "none")
    assert set(made) == checked.fields("instance") - LEFT_OUT
    path = f"/instances/{made['id']}"
    until(lambda: checked("GET", path)["instance"]["server_status"] == "ok", "the machine", 5, 0.02)

    running = checked("GET", path)["instance"]
    assert running["status"] == "active"
    assert running["main_ip"].startswith("127.")
    assert set(running) == checked.fields("instance-get") - LEFT_OUT - {"pending_charges"}
    assert "pending_charges" in checked("GET", "/instances?show_pending_charges=true")["instances"][0]
    assert checked("GET", f"{path}/user-data")["user_data"]["data"] == order["user_data"]

    checked("PATCH", path, {"tags": ["c"], "label": "two", "user_data": ""}, 202)
    assert checked("GET", path)["instance"]["tags"] == ["c"]
    checked("POST", f"{path}/halt", None, 204)
    until(lambda: checked("GET", path)["instance"]["power_status"] == "stopped", "power off", 5, 0.02)
    checked("POST", f"{path}/start", None, 204)
    until(lambda: checked("GET", path)["instance"]["power_status"] == "running", "power on", 5, 0.02)
    checked("POST", f"{path}/reboot", None, 204)
    checked("POST", "/instances/halt", {"instance_ids": [made["id"]]}, 204)
    checked("POST", "/instances/start", {"instance_ids": [made["id"]]}, 204)
    assert checked("POST", f"{path}/reinstall", {}, 202)["instance"]["status"] == "pending"
    until(lambda: checked("GET", path)["instance"]["server_status"] == "ok", "the machine", 5, 0.02)

    checked("DELETE", path, None, 204)
    checked("GET", path, None, 404)
    checked("DELETE", path, None, 404)
    assert checked("GET", "/instances")["instances"] == []


def test_snapshots(checked: Checked, order: Any) -> None:
    instance = order(label="base")
    made = checked("POST", "/snapshots", {"instance_id": instance["id"], "description": "baked"}, 201)[
        "snapshot"
    ]
    assert (made["status"], made["size"]) == ("pending", 0)
    assert set(made) == checked.fields("snapshot")
    path = f"/snapshots/{made['id']}"
    until(lambda: checked("GET", path)["snapshot"]["status"] == "complete", "the copy", 5, 0.02)
    checked("PUT", path, {"description": "renamed"}, 204)
    assert [one["id"] for one in checked("GET", "/snapshots?description=renamed")["snapshots"]] == [
        made["id"]
    ]
    assert order(snapshot_id=made["id"])["snapshot_id"] == made["id"]
    restore = checked("POST", f"/instances/{instance['id']}/restore", {"snapshot_id": made["id"]}, 202)
    assert restore["status"]["restore_id"] == made["id"]
    checked("DELETE", path, None, 204)
    checked("GET", path, None, 404)


def test_ssh_keys(checked: Checked) -> None:
    made = checked("POST", "/ssh-keys", {"name": "me", "ssh_key": KEY}, 201)["ssh_key"]
    path = f"/ssh-keys/{made['id']}"
    checked("PATCH", path, {"name": "you"}, 204)
    assert checked("GET", path)["ssh_key"] == {**made, "name": "you"}
    assert set(made) == checked.fields("ssh")
    assert len(checked("GET", "/ssh-keys")["ssh_keys"]) == 1
    checked("DELETE", path, None, 204)
    checked("GET", path, None, 404)
    checked("POST", "/ssh-keys", {"name": "me", "ssh_key": "nonsense"}, 400)


def test_every_operation_of_the_schema_is_there(checked: Checked) -> None:
    for path, operations in checked.raw["paths"].items():
        for method in set(operations) - {"parameters"}:
            asked = (
                path.replace("{instance-id}", "none")
                .replace("{ssh-key-id}", "none")
                .replace("{snapshot-id}", "none")
            )
            status, answer = checked.cloud.api(method.upper(), asked, {} if method != "get" else None)
            assert (status, (answer or {}).get("error")) not in [
                (405, "Method not allowed."),
                (404, "Not found."),
            ], path
