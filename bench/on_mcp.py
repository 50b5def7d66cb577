"""MCP: a tool call beside the same call over REST, and `mngr mcp`'s first answer beside that of a bare server of the same SDK."""

import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

from bench.measure import Row, cpu, paired
from bench.on_vm import _serve, _served, _setting

CALLS, ROUNDS = 100, 7
MODERN = "2026-07-28"
META = {"io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {}}
ACCEPT = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}

BARE = """from mcp.server import MCPServer
server = MCPServer("bare")
for number in range(22):
    @server.tool(name=f"tool_{number}")
    def tool(a: int = 1, b: str = "") -> dict[str, int]:
        "A tool."
        return {"a": a}
server.run()
"""
#: Starts a server (its command line is the arguments), asks it for its tools, and ends it.
ASK = """import json, subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
def ask(**message):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\\n")
    server.stdin.flush()
hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
ask(id=1, method="initialize", params=hello)
server.stdout.readline()
ask(method="notifications/initialized")
ask(id=2, method="tools/list")
assert len(json.loads(server.stdout.readline())["result"]["tools"]) > 5
server.stdin.close()
server.wait()
"""


def rows(folder: Path) -> Iterator[Row]:
    setting = _setting(folder / "mcp", "test:///default")
    with _served(_serve(setting), setting) as (_, port):
        for era, asked, limit in (("2026-07-28", _modern, 1.5), ("2025-06-18", _legacy, 2)):
            pairs = [(_calls(port, _rest), _calls(port, asked)) for _ in range(ROUNDS + 1)][1:]
            base, figure = sorted(pairs, key=lambda pair: pair[1] / pair[0])[ROUNDS // 2]
            yield Row(f"tool call over MCP {era}", figure, "the same over REST", base, figure / base, limit)

    def first(argv: list[str]) -> Callable[[], float]:
        return lambda: cpu([sys.executable, "-c", ASK, *argv], setting.env, setting.folder)

    yield paired(
        "mngr mcp: tools/list (CPU)", first(setting.mngr("mcp")),
        "a bare server of the SDK", first([sys.executable, "-c", BARE]), limit=3, rounds=ROUNDS,
    )  # fmt: skip


Asked = tuple[str, bytes, Mapping[str, str]]


def _rest() -> Asked:
    return "/tools/vm_list", b"{}", {"Content-Type": "application/json"}


def _modern() -> Asked:
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "vm_list", "arguments": {}, "_meta": META},
    }
    headers = {**ACCEPT, "MCP-Protocol-Version": MODERN, "Mcp-Method": "tools/call", "Mcp-Name": "vm_list"}
    return "/mcp", json.dumps(body).encode(), headers


def _legacy() -> Asked:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "vm_list", "arguments": {}}}
    return "/mcp", json.dumps(body).encode(), {**ACCEPT, "MCP-Protocol-Version": "2025-06-18"}


def _calls(port: int, asked: Callable[[], Asked]) -> float:
    """The median of a call, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    path, body, headers = asked()
    took = []
    for _ in range(CALLS):
        began = time.monotonic()
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        took.append(time.monotonic() - began)
        if answer.status != 200 or b"test" not in text:
            raise RuntimeError(f"{path} answers {answer.status}: {text[:500]!r}")
    connection.close()
    return median(took)
