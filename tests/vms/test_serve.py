"""`mngr vm serve` as a process, on a real libvirt: the seed's calls, by HTTP."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from support import shop as shops
from support.vms import Place


@pytest.fixture
def service(place: Place, tmp_path: Path) -> Iterator[httpx2.Client]:
    token = place.told("token", "create", "tests", "--scope", "destructive")["token"]
    env = {**place.env, "SSH_KEY_DIR": str(tmp_path / "keys"), "VM_PROVISIONER_PRIVATE_IMAGES": "true"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mngr", "vm", "serve", "--port", "0"],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        url = process.stdout.readline().removeprefix("serving at ").strip()
        with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def told(answer: httpx2.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_seeds_calls(service: httpx2.Client, place: Place, blank: Path, tmp_path: Path) -> None:
    body = blank.read_bytes()
    with shops.open_shop() as shop:
        shop.files["/blank.img"] = (body, '"v1"')
        asked = {
            "name": "one", "memory": 64, "vcpus": 1, "diskSize": 1, "network": "user", "sshKeys": ["k"],
            "imageUrl": shop.url("/blank.img", host="127.0.0.1"), "imageSha256": hashlib.sha256(body).hexdigest(),
            "wait": False,
        }  # fmt: skip
        assert "'k'" in told(service.post("/api/vms", json=asked), 404)["detail"]
        told(service.post("/api/ssh-keys", json={"name": "k", "type": "ed25519"}))
        vm = told(service.post("/api/vms", json=asked))
        assert told(service.post("/tools/vm_create", json=asked))["uuid"] == vm["uuid"]
        assert told(service.post("/api/vms", json={**asked, "memory": 128}), 409)["hint"]
        other = told(service.post("/api/vms", json={**asked, "name": "two"}))
        assert [path for path, _ in shop.asked] == ["/blank.img"]
    assert (vm["state"], vm["memory"], vm["vcpus"], vm["ip"]) == ("running", 64, 1, "127.0.0.1")
    row = {name: vm[name] for name in ("name", "uuid", "state", "memory", "vcpus", "autostart")}
    assert told(service.get("/api/vms"))["vms"] == [row, {**row, "name": "two", "uuid": other["uuid"]}]
    assert told(service.get("/api/vms/one")) == vm
    assert told(service.post("/api/vms/one/start")) == {"status": "started", "vm": "one"}
    assert "didn't shut down" in told(service.post("/api/vms/one/stop", json={"timeout": 0}), 504)["detail"]
    stopped = {"status": "stopped", "vm": "one"}
    assert told(service.post("/api/vms/one/stop", json={"timeout": 0, "force": True})) == stopped
    assert told(service.post("/api/vms/one/stop")) == stopped
    assert told(service.get("/api/vms/one"))["noAddress"] == "it is stopped"
    told(service.post("/api/vms/one/start"))
    for name in ("one", "two"):
        assert told(service.delete(f"/api/vms/{name}")) == {"status": "deleted", "vm": name}
    told(service.delete("/api/vms/one"), 404)
    [image] = told(service.get("/api/images"))["images"]
    assert image["sha256"] == asked["imageSha256"]
    assert [name for name in place.files() if not name.startswith("images/")] == []
    host = told(service.get("/api/host"))
    assert host["acceleration"] in ("kvm", "tcg")
    assert host["libvirt"].count(".") == 2


def test_it_takes_tokens_or_loopback(place: Place, tmp_path: Path) -> None:
    refused = place.mngr("serve", "--port", "0", code=2).stderr
    assert "nobody has a token yet" in refused
    assert (
        "whole network" in place.mngr("serve", "--port", "0", "--host", "0.0.0.0", "--no-auth", code=2).stderr
    )
    assert "no address" in place.mngr("serve", "--host", "nowhere", code=2).stderr


def test_tokens_and_keys_on_the_command_line(place: Place, tmp_path: Path) -> None:
    place.env["SSH_KEY_DIR"] = str(tmp_path / "keys")
    made = place.told("token", "create", "one")
    assert made["scope"] == "read"
    assert made["token"] not in place.mngr("token", "list").stdout
    assert place.told("token", "list") == {"tokens": [{"name": "one", "scope": "read"}]}
    place.mngr("token", "create", "one", code=4)
    place.mngr("token", "delete", "one")
    place.mngr("token", "delete", "one", code=3)
    key = place.told("key", "create", "k", "--type", "ed25519", "--comment", "a b")
    assert place.mngr("key", "show", "k").stdout == key["public_key"] + "\n"
    assert json.loads(place.mngr("key", "list", "--format", "json").stdout) == {"keys": [key]}
    assert place.mngr("key", "list", "-q").stdout == "k\n"
    place.mngr("key", "create", "k", code=4)
    place.mngr("key", "create", "../k", code=2)
    place.mngr("key", "delete", "k", code=2)  # asks, and nobody is there
    place.mngr("key", "delete", "k", "--yes")
    assert list((tmp_path / "keys").iterdir()) == []
