"""`mngr vm` with VM_PROVISIONER_URL: the same words as on the service's own computer."""

from __future__ import annotations

import hashlib
import http.server
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from support import shop as shops
from support.vms import Place


@pytest.fixture
def there(place: Place, tmp_path: Path) -> Iterator[Place]:
    """The same libvirt as `place`, by a service."""
    place.env |= {"SSH_KEY_DIR": str(tmp_path / "keys"), "VM_PROVISIONER_PRIVATE_IMAGES": "true"}
    with served(place) as url:
        token = place.told("token", "create", "tests", "--scope", "destructive")["token"]
        yield by(place, url, token)


@contextmanager
def served(place: Place) -> Iterator[str]:
    place.mngr("token", "create", "first")
    process = subprocess.Popen(
        [sys.executable, "-m", "mngr", "vm", "serve", "--port", "0"],
        env=place.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        yield process.stdout.readline().removeprefix("serving at ").strip()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def by(place: Place, url: str, token: str) -> Place:
    """Without a libvirt of its own."""
    env = {key: value for key, value in place.env.items() if not key.startswith(("LIBVIRT", "SSH_KEY"))}
    env |= {"LIBVIRT_URI": "nonsense:///x", "VM_PROVISIONER_URL": url, "VM_PROVISIONER_TOKEN": token}
    return replace(place, env=env)


def same(place: Place, there: Place, *words: str, code: int = 0) -> str:
    """What both print, on each of their outputs."""
    told = [one.mngr(*words, code=code) for one in (place, there)]
    assert told[0].stdout == told[1].stdout, words
    assert told[0].stderr == told[1].stderr, words
    return told[1].stdout + told[1].stderr


def test_a_vm_s_life(place: Place, there: Place, blank: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pub"
    key.write_text(there.told("key", "create", "k", "--type", "ed25519", "--comment", "a b")["public_key"])
    body = blank.read_bytes()
    with shops.open_shop() as shop:
        shop.files["/blank.img"] = (body, '"v1"')
        image = [
            "--image",
            shop.url("/blank.img", host="127.0.0.1"),
            "--sha256",
            hashlib.sha256(body).hexdigest(),
        ]
        size = ["--memory", "64", "--vcpus", "1", "--disk", "1", "--network", "user", "--no-wait"]
        words = ["create", "one", *image, *size, "--key", str(key)]
        made = there.told(*words)
        assert (made["made"], made["vm"]["state"], made["vm"]["memory"]) == (True, "running", 64)
        assert place.told(*words) == there.told(*words) == {**made, "made": False}
        other = [*words, "--vcpus", "2"]
        assert "vcpus is 1, not 2" in same(place, there, *other, code=4)
    for read in (
        ["list"], ["list", "-q"], ["list", "--format", "json"], ["list", "--format", "{name} {state}"], ["show", "one"],
        ["show", "one", "--format", "json"], ["show", "one", "--format", "{ip}:{ssh_port} {spec.image}"], ["host"],
        ["image", "list", "--format", "json"], ["image", "list"], ["key", "list"], ["key", "show", "k"],
    ):  # fmt: skip
        same(place, there, *read)
    assert "ran already: one" in same(place, there, "start", "one", "--no-wait")
    late = same(place, there, "stop", "one", "--timeout", "1", code=1)
    assert "VM one didn't shut down within 1 s" in late
    taken = there.told("snapshot", "create", "one", "before")
    assert same(place, there, "snapshot", "list", "one", "--format", "json") != taken
    assert there.told("snapshot", "restore", "one", "before", "--yes")["state"] == "running"
    same(place, there, "snapshot", "restore", "one", "none", "--yes", code=3)
    assert there.told("snapshot", "delete", "one", "before", "--yes")["status"] == "deleted"
    assert "no snapshots" in same(place, there, "snapshot", "list", "one")
    injected = there.told("key", "inject", "one", "k", "--user", "dev")
    assert (injected["applied"], injected["user"]) == ("next boot", "dev")
    same(place, there, "key", "injected", "one", "--format", "json")
    assert there.told("key", "eject", "one", "k")["status"] == "ejected"
    assert there.mngr("stop", "one", "--force", "--timeout", "0").stdout.startswith("stopped one\n")
    assert "was off already: one" in same(place, there, "stop", "one")
    changed = there.told("resize", "one", "--memory", "128", "--disk", "2")
    assert (changed["changed"], changed["at_next_start"]) == (["memory", "disk"], [])
    assert "is defined so already" in same(place, there, "resize", "one", "--memory", "128")
    assert there.told("autostart", "one", "on")["vm"]["autostart"] is True
    assert there.told("clone", "one", "two")["made"] is True
    assert "was there: two" in same(place, there, "clone", "one", "two")
    assert there.mngr("start", "one", "--no-wait").stdout.startswith("started one\n")
    assert "wasn't reachable by SSH within 1 s" in there.mngr("start", "one", "--timeout", "1", code=1).stderr
    there.mngr("delete", "one", code=2)
    for name in ("one", "two"):
        assert there.told("delete", name, "--yes") == {"vm": name, "status": "deleted"}
    same(place, there, "delete", "one", "--yes", code=3)
    assert "no VMs" in same(place, there, "list")


def test_pools_and_keys(place: Place, there: Place, tmp_path: Path) -> None:
    words = ["pool", "create", tmp_path.name, "--path", str(tmp_path / "fast")]
    assert there.told(*words)["made"] is True
    assert "was there" in same(place, there, *words)
    assert "isn't the service's" in there.mngr("pool", "create", "x", "--path", "fast", code=2).stderr
    same(place, there, "pool", "list", "--format", "json")
    same(place, there, "pool", "show", tmp_path.name)
    there.mngr("pool", "delete", tmp_path.name, "--yes")
    same(place, there, "pool", "show", tmp_path.name, code=3)
    for words in (
        ["network", "show", "none"],
        ["show", "none"],
        ["template", "show", "debin-12"],
        ["key", "show", "k"],
    ):
        same(place, there, *words, code=3)
    for words in (
        ["network", "list"],
        ["template", "list", "--format", "json"],
        ["template", "show", "debian-12"],
    ):
        same(place, there, *words)


def test_what_goes_wrong(place: Place, there: Place) -> None:
    asked = ["create", "x", "--image", "https://x.org/y", "--memory", "1"]
    assert "memory" in there.mngr(*asked, code=2).stderr
    there.mngr("key", "create", "k", "--type", "ed25519")
    same(place, there, "key", "create", "k", code=4)
    secret = "not-a-token-of-its"
    for token in (secret, ""):
        stranger = replace(there, env={**there.env, "VM_PROVISIONER_TOKEN": token})
        refused = stranger.mngr("list", code=5)
        assert refused.stdout == ""
        assert "doesn't let us" in refused.stderr
        assert secret not in refused.stderr
    reader = place.told("token", "create", "reader")["token"]
    reading = replace(there, env={**there.env, "VM_PROVISIONER_TOKEN": reader})
    reading.mngr("list")
    assert "scope destructive" in reading.mngr("key", "delete", "k", "--yes", code=5).stderr


def test_one_that_is_no_service(place: Place) -> None:
    class Odd(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"vms": null}' if self.path.startswith("/api/vms") else b"<html>"
            self.send_response(404 if self.path.endswith("/none") else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        odd = by(place, f"http://127.0.0.1:{server.server_port}", "t")
        for words in (["list"], ["show", "one"], ["network", "list"], ["show", "none"], ["image", "list"]):
            refused = odd.mngr(*words, code=5)
            assert (refused.stdout, "a bug" in refused.stderr) == ("", False), refused.stderr
        server.shutdown()
