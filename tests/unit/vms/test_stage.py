"""How far cloud-init has come, as a guest agent tells; whatever a guest says, it is no more than that."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from mngr.vms import stage


class LibvirtError(Exception):
    pass


HYPERVISOR: Any = SimpleNamespace(libvirt=SimpleNamespace(libvirtError=LibvirtError))


class Agent:
    def __init__(self, content: bytes) -> None:
        self.content, self.open = content, 0

    def __call__(self, asked: str) -> str:
        words = json.loads(asked)
        match words["execute"]:
            case "guest-file-open":
                assert words["arguments"] == {"path": "/run/cloud-init/status.json", "mode": "r"}
                self.open += 1
                return '{"return": 1000}'
            case "guest-file-read":
                return json.dumps(
                    {"return": {"buf-b64": base64.b64encode(self.content).decode(), "eof": True}}
                )
            case "guest-file-close":
                self.open -= 1
                return '{"return": {}}'
            case other:
                raise AssertionError(other)


def status(now: str | None, begun: int, finished: int) -> bytes:
    stages: dict[str, object] = {
        name: {"start": 1.5 if at < begun else None, "finished": 2.5 if at < finished else None, "errors": []}
        for at, name in enumerate(stage.STAGES)
    }
    return json.dumps({"v1": {**stages, "stage": now, "datasource": None}}).encode()


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (status("init-local", 1, 0), "init-local"),
        (status("modules-config", 3, 2), "modules-config"),
        (status(None, 2, 2), "init"),
        (status(None, 0, 0), ""),
        (status(None, 4, 4), "done"),
        (status("<script>", 2, 2), "init"),
        (b"", ""),
        (b"[]", ""),
        (b'{"v1": 7}', ""),
        (b'{"v1": {"stage": ["a"]}}', ""),
        (b'{"v1": {"stage": null, "modules-final": 7}}', ""),
        (b"\xff", ""),
    ],
)
def test_the_stage_that_runs_or_the_last_that_began(told: bytes, found: str) -> None:
    agent = Agent(told)
    assert stage.find(HYPERVISOR, None, agent) == found
    assert agent.open == 0


@pytest.mark.parametrize("answer", [LibvirtError("no agent"), "", "[]", '{"error": {}}', '{"return": null}'])
def test_without_an_agent_that_answers_nothing_is_known(answer: Any) -> None:
    def call(asked: str) -> str:
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    assert stage.find(HYPERVISOR, None, call) == ""
