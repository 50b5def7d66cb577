"""Endpoints, errors, and who is let in; without a guest."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from mngr.vmservice.access import Tokens
from mngr.vmservice.actions import ACTIONS
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http

VM = {"name": "test", "state": "running", "memory": 8192, "vcpus": 2, "autostart": False}


def test_vms_are_listed_and_shown(http: Http) -> None:
    status, told = http("GET", "/api/vms")
    [row] = told["vms"]
    assert status == 200
    assert {key: row[key] for key in VM} == VM
    assert set(row) == {*VM, "uuid"}
    status, vm = http("GET", "/api/vms/test")
    assert (status, vm["uuid"], vm["sshPort"], vm["noAddress"]) == (200, row["uuid"], 22, None)
    assert vm["ip"].startswith("192.168.")


def test_what_is_not_there_is_a_404(http: Http) -> None:
    for method, path in (("GET", ""), ("POST", "/start"), ("POST", "/stop"), ("DELETE", "")):
        status, problem = http(method, f"/api/vms/none{path}")
        assert (status, problem["title"]) == (404, "Not Found")
        assert "'none'" in problem["detail"]
    assert http("GET", "/api/ssh-keys/none/public")[0] == 404
    assert http("DELETE", "/api/ssh-keys/none")[0] == 404
    assert http("GET", "/nothing")[0] == 404
    assert http("PUT", "/api/vms")[0] == 405


def test_vms_that_mngr_did_not_make_are_not_deleted(http: Http) -> None:
    status, problem = http("DELETE", "/api/vms/test")
    assert status == 409
    assert "wasn't made by mngr" in problem["detail"]


def test_a_hypervisor_that_does_not_answer_is_a_503(settings: Settings, tokens: Tokens) -> None:
    dead = {**settings.libvirt_env, "LIBVIRT_URI": "qemu+unix:///system?socket=/nonexistent/socket"}
    with TestClient(make(Service(dataclasses.replace(settings, libvirt_env=dead)), tokens)) as client:
        http = Http(client, tokens.make("all", "destructive"))
        assert http("GET", "/healthz")[0] == 503
        assert client.get("/healthz").headers["retry-after"] == "5"
        status, problem = http("GET", "/api/vms")
    assert (status, problem["title"]) == (503, "Service Unavailable")
    assert "no connection to libvirt" in problem["detail"]


def test_it_is_well_if_libvirt_answers(http: Http) -> None:
    assert http("GET", "/healthz") == (200, "OK")


def test_keys_as_the_seed_has_them(http: Http, tmp_path: Path) -> None:
    status, key = http("POST", "/api/ssh-keys", {"name": "my-key", "comment": "My SSH Key"})
    assert status == 200
    assert set(key) == {"name", "publicKey", "privateKeyPath", "publicKeyPath"}
    assert key["publicKey"].startswith("ssh-rsa ")
    assert key["publicKey"].endswith(" My SSH Key")
    assert (key["privateKeyPath"], key["publicKeyPath"]) == (
        f"{tmp_path}/keys/my-key",
        f"{tmp_path}/keys/my-key.pub",
    )
    assert http("GET", "/api/ssh-keys") == (200, {"keys": [key]})
    assert http("GET", "/api/ssh-keys/my-key/public") == (200, key["publicKey"] + "\n")
    assert http("POST", "/api/ssh-keys", {"name": "my-key"})[0] == 409
    assert http("GET", "/api/ssh-keys") == (200, {"keys": [key]})
    assert http("DELETE", "/api/ssh-keys/my-key") == (200, {"status": "deleted", "key": "my-key"})
    assert http("GET", "/api/ssh-keys") == (200, {"keys": []})


def test_a_create_without_an_image_says_what_is_missing(http: Http) -> None:
    status, problem = http("POST", "/api/vms", {"name": "one"})
    assert status == 422
    assert "imageUrl" in problem["hint"]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://example.org/a.img",
        "https://127.0.0.1/a.img",
        "https://169.254.169.254/latest",
        "x",
    ],
)
def test_images_come_from_the_public_internet_only(http: Http, tmp_path: Path, url: str) -> None:
    status, problem = http("POST", "/api/vms", {"name": "one", "imageUrl": url})
    assert status == 422, problem
    assert not (tmp_path / "disks").exists()


NAMES = ["", "..", "../x", "a b", "a\n", "ä", "-a", "a" * 64, "a/b", "<a>", "a&b", "a;b", "a\u0000", "%2e%2e"]
#: field → values that can't be used
BAD: dict[str, list[Any]] = {
    "name": [*NAMES, None, 7, ["a"], {"a": 1}],
    "memory": [0, -1, 63, 2**40, "2048", 2048.5, True, None, []],
    "vcpus": [0, -1, 10_000, "2", 2.5, True, None],
    "diskSize": [0, -1, 10**9, "20", 20.5, None],
    "network": ["", "a b", "<x/>", "default'/><disk", "a" * 64, None, 7, "../x"],
    "imageUrl": ["", "a" * 3000, 7, [], "javascript:x", "https://a b/", "https://u:p@example.org/a"],
    "imageSha256": ["", "0" * 63, "z" * 64, 7],
    "sshKeys": ["my-key", [""], ["../x"], [7], ["k"] * 65, None],
    "publicKeys": [
        ["ssh-rsa"],
        ["x"],
        ["ssh-ed25519 AAAA\nssh-rsa BBBB"],
        ["-----BEGIN OPENSSH PRIVATE KEY-----"],
        [7],
        None,
    ],
    "user": ["", "Root", "a b", "a\n", "0a", "a" * 33, 7],
    "autostart": ["true", 1, None],
    "wait": ["false", 0, None],
    "timeout": [0, -1, 3601, 1.0, "300", True, None],
    "surprise": [1, None],
}


@pytest.mark.parametrize("field", BAD)
def test_values_that_cannot_be_used_change_nothing(http: Http, tmp_path: Path, field: str) -> None:
    for value in BAD[field]:
        body = json.dumps({"name": "one", "imageUrl": "https://127.0.0.1/a.img", field: value}).encode()
        status, problem = http("POST", "/api/vms", content=body, headers={"Content-Type": "application/json"})
        assert status == 422, (value, problem)
        assert any(word in str(problem) for word in (field, "key", "image")), (value, problem)
    assert not (tmp_path / "disks").exists()
    assert [one["name"] for one in http("GET", "/api/vms")[1]["vms"]] == ["test"]


def test_odd_names_in_a_path_are_refused(http: Http) -> None:
    for name in NAMES:
        refused(http, name, quote(name, safe=""))


def refused(http: Http, name: str, part: str) -> None:
    for method, path in (
        ("GET", f"/api/vms/{part}"), ("DELETE", f"/api/vms/{part}"), ("POST", f"/api/vms/{part}/start"),
        ("GET", f"/api/ssh-keys/{part}/public"), ("DELETE", f"/api/ssh-keys/{part}"),
    ):  # fmt: skip
        answer = http.client.request(
            method, path, headers={"Authorization": f"Bearer {http.token}"}, follow_redirects=False
        )
        assert answer.status_code in (404, 405, 422), (method, path, answer.text)


BODIES = [
    (b"", "application/json", 422), (b"{", "application/json", 400), (b"[]", "application/json", 422), (b"null", "application/json", 422),
    (b'"x"', "application/json", 422), (b'{"name": NaN}', "application/json", 400), (b'{"name": "\xff"}', "application/json", 400),
    (b'{"name": "one", "memory": 1e999}', "application/json", 400), (b"[" * 100_000, "application/json", 400),
    (b'{"name": "one", "name": "two"}', "application/json", 400), (b'{"name": "\\ud800"}', "application/json", 400),
    (b'{"name": "one"}', "text/plain", 415), (b"name=one", "application/x-www-form-urlencoded", 415),
    (b'{"name": "' + b"a" * 2_000_000 + b'"}', "application/json", 413),
]  # fmt: skip


def test_odd_bodies(http: Http) -> None:
    for body, kind, status in BODIES:
        got, problem = http("POST", "/api/vms", content=body, headers={"Content-Type": kind})
        assert got == status, (body[:50], problem)


def test_what_was_sent_is_not_repeated(http: Http) -> None:
    _, problem = http("POST", "/api/vms", {"name": "one", "publicKeys": 7, "memory": "hunter2"})
    assert "hunter2" not in str(problem)
    assert {one["where"] for one in problem["errors"]} == {"body.publicKeys", "body.memory"}


# --- who may come in ----------------------------------------------------------------------------------------------


def test_nobody_without_a_token(client: TestClient, tokens: Tokens) -> None:
    tokens.make("one", "read")
    for given in ("", "nonsense"):
        status, _ = Http(client, given)("GET", "/api/vms")
        assert status == 401
    assert client.get("/api/vms").headers["www-authenticate"] == "Bearer"
    assert client.get("/api/vms", headers={"Authorization": "Basic eDp5"}).status_code == 401
    assert Http(client)("GET", "/healthz") == (200, "OK")
    assert Http(client)("GET", "/openapi.json")[0] == 200


PATHS = [
    (one.method, one.path.replace("{name}", "test").replace("{vm}", "test"), one.scope) for one in ACTIONS
]
PATHS += [("POST", f"/tools/{one.name}", one.scope) for one in ACTIONS if one.tool]


@pytest.mark.parametrize(("method", "path", "needed"), PATHS)
def test_a_token_allows_its_scope_and_no_more(
    client: TestClient, tokens: Tokens, method: str, path: str, needed: str
) -> None:
    order = ["read", "lifecycle", "destructive"]
    for has in order:
        status, _ = Http(client, tokens.make(f"for-{has}", has))(method, path)  # type: ignore[arg-type]
        assert (status == 403) == (order.index(has) < order.index(needed)), (has, status)


@pytest.mark.parametrize(
    "path", ["/api/vms/test/stop%0A", "/api/vms/test//stop", "/api/vms/test/stop/", "/API/vms/test/stop"]
)
def test_another_spelling_of_a_path_lets_nobody_in(client: TestClient, tokens: Tokens, path: str) -> None:
    reader = Http(client, tokens.make("reader", "read"))
    answer = client.post(path, headers={"Authorization": f"Bearer {reader.token}"}, follow_redirects=False)
    assert answer.status_code in (307, 403, 404, 405)
    assert reader("GET", "/api/vms/test")[1]["state"] == "running"


def test_a_token_that_was_removed_is_worthless(
    client: TestClient, tokens: Tokens, settings: Settings
) -> None:
    token = tokens.make("one", "read")
    assert Http(client, token)("GET", "/api/vms")[0] == 200
    assert token not in settings.tokens.read_text()
    assert settings.tokens.stat().st_mode & 0o777 == 0o600
    tokens.remove("one")
    assert Http(client, token)("GET", "/api/vms")[0] == 401
    settings.tokens.write_text("{")
    assert Http(client, token)("GET", "/api/vms")[0] == 500


# --- tools --------------------------------------------------------------------------------------------------------

EIGHT = {
    "vm_list", "vm_create", "vm_start", "vm_stop", "vm_delete", "ssh_key_generate", "ssh_key_list",
}  # fmt: skip


def test_the_tools_have_names_and_parameters(http: Http) -> None:
    _, told = http("GET", "/tools")
    assert {one["name"] for one in told["tools"]} >= EIGHT
    [create] = [one for one in told["tools"] if one["name"] == "vm_create"]
    assert set(create["parameters"]["properties"]) >= {
        "name",
        "memory",
        "vcpus",
        "diskSize",
        "network",
        "imageUrl",
    }
    assert create["parameters"]["required"] == ["name"]
    _, openai = http("GET", "/tools.json")
    assert (openai["format"], openai["toolCount"]) == ("openai-function-calling", len(told["tools"]))
    assert [one["function"] for one in openai["tools"]] == told["tools"]
    assert set(openai) == {"version", "generatedAt", "format", "tools", "toolCount"}


def test_tools_do_what_endpoints_do(http: Http) -> None:
    assert http("POST", "/tools/vm_list") == http("GET", "/api/vms")
    key = http("POST", "/tools/ssh_key_generate", {"name": "k", "type": "ed25519"})
    assert key[0] == 200
    assert http("POST", "/tools/ssh_key_list", {}) == (200, {"keys": [key[1]]})
    assert http("POST", "/tools/none", {})[0] == 404
    assert http("POST", "/tools/vm_start", {"name": "none"})[0] == 404
    status, problem = http("POST", "/tools/vm_start", {"nmae": "x"})
    assert status == 422
    assert {one["where"] for one in problem["errors"]} == {"name", "nmae"}


def test_openapi_names_every_error_and_the_token(http: Http) -> None:
    _, schema = http("GET", "/openapi.json")
    assert schema["openapi"].startswith("3.1")
    create = schema["paths"]["/api/vms"]["post"]
    assert {"200", "401", "403", "404", "409", "422", "503"} <= set(create["responses"])
    assert create["security"] == [{"token": []}]
    assert "application/problem+json" in create["responses"]["422"]["content"]
    body = create["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = schema["components"]["schemas"][body]["properties"]
    assert {key: fields[key].get("default") for key in ("memory", "vcpus", "diskSize", "network")} == {
        "memory": 2048, "vcpus": 2, "diskSize": 20, "network": "default",
    }  # fmt: skip
    operations = [one["operationId"] for path in schema["paths"].values() for one in path.values()]
    assert len(operations) == len(set(operations)) >= len(ACTIONS)
