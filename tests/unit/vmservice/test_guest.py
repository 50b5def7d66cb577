"""Waiting for a VM, and commands in it, with a guest agent that the test plays."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from mngr.model.errors import TimedOut
from mngr.vms import addresses, guest_command, library
from mngr.vmservice import guest
from support.vm_http import Http


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait is over after three looks."""
    for module in (guest, guest_command):
        monkeypatch.setattr(module, "looks", lambda *_, **__: iter([None] * 3))


Answers = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def plays(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answers], None]:
    """Has all guests' agents answer so."""

    def play(answers: Answers) -> None:
        def command(domain: Any, asked: str, seconds: int, flags: int) -> str:
            told = json.loads(asked)
            return json.dumps({"return": answers(told["execute"], told["arguments"])})

        monkeypatch.setattr(library, "agent_command", lambda: command)

    return play


def test_a_command_s_end_is_told(http: Http, plays: Callable[[Answers], None]) -> None:
    looks: list[int] = []

    def answers(verb: str, asked: dict[str, Any]) -> Any:
        if verb == "guest-exec":
            assert asked == {"path": "/bin/sh", "arg": ["-c", "echo é; exit 3"], "capture-output": True}
            return {"pid": 7}
        looks.append(asked["pid"])
        if len(looks) < 3:
            return {"exited": False}
        return {"exited": True, "exitcode": 3, "out-data": base64.b64encode("é\n".encode()).decode()}

    plays(answers)
    status, told = http("POST", "/api/vms/test/exec", {"command": "echo é; exit 3"})
    assert (status, told) == (200, {"vm": "test", "exitCode": 3, "stdout": "é\n", "stderr": "", "cut": False})
    assert looks == [7, 7, 7]
    assert http("POST", "/tools/vm_exec", {"name": "test", "command": "echo é; exit 3"})[1] == told


def test_what_it_writes_has_a_limit(http: Http, plays: Callable[[Answers], None]) -> None:
    much = base64.b64encode(b"x" * 300_000).decode()
    plays(
        lambda verb, _: (
            {"pid": 1} if verb == "guest-exec" else {"exited": True, "signal": 9, "err-data": much}
        )
    )
    told = http("POST", "/api/vms/test/exec", {"command": "yes"})[1]
    assert (told["exitCode"], len(told["stderr"]), told["cut"]) == (137, 262_144, True)


@pytest.mark.parametrize(
    ("answers", "status", "word"),
    [
        (lambda verb, _: {"pid": 1} if verb == "guest-exec" else {"exited": False}, 504, "goes on as process 1"),
        (lambda verb, _: {"pid": 1} if verb == "guest-exec" else {"exited": True, "exitcode": "x"}, 500, "can't be read"),
        (lambda *_: [], 500, "can't be read"),
    ],
)  # fmt: skip
def test_what_goes_wrong_in_the_guest_is_told(
    http: Http, plays: Callable[[Answers], None], answers: Answers, status: int, word: str
) -> None:
    plays(answers)
    told = http("POST", "/api/vms/test/exec", {"command": "x", "timeout": 1})
    assert told[0] == status
    assert word in told[1]["detail"]


def test_a_vm_without_an_agent_says_what_it_takes(http: Http) -> None:
    """libvirt's made-up hypervisor has none."""
    status, told = http("POST", "/api/vms/test/exec", {"command": "x"})
    assert status == 409
    assert "qemu-guest-agent" in told["hint"]
    assert http("POST", "/api/vms/gone/exec", {"command": "x"})[0] == 404


def test_a_vm_that_is_off(http: Http) -> None:
    waits = {"until": "off", "timeout": 1}
    status, told = http("POST", "/api/vms/test/wait", waits)
    assert (status, told["detail"]) == (409, "VM test isn't off after 1 s, it is running")
    assert http("POST", "/api/vms/test/stop", {"timeout": 0, "force": True})[0] == 200
    assert http("POST", "/api/vms/test/wait", waits)[1]["state"] == "stopped"
    assert http("POST", "/api/vms/test/exec", {"command": "x"})[0] == 409
    assert http("POST", "/api/vms/test/start")[0] == 200


def test_a_wait_for_ssh_says_why_it_is_over(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise TimedOut("it has no address")

    monkeypatch.setattr(addresses, "wait_for_ssh", never)
    status, told = http("POST", "/api/vms/test/wait", {"timeout": 1})
    assert (status, told["detail"]) == (409, "it has no address")
    monkeypatch.setattr(addresses, "wait_for_ssh", lambda *_: None)
    status, told = http("POST", "/api/vms/test/wait", {"timeout": 1})
    assert (status, told["name"]) == (200, "test")
