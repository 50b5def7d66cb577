"""/mcp, by the official SDK's own client of both eras, and as it is on the wire."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

pytest.importorskip("mcp", reason="the MCP SDK isn't installed")

from mcp import Client

from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.mcp_clients import ERAS, listening, modern, over_http

SEEDS = {
    "vm_list", "vm_create", "vm_start", "vm_stop", "vm_delete", "vm_inject_ssh_key", "ssh_key_generate", "ssh_key_list",
}  # fmt: skip


@pytest.fixture
def url(settings: Settings, tokens: Tokens) -> Iterator[str]:
    with listening(make(Service(settings), tokens)) as address:
        yield address


@pytest.fixture
def token(tokens: Tokens) -> str:
    return tokens.make("all", "destructive")


@pytest.mark.parametrize("era", ERAS)
def test_the_sdks_client_lists_and_calls_the_tools(url: str, token: str, era: str) -> None:
    async def do(client: Client) -> Any:
        listed = (await client.list_tools()).tools
        key = await client.call_tool("ssh_key_generate", {"name": "k", "type": "ed25519"})
        return listed, key, await client.call_tool("ssh_key_list"), await client.call_tool("vm_list", {})

    listed, key, keys, vms = over_http(url, token, era, do)
    assert {one.name for one in listed} >= SEEDS
    assert [key.is_error, keys.is_error, vms.is_error] == [False] * 3
    assert keys.structured_content == {"keys": [key.structured_content]}
    assert vms.structured_content["vms"][0]["name"] == "test"
    assert [json.loads(one.content[0].text) for one in (key, keys, vms)] == [
        one.structured_content for one in (key, keys, vms)
    ]


def test_a_tool_is_one_definition(url: str, token: str) -> None:
    """Schema of parameters: OpenAI's; of answers: what the SDK's client checks each answer by; hints: the scope that it takes."""
    listed = over_http(url, token, "auto", lambda client: client.list_tools()).tools
    told = {one["name"]: one for one in httpx2.get(f"{url}/tools").json()["tools"]}
    assert {one.name for one in listed} == set(told)
    for one in listed:
        assert (one.description, one.input_schema) == (
            told[one.name]["description"],
            told[one.name]["parameters"],
        )
        assert one.output_schema
        assert one.output_schema["type"] == "object"
    hints = {one.name: (one.annotations.read_only_hint, one.annotations.destructive_hint) for one in listed}
    assert hints["vm_list"] == (True, False)
    assert hints["vm_start"] == (False, False)
    assert hints["vm_delete"] == hints["vm_snapshot_restore"] == (False, True)


@pytest.mark.parametrize("era", ERAS)
def test_what_fails_says_what_to_do_next(url: str, token: str, era: str) -> None:
    async def do(client: Client) -> Any:
        return [
            await client.call_tool("vm_start", {"name": "gone"}),
            await client.call_tool("vm_start", {"name": "../x", "surprise": "s3cret"}),
            await client.call_tool("no_such_tool", {}),
        ]

    gone, wrong, unknown = over_http(url, token, era, do)
    assert all(one.is_error and one.structured_content is None for one in (gone, wrong, unknown))
    assert "gone" in gone.content[0].text
    assert "What to do: " in gone.content[0].text
    assert "name: " in wrong.content[0].text
    assert "surprise: " in wrong.content[0].text
    assert "s3cret" not in wrong.content[0].text
    assert "vm_list" in unknown.content[0].text
    assert [one.meta["mngr/problem"]["status"] for one in (gone, wrong, unknown)] == [404, 422, 404]


@pytest.mark.parametrize(
    ("scope", "may"),
    [("read", ("vm_list",)), ("lifecycle", ("vm_list", "vm_stop")), ("destructive", ("vm_delete",))],
)
def test_a_tokens_scope_is_honoured(url: str, tokens: Tokens, scope: Any, may: tuple[str, ...]) -> None:
    token = tokens.make("some", scope)

    async def do(client: Client) -> Any:
        names = ("vm_list", "vm_stop", "vm_delete")
        return {
            name: await client.call_tool(name, {} if name == "vm_list" else {"name": "gone"})
            for name in names
        }

    for name, answer in over_http(url, token, "auto", do).items():
        status = (answer.meta or {}).get("mngr/problem", {}).get("status", 200)
        if status == 403:
            needed = "destructive" if name == "vm_delete" else "lifecycle"
            assert name not in may
            assert f"mngr vm token create NAME --scope {needed}" in answer.content[0].text
        else:
            assert status == (200 if name == "vm_list" else 404)
    assert scope != "read" or may == ("vm_list",)


def test_who_has_no_token_gets_nothing(url: str, token: str) -> None:
    answer = httpx2.post(f"{url}/mcp", **modern("tools/list"))
    assert answer.status_code == 401
    assert "vm_list" not in answer.text


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Host": "evil.example"}, 421), ({"Host": "127.0.0.1.evil.example"}, 421), ({"Host": "192.0.2.1"}, 421),
        ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 421),
    ],
)  # fmt: skip
def test_a_foreign_host_or_origin_gets_nothing(
    url: str, token: str, header: dict[str, str], status: int
) -> None:
    asked = modern("tools/list")
    asked["headers"] |= {"Authorization": f"Bearer {token}", **header}
    for path in ("/mcp", "/mcp?x=1"):
        answer = httpx2.post(f"{url}{path}", **asked)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert "vm_list" not in answer.text


def test_hosts_that_are_named_are_answered(settings: Settings, tokens: Tokens, token: str) -> None:
    from dataclasses import replace

    asked = modern("tools/list")
    asked["headers"] |= {"Authorization": f"Bearer {token}", "Host": "vm.example.org:8443"}
    with listening(make(Service(replace(settings, hosts=("vm.example.org",))), tokens)) as url:
        assert httpx2.post(f"{url}/mcp", **asked).status_code == 200
        asked["headers"]["Origin"] = "https://vm.example.org"
        assert httpx2.post(f"{url}/mcp", **asked).status_code == 200
        for host in ("localhost", "127.0.0.1", "[::1]:80"):
            assert httpx2.post(
                f"{url}/mcp", json=asked["json"], headers={**asked["headers"], "Host": host}
            ).is_success


def test_it_is_asked_by_post_alone(url: str, token: str) -> None:
    """So no client holds a connection open for news that never come."""
    for method in ("GET", "DELETE", "PUT"):
        answer = httpx2.request(method, f"{url}/mcp", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_call_is_in_the_audit_log_as_over_rest(url: str, token: str, settings: Settings) -> None:
    over_http(url, token, "legacy", lambda client: client.call_tool("vm_stop", {"name": "gone"}))
    over_http(url, token, "auto", lambda client: client.call_tool("vm_stop", {"name": "gone"}))
    lines = [json.loads(one) for one in settings.audit_file.read_text().splitlines()]  # type: ignore[union-attr]
    told = [
        (one["event"], one["who"], one["target"], one.get("status"))
        for one in lines
        if one.get("action") == "vm_stop"
    ]
    assert told == [("begin", "all", "gone", None), ("end", "all", "gone", 404)] * 2


# --- calls that take long -----------------------------------------------------------------------------------------


class Slow:
    """A stop that goes on until it is told to end; how often it was begun."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: str = "stopped") -> None:
        from mngr.vmservice import actions, shapes, toolbox

        self.go_on, self.begun = threading.Event(), threading.Semaphore(0)

        def run(service: Service, asked: Any) -> Any:
            from mngr.model.progress import Step
            from mngr.vmservice import telling

            telling.step(Step("stopping", "the guest"))
            self.begun.release()
            assert self.go_on.wait(60)
            return shapes.Status(status="stopped", vm=asked.name)

        import dataclasses

        [stop] = [one for one in actions.ACTIONS if one.name == "vm_stop"]
        monkeypatch.setitem(toolbox.BY_NAME, "vm_stop", dataclasses.replace(stop, run=run))  # type: ignore[arg-type]


