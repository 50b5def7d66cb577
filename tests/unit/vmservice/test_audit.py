"""The audit log, and how often somebody may call."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput
from mngr.vmservice import audit, rate
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.audit import Audit, Entry
from mngr.vmservice.rate import Buckets, neighbours
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings, read
from support.vm_http import Http


def lines(settings: Settings) -> list[dict[str, Any]]:
    assert settings.audit_file
    return [json.loads(line) for line in settings.audit_file.read_text().splitlines()]


KEY = {"name": "k", "type": "ed25519", "comment": "hunter2"}


def test_a_change_is_noted_before_and_after(http: Http, settings: Settings) -> None:
    assert http("POST", "/api/ssh-keys", KEY)[0] == 200
    begin, end = lines(settings)
    assert (begin["event"], end["event"], begin["id"]) == ("begin", "end", end["id"])
    for one in (begin, end):
        assert (one["who"], one["scope"], one["action"], one["target"]) == (
            "all",
            "destructive",
            "ssh_key_generate",
            "k",
        )
        assert (one["method"], one["path"], one["from"]) == ("POST", "/api/ssh-keys", "testclient")
        assert one["at"].endswith("Z")
    assert (end["status"], end["seconds"] >= 0) == (200, True)
    assert settings.audit_file
    assert stat.S_IMODE(settings.audit_file.stat().st_mode) == 0o600


def test_reads_tools_and_what_is_refused_are_noted(
    http: Http, client: TestClient, settings: Settings, tokens: Tokens
) -> None:
    http("GET", "/api/vms/test")
    http("POST", "/tools/vm_stop", {"name": "none"})
    client.get("/api/vms", headers={"Authorization": "Bearer secret-guess"})
    Http(client, tokens.make("reader", "read"))("DELETE", "/api/vms/test")
    client.get("/api/vms?token=secret-query")
    http("POST", "/api/ssh-keys", {"name": "../x", "comment": "secret-body"})
    client.get("/healthz")
    found = lines(settings)
    told = [(one["event"], one["who"], one["action"], one["target"], one.get("status")) for one in found]
    assert told == [
        ("call", "all", "vm_show", "test", 200), ("begin", "all", "vm_stop", "none", None), ("end", "all", "vm_stop", "none", 404),
        ("call", "", "", "", 401), ("call", "reader", "vm_delete", "", 403), ("call", "", "", "", 401),
        ("call", "all", "ssh_key_generate", "", 422),
    ]  # fmt: skip
    assert "secret" not in str(found)
    assert http.token not in str(found)


def test_an_operation_is_noted_with_its_call_and_its_end(
    http: Http, client: TestClient, settings: Settings
) -> None:
    headers = {"Authorization": f"Bearer {http.token}", "Prefer": "respond-async"}
    begun = client.post("/api/vms/test/start", headers=headers)
    assert begun.status_code == 202
    id = begun.json()["id"]
    client.get(f"/api/operations/{id}?wait=20", headers=headers)
    told = {one["event"]: one for one in lines(settings) if one["operation"] == id}
    assert (told["end"]["status"], told["operation"]["outcome"]) == (202, "done")
    assert (told["operation"]["action"], told["operation"]["target"]) == ("vm_start", "test")


def test_without_its_log_nothing_is_changed_and_reads_go_on(
    settings: Settings, tokens: Tokens, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    broken = dataclasses.replace(settings, audit=str(tmp_path / "file" / "audit.jsonl"))
    (tmp_path / "file").touch()
    with TestClient(make(Service(broken), tokens)) as client:
        http = Http(client, tokens.make("all", "destructive"))
        status, problem = http("POST", "/api/ssh-keys", KEY)
        assert (status, "audit log" in problem["detail"]) == (503, True)
        assert http("GET", "/api/ssh-keys") == (200, {"keys": []})
        assert http("GET", "/healthz") == (200, "OK")
    assert "the audit log can't be written" in caplog.text


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda fd, data: 3)
    with pytest.raises(Exception, match="nothing is changed"):
        Audit(tmp_path / "audit.jsonl").begin(Entry("", "POST", "/", 0))


def test_its_files_are_bounded(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    log = Audit(file, most_bytes=2000)
    for number in range(100):
        log.end(Entry("127.0.0.1", "GET", f"/{number}", 0), 200, 1)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["audit.jsonl", *(f"audit.jsonl.{number}" for number in range(1, audit.MOST_OLD + 1))]
    assert all(path.stat().st_size <= 2000 for path in tmp_path.iterdir())
    assert json.loads(file.read_text().splitlines()[-1])["path"] == "/99"
    assert len(tmp_path.joinpath("audit.jsonl.1").read_text()) > 1500


def test_it_goes_to_standard_error_if_that_is_wanted(
    settings: Settings, tokens: Tokens, capsys: pytest.CaptureFixture[str]
) -> None:
    with TestClient(make(Service(dataclasses.replace(settings, audit="stderr")), tokens)) as client:
        client.get("/api/vms")
    assert json.loads(capsys.readouterr().err.splitlines()[-1])["status"] == 401


def test_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNGR_HOME", str(tmp_path))
    assert (read({}).audit_file, read({}).rate) == (tmp_path / "vmservice" / "audit.jsonl", rate.DEFAULT_RATE)
    told = read({"VM_PROVISIONER_AUDIT": "stderr", "VM_PROVISIONER_RATE": "7"})
    assert (told.audit_file, told.rate) == (None, 7)
    for name, text in (
        ("AUDIT", "x"), ("AUDIT", "../x"), ("RATE", "-1"), ("RATE", "1.5"), ("RATE", "x"), ("OPEN_METRICS", "maybe"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=f"VM_PROVISIONER_{name}"):
            read({f"VM_PROVISIONER_{name}": text})


# --- how often ----------------------------------------------------------------------------------------------------


class Moved(Clock):
    """Stands still but for `at`."""

    at = 1_700_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return SYSTEM.monotonic()

    def sleep(self, seconds: float) -> None:
        SYSTEM.sleep(seconds)


def test_a_bucket_fills_again() -> None:
    clock = Moved()
    bucket = Buckets(2, 4, clock.now)
    assert [bucket.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]
    assert bucket.take("b") == 0
    clock.at += 0.5
    assert [bucket.take("a") for _ in range(2)] == [0, 0.5]
    clock.at -= 100  # the clock was set back
    assert bucket.take("a") == 0.5
    clock.at += 1000
    assert [bucket.take("a") for _ in range(5)] == [0, 0, 0, 0, 0.5]


def test_many_addresses_take_bounded_memory() -> None:
    bucket = Buckets(1, 1, lambda: 0, keys=100)
    for number in range(10_000):
        assert bucket.take(str(number)) == 0
    assert len(bucket._left) == 100


def test_an_ipv6_network_is_one() -> None:
    assert neighbours("2001:db8::1") == neighbours("2001:db8::ffff:2") != neighbours("2001:db8:0:1::1")
    assert neighbours("::ffff:192.0.2.1") == neighbours("192.0.2.1") == "192.0.2.1"
    assert neighbours("testclient") == "testclient"


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
def slow(settings: Settings, tokens: Tokens, clock: Moved) -> Any:
    """A service that takes 2 calls a second, 20 at once."""
    with TestClient(make(Service(dataclasses.replace(settings, rate=2), clock), tokens)) as client:
        yield client


def test_who_calls_too_often_is_told_when_to_come_again(
    slow: TestClient, tokens: Tokens, clock: Moved
) -> None:
    busy, other = Http(slow, tokens.make("busy", "read")), Http(slow, tokens.make("other", "read"))
    statuses = [busy("GET", "/api/ssh-keys")[0] for _ in range(25)]
    assert statuses == [200] * 20 + [429] * 5
    refused = slow.get("/api/ssh-keys", headers={"Authorization": f"Bearer {busy.token}"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["title"] == "Too Many Requests"
    assert other("GET", "/api/ssh-keys")[0] == 200
    clock.at += 1
    assert busy("GET", "/api/ssh-keys")[0] == 200


def test_who_guesses_tokens_is_slowed_down_and_hinders_nobody(
    slow: TestClient, tokens: Tokens, settings: Settings
) -> None:
    good = Http(slow, tokens.make("good", "read"))
    guesses = [Http(slow, f"guess{number}")("GET", "/api/vms")[0] for number in range(40)]
    assert guesses == [401] * 30 + [429] * 10
    assert good("GET", "/api/ssh-keys")[0] == 200
    noted = [one["status"] for one in lines(settings)]
    assert noted == [401] * 30 + [429, 200]  # one of those that came too often, and not all
