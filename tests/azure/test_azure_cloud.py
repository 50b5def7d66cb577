"""The cloud over an ARM that says what a test wants: what is concluded from its answers, and what is sent in which order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from mngr.backends.azure import agent_tags, bodies
from mngr.backends.azure.arm import Arm
from mngr.backends.azure.cloud import AzureCloud
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.machines import machine
from mngr.backends.azure.offers import Offers
from mngr.backends.azure.prices import Prices
from mngr.model.ids import new_agent_id
from mngr.model.records import AgentRecord
from mngr.vps_docker.vps_client import MachineSpec
from support.rented import ManualClock

SUB = "11111111-aaaa-4bbb-8ccc-222222222222"
TAGS = "/providers/Microsoft.Resources/tags/default"
SPEC = MachineSpec(
    host_id="host-0123456789abcdef", name="box", plan="Standard_B2s", region="westus",
    image="Debian:debian-12:12-gen2:latest", public_key="ssh-ed25519 AAAA me",
)  # fmt: skip

Say = Callable[[str, str, Any], tuple[Any, ...]]


class Login:
    def token(self) -> str:
        return "TOKEN"

    def drop(self) -> None: ...


def cloud(say: Say, folder: Path, **settings: Any) -> SimpleNamespace:
    """Our cloud, whose every call is answered by `say(method, path below the group, body)`; `asked` has them."""
    clock, asked = ManualClock(), []
    config = AzureConfig(**settings)

    def handle(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.partition(f"/resourceGroups/{config.resource_group}")[2] or request.url.path
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, path, body))
        status, said, headers = (*say(request.method, path, body), {})[:3]
        return httpx2.Response(
            status, headers=headers, **({"content": b""} if said is None else {"json": said})
        )

    arm = Arm(Login(), SUB, clock=clock, transport=httpx2.MockTransport(handle))  # type: ignore[arg-type]
    made = AzureCloud(arm, config, Offers(arm, Prices("http://127.0.0.1:9", folder, clock)), clock)
    return SimpleNamespace(cloud=made, asked=asked, clock=clock)


def no(status: int, code: str) -> tuple[Any, ...]:
    return status, {"error": {"code": code, "message": "because"}}


def statuses(*codes: str) -> list[dict[str, str]]:
    return [{"code": code} for code in codes]


def row(tags: dict[str, str] | None = None, state: str = "Succeeded") -> dict[str, Any]:
    return {
        "name": "box",
        "location": "westus",
        "tags": tags or {},
        "properties": {"provisioningState": state},
    }


def agent(name: str) -> AgentRecord:
    return AgentRecord(id=new_agent_id(), name=name, created_at="2026-11-29T08:00:00Z")


class Tagged:
    """A VM of which only the tags matter, as Azure keeps them; `most`: how many there ever were."""

    def __init__(self, tags: dict[str, str]) -> None:
        self.tags, self.most = dict(tags), len(tags)

    def __call__(self, method: str, path: str, body: Any) -> tuple[Any, ...]:
        if not path.endswith(TAGS):
            return 200, row(self.tags)
        if method == "PATCH":
            for key, value in body["properties"]["tags"].items():
                if body["operation"] == "Merge":
                    self.tags[key] = value
                else:
                    self.tags.pop(key, None)
            self.most = max(self.most, len(self.tags))
        return 200, {"properties": {"tags": self.tags}}


def test_a_new_vm_says_that_it_has_no_agents() -> None:
    say = cloud(lambda *call: (200, {}), Path("/nonexistent")).cloud
    tags = bodies.vm(say.group, say.config, SPEC, "")["tags"]
    assert agent_tags.whole(tags) == []


def test_agents_are_all_there_are_only_if_their_tags_are_whole(tmp_path: Path) -> None:
    vm = Tagged({agent_tags.COUNT: "0"})
    one = cloud(vm, tmp_path).cloud
    first, second = agent("a1"), agent("a2")
    one.keep_agents("box", [first])
    one.keep_agents("box", [second])
    assert {each.name for each in machine(row(vm.tags), [], "").agents or []} == {"a1", "a2"}
    lost = {key: value for key, value in vm.tags.items() if first.id not in key}
    assert machine(row(lost), [], "").agents is None
    assert machine(row({}), [], "").agents is None
    vm.tags = lost
    one.keep_agents("box", [agent("a3")])
    assert machine(row(vm.tags), [], "").agents is None  # two are read, and none of them is the lost one
    assert [each.name for each in agent_tags.read(vm.tags)]


def test_a_vm_never_has_more_tags_than_azure_takes(tmp_path: Path) -> None:
    """30 of others, and agents until they are packed, and back."""
    vm = Tagged({agent_tags.COUNT: "0", **{f"theirs-{at}": "x" for at in range(30)}})
    one = cloud(vm, tmp_path).cloud
    many = [agent(f"a{at}") for at in range(12)]
    for each in many:
        one.keep_agents("box", [each])
    for each in many[1:]:
        one.keep_agents("box", [], [each.id])
    assert vm.most <= 50
    assert agent_tags.whole(vm.tags) == many[:1]
    assert len([key for key in vm.tags if key.startswith("theirs")]) == 30


def test_another_group_is_another_account(tmp_path: Path) -> None:
    first = cloud(lambda *call: (200, {}), tmp_path).cloud.account()
    second = cloud(lambda *call: (200, {}), tmp_path, resource_group="other").cloud.account()
    assert first == f"subscription {SUB}, group mngr"
    assert second == f"subscription {SUB}, group other"


@pytest.mark.parametrize(
    ("state", "codes", "seen"),
    [
        ("Failed", ["ProvisioningState/failed/AllocationFailed", "PowerState/deallocated"], "stopped"),
        ("Canceled", ["PowerState/running"], "running"),
        ("Failed", ["ProvisioningState/failed/AllocationFailed"], "failed"),
        ("Failed", [], "failed"),
        ("Succeeded", ["PowerState/deallocated"], "stopped"),
    ],
)
def test_a_vm_whose_last_operation_failed_is_as_it_is_powered(
    state: str, codes: list[str], seen: str
) -> None:
    assert machine(row(state=state), statuses(*codes), "").state == seen