def test_a_call_that_outlives_its_client_goes_on_and_the_next_one_finds_it(
    url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    asked = modern("tools/call", name="vm_stop", arguments={"name": "test"})
    asked["headers"]["Authorization"] = f"Bearer {token}"

    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{url}/mcp", timeout=httpx2.Timeout(30, read=0.5), **asked)
    assert slow.begun.acquire(timeout=60)
    running = httpx2.get(f"{url}/api/operations?state=running", headers=asked["headers"]).json()["operations"]
    assert [(one["action"], one["target"]) for one in running] == [("vm_stop", "test")]
    slow.go_on.set()
    wait = f"{url}/api/operations/{running[0]['id']}?wait=60"
    assert httpx2.get(wait, headers=asked["headers"], timeout=90).json()["state"] == "done"

    answer = httpx2.post(f"{url}/mcp", timeout=60, **asked).json()["result"]
    assert answer["structuredContent"] == {"status": "stopped", "vm": "test"}
    assert not slow.begun.acquire(blocking=False), "it was done a second time"
    httpx2.post(f"{url}/mcp", timeout=60, **asked)
    assert slow.begun.acquire(timeout=60), "who has heard the end asks for another one"


@pytest.mark.parametrize("era", ERAS)
def test_one_that_takes_longer_than_a_client_waits_is_answered_by_its_operation(
    url: str, token: str, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mngr.vmservice import mcp_http

    slow = Slow(monkeypatch)
    monkeypatch.setattr(mcp_http, "WAIT_S", 0.2)

    async def do(client: Client) -> Any:
        first = await client.call_tool("vm_stop", {"name": "test"})
        slow.go_on.set()
        asked = {"operation": first.structured_content["id"], "wait": 60}
        return (
            first,
            await client.call_tool("operation_show", asked),
            await client.call_tool("vm_stop", {"name": "test"}),
        )

    first, shown, again = over_http(url, token, era, do)
    assert (first.is_error, first.structured_content["state"]) == (False, "running")
    assert (
        shown.structured_content["result"] == again.structured_content == {"status": "stopped", "vm": "test"}
    )
    # Its end was told by the second call, so the third was another stop.
    assert slow.begun.acquire(timeout=60)
    assert slow.begun.acquire(blocking=False)
    assert not slow.begun.acquire(blocking=False)


@pytest.mark.parametrize("era", ERAS)
def test_a_client_that_asks_for_it_is_told_how_far_a_call_is(
    url: str, token: str, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    heard: list[float] = []

    async def progress(done: float, of: float | None, text: str | None) -> None:
        heard.append(done)
        if text == "stopping: the guest":
            slow.go_on.set()  # without which the call never ends

    async def do(client: Client) -> Any:
        return await client.call_tool("vm_stop", {"name": "test"}, progress_callback=progress)

    assert over_http(url, token, era, do).structured_content == {"status": "stopped", "vm": "test"}
    assert heard == sorted({*heard})
