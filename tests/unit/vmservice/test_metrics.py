"""What Prometheus reads."""

from __future__ import annotations

import dataclasses

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from mngr.vmservice.access import Tokens
from mngr.vmservice.actions import ACTIONS
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(client: TestClient, token: str) -> Samples:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.text)
    return {(one.name, frozenset(one.labels.items())): one.value for each in families for one in each.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_vms_calls_and_operations(http: Http, client: TestClient) -> None:
    http("GET", "/api/vms")
    http("GET", "/api/vms/none")
    http("POST", "/api/vms/test/start")
    samples = read(client, http.token)
    assert value(samples, "mngr_vm_libvirt_up") == 1
    assert value(samples, "mngr_vm_state", vm="test", state="running") == 1
    assert value(samples, "mngr_vm_state", vm="test", state="stopped") == 0
    assert value(samples, "mngr_vm_memory_bytes", vm="test") == 8 * 1024**3
    assert value(samples, "mngr_vm_vcpus", vm="test") == 2
    assert value(samples, "mngr_vm_cpu_seconds_total", vm="test") > 0
    assert value(samples, "mngr_vm_calls_total", action="vm_list", status="200") == 1
    assert value(samples, "mngr_vm_calls_total", action="vm_show", status="404") == 1
    assert value(samples, "mngr_vm_call_seconds_count", action="vm_list") == 1
    assert value(samples, "mngr_vm_operations_total", action="vm_start", outcome="done") == 1


def test_its_labels_are_nothing_that_strangers_send(http: Http, client: TestClient) -> None:
    for number in range(50):
        client.get(f"/x{number}")
        http("GET", f"/api/vms/n{number}")
        http("POST", f"/tools/t{number}")
    samples = read(client, http.token)
    actions = {labels["action"] for name, found in samples if "action" in (labels := dict(found))}
    assert actions <= {*(one.name for one in ACTIONS), "none", "metrics"}
    vms = {dict(found).get("vm", "") for name, found in samples}
    assert vms == {"", "test"}


def test_it_takes_a_token(tokens: Tokens, client: TestClient) -> None:
    assert client.get("/metrics").status_code == 401
    assert read(client, tokens.make("reader", "read"))


def test_it_takes_none_if_it_is_open(settings: Settings, tokens: Tokens) -> None:
    service = Service(dataclasses.replace(settings, open_metrics=True))
    with TestClient(make(service, tokens)) as client:
        assert read(client, "")
        assert client.get("/api/vms").status_code == 401


def test_a_libvirt_that_is_away_is_told(settings: Settings, tokens: Tokens) -> None:
    dead = {**settings.libvirt_env, "LIBVIRT_URI": "qemu+unix:///system?socket=/nonexistent/socket"}
    with TestClient(make(Service(dataclasses.replace(settings, libvirt_env=dead)), tokens)) as client:
        samples = read(client, tokens.make("reader", "read"))
    assert value(samples, "mngr_vm_libvirt_up") == 0
    assert not [name for name, labels in samples if dict(labels).get("vm")]
