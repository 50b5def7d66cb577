"""`mngr mcp`: the agent verbs as tools, by the official SDK's own client, with real agents on this computer."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the MCP SDK isn't installed")

from mcp import Client

from mngr.testing.cli import COMMAND
from support.local import Local
from support.mcp_clients import ERAS, over_stdio


def session(local: Local, do: Callable[[Client], Awaitable[Any]], *words: str, era: str = "auto") -> Any:
    return over_stdio(local.env, local.cwd, words, era, do)


async def call(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool answers. Raises AssertionError with what it says where it fails."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content[0].text
    assert json.loads(answer.content[0].text) == answer.structured_content
    return answer.structured_content


async def fails(client: Client, tool: str, **arguments: Any) -> str:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.structured_content
    return answer.content[0].text


async def create(client: Client, **asked: Any) -> Any:
    plan = await call(client, "agent_create", **asked)
    return await call(client, "agent_create", **asked, plan=plan["plan"])


def test_an_agents_life(mngr: Local) -> None:
    asked = {
        "name": "reads",
        "command": "echo ready; read line; echo got $line; sleep 1000",
        "labels": {"team": "a"},
    }

    async def do(client: Client) -> None:
        plan = await call(client, "agent_create", **asked)
        assert (plan["made"], plan["costs"], plan["provider"]) == (False, False, "local")
        assert (await call(client, "agent_list"))["agents"] == []
        assert "plan isn't what" in await fails(client, "agent_create", **asked, plan="0" * 16)
        assert "plan isn't what" in await fails(
            client, "agent_create", **{**asked, "command": "x"}, plan=plan["plan"]
        )
        made = await call(client, "agent_create", **asked, plan=plan["plan"])
        assert made["agent"]["labels"] == {"team": "a", "mcp-client": "tests"}
        [row] = (await call(client, "agent_list"))["agents"]
        assert (row["name"], row["mine"], row["host"]["provider"]) == ("reads", True, "local")
        assert (await call(client, "agent_send", name="reads", text="a word"))["delivered"] == "likely"
        ran = await call(client, "agent_exec", name="reads", command="pwd; echo err >&2; exit 3")
        assert ran == {"exit_code": 3, "stdout": f"{mngr.cwd}\n", "stderr": "err"}
        assert "got a word" in (await call(client, "agent_logs", name="reads"))["text"]
        stopped = await call(client, "agent_stop", name="reads")
        assert (stopped["agent"]["state"], stopped["host_stopped"]) == ("stopped", False)
        waited = await call(client, "agent_wait", names=["reads"], states=["stopped"])
        assert ([one["fits"] for one in waited["agents"]], waited["timed_out"]) == (["yes"], False)
        gone = await call(client, "agent_destroy", name="reads")
        assert (gone["name"], gone["host_gone"]) == ("reads", False)
        assert "What to do: " in await fails(client, "agent_stop", name="reads")
        assert (await call(client, "operation_list"))["operations"] == []

    session(mngr, do, "--client", "tests")
    assert mngr.names() == []


@pytest.mark.parametrize("era", ERAS)
def test_every_tool_has_its_schemas_and_its_risk(mngr: Local, era: str) -> None:
    listed = session(mngr, lambda client: client.list_tools(), era=era).tools
    hints = {one.name: (one.annotations.read_only_hint, one.annotations.destructive_hint) for one in listed}
    assert hints["agent_list"] == hints["agent_logs"] == (True, False)
    assert hints["agent_stop"] == (False, False)
    for runs_what_it_is_told in ("agent_create", "agent_send", "agent_exec", "agent_destroy"):
        assert hints[runs_what_it_is_told] == (False, True)
    for one in listed:
        assert (one.input_schema["type"], one.input_schema["additionalProperties"]) == ("object", False)
        assert one.output_schema["type"] == "object"


def test_a_client_destroys_what_it_made_only(mngr: Local) -> None:
    mngr.create("by-hand", "sleep", "1000")

    async def one(client: Client) -> None:
        assert (await create(client, name="of-one", command="sleep 1000"))["agent"]["mine"]
        said = await fails(client, "agent_destroy", name="by-hand")
        assert "wasn't made by this client" in said
        assert "mngr destroy by-hand" in said
        assert "label" in await fails(client, "agent_create", name="x", labels={"mcp-client": "other"})

    async def other(client: Client) -> None:
        rows = (await call(client, "agent_list"))["agents"]
        assert {row["name"]: row["mine"] for row in rows} == {"by-hand": False, "of-one": False}
        assert "wasn't made by this client" in await fails(client, "agent_destroy", name="of-one")

    async def again(client: Client) -> None:
        assert (await call(client, "agent_destroy", name="of-one"))["name"] == "of-one"

    session(mngr, one, "--client", "one")
    session(mngr, other)
    session(mngr, again, "--client", "one")
    assert mngr.names() == ["by-hand"]


def test_a_scope_that_is_not_enough(mngr: Local) -> None:
    async def do(client: Client) -> None:
        assert (await call(client, "agent_list"))["agents"] == []
        said = await fails(client, "agent_create", name="x")
        assert "mngr mcp --scope destructive" in said
        assert "mngr mcp --scope lifecycle" in await fails(client, "agent_stop", name="x")
        assert "mngr mcp --scope destructive" in await fails(client, "agent_exec", name="x", command="true")

    session(mngr, do, "--scope", "read")


def test_a_call_that_outlives_its_client_goes_on_and_the_next_one_finds_it(mngr: Local) -> None:
    """The whole of `mngr mcp` is killed in the middle of a command, which counts how often it was run."""
    mngr.create("works", "sleep", "1000")
    line = "echo x >>ran; while ! test -e go; do sleep 0.1; done; cat ran"
    asked = {"name": "agent_exec", "arguments": {"name": "works", "command": line}}
    process = subprocess.Popen(
        [*COMMAND, "mcp"], env=mngr.env, cwd=mngr.cwd, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stdin
    try:
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        }
        for message in (
            {"id": 1, "method": "initialize", "params": hello},
            {"method": "notifications/initialized"},
            {"id": 2, "method": "tools/call", "params": asked},
        ):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            process.stdin.flush()
        end = time.monotonic() + 60
        while not (mngr.cwd / "ran").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()

    async def do(client: Client) -> Any:
        [running] = (await call(client, "operation_list"))["operations"]
        assert (running["action"], running["target"], running["state"]) == ("agent_exec", "works", "running")
        (mngr.cwd / "go").touch()
        shown = await call(client, "operation_show", operation=running["id"], wait=60)
        assert (shown["state"], shown["result"]["stdout"]) == ("done", "x\n")
        assert (await call(client, "operation_list"))["operations"] == []
        # Its end was told, so the same call is a new one.
        return await call(client, "agent_exec", name="works", command=line)

    assert session(mngr, do)["stdout"] == "x\nx\n"


def test_words_of_a_type_are_a_shells(mngr: Local) -> None:
    mngr.home.mkdir(exist_ok=True)
    (mngr.home / "config.toml").write_text(
        '[agent_types.counts]\ncommand = ["sh", "-c", "echo $# >n; exec sleep 1000", "x"]\n'
    )

    async def do(client: Client) -> None:
        await create(client, name="two", type="counts", command="one 'and two'")
        assert (await call(client, "agent_exec", name="two", command="cat n"))["stdout"] == "2\n"
        await create(client, name="none", type="counts")
        assert (await call(client, "agent_exec", name="none", command="cat n"))["stdout"] == "0\n"
        assert (
            "quot" in (await fails(client, "agent_create", name="x", type="counts", command="it's")).lower()
        )

    session(mngr, do)
