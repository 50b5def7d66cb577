"""VMs by `mngr mcp`: those of a service, and those of this computer's libvirt, which is the made-up one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

pytest.importorskip("mcp", reason="the MCP SDK isn't installed")

from mcp import Client

from mngr.testing.local import clean_environment
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.mcp_clients import listening, over_stdio


def test_vms_of_a_service(settings: Settings, tokens: Tokens, tmp_path: Path) -> None:
    async def do(client: Client) -> Any:
        listed = {one.name: one for one in (await client.list_tools()).tools}
        key = await client.call_tool("ssh_key_generate", {"name": "k", "type": "ed25519"})
        stopped, gone = await asyncio.gather(
            client.call_tool("vm_stop", {"name": "test", "timeout": 60}),
            client.call_tool("vm_start", {"name": "gone"}),
        )
        return listed, key, stopped, gone, await client.call_tool("operation_list", {"target": "test"})

    token = tokens.make("all", "lifecycle")
    with listening(make(Service(settings), tokens)) as url:
        env = {
            **clean_environment(), "MNGR_HOME": str(tmp_path / "mngr"), "VM_PROVISIONER_URL": url, "VM_PROVISIONER_TOKEN": token,
        }  # fmt: skip
        listed, key, stopped, gone, operations = over_stdio(env, tmp_path, (), "auto", do)
        told = {one["name"]: one for one in httpx2.get(f"{url}/tools").json()["tools"]}
    assert set(listed) >= set(told)
    assert all(listed[name].input_schema == one["parameters"] for name, one in told.items())
    assert key.structured_content["publicKey"].startswith("ssh-ed25519 ")
    assert stopped.structured_content == {"status": "stopped", "vm": "test"}
    assert gone.is_error
    assert "gone" in gone.content[0].text
    assert [one["action"] for one in operations.structured_content["operations"]] == ["vm_stop"]


def test_vms_of_this_computer(tmp_path: Path) -> None:
    async def do(client: Client) -> Any:
        return [
            await client.call_tool("vm_list"),
            await client.call_tool("vm_stop", {"name": "test"}),
            await client.call_tool("vm_start", {"name": "gone"}),
            await client.call_tool("ssh_key_list"),
        ]

    env = {
        **clean_environment(), "MNGR_HOME": str(tmp_path / "mngr"), "LIBVIRT_URI": "test:///default",
        "LIBVIRT_STORAGE_PATH": str(tmp_path / "disks"), "SSH_KEY_DIR": str(tmp_path / "keys"),
    }  # fmt: skip
    vms, stopped, gone, keys = over_stdio(env, tmp_path, (), "legacy", do)
    assert vms.structured_content["vms"][0]["name"] == "test"
    assert stopped.structured_content == {"status": "stopped", "vm": "test"}
    assert gone.is_error
    assert keys.structured_content == {"keys": []}
