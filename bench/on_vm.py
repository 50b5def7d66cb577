"""The VM service: its start, its memory beside a bare FastAPI application's, a list of 1,000 VMs beside /healthz, and guests."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measure import Row
from bench.on_vm_guests import rows as with_guests
from bench.setting import Setting, fresh

VMS, CALLS, ROUNDS = 1000, 100, 3
START_LIMIT_S = 60

BARE = """import sys
import uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/healthz")
async def healthz() -> str:
    return "OK"
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""
VM = "<domain type='test'><name>vm-{0}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"


def rows(folder: Path) -> Iterator[Row]:
    plain = _setting(folder / "vm", "test:///default")
    starts, ratios = [], []
    for _ in range(ROUNDS):
        with (
            _served([sys.executable, "-c", BARE], plain) as (bare, _),
            _served(_serve(plain), plain) as (ours, _),
        ):
            starts.append(_cpu_s(ours))
            ratios.append((_rss_mb(bare), _rss_mb(ours)))
    start = sorted(starts)[ROUNDS // 2]
    yield Row("VM service, start to first answer (CPU)", start, "nothing", 0, start, 2, "+")
    base, figure = sorted(ratios, key=lambda pair: pair[1] / pair[0])[ROUNDS // 2]
    yield Row(
        "VM service, idle (memory)", figure, "a bare FastAPI application", base, figure / base, 2.5, unit="MB"
    )
    node = folder / "node.xml"
    node.write_text(f"<node>{''.join(VM.format(number) for number in range(VMS))}</node>")
    many = _setting(folder / "vms", f"test://{node}")
    with _served(_serve(many), many) as (_, port):
        figures = [(_p99(port, "/healthz"), _p99(port, "/api/vms")) for _ in range(ROUNDS)]
    base, figure = sorted(figures, key=lambda pair: pair[1] / pair[0])[ROUNDS // 2]
    yield Row(f"GET /api/vms, {VMS} VMs (p99)", figure, "GET /healthz (p99)", base, figure / base, 5)
    yield from with_guests(_setting(folder / "guests", "none yet"))


def _setting(folder: Path, uri: str) -> Setting:
    return fresh(folder).with_env(
        LIBVIRT_URI=uri, LIBVIRT_STORAGE_PATH=str(folder / "disks"), SSH_KEY_DIR=str(folder / "keys"), VM_PROVISIONER_RATE="0"
    )  # fmt: skip


def _serve(setting: Setting) -> list[str]:
    return setting.mngr("vm", "serve", "--no-auth", "--port")


@contextmanager
def _served(argv: list[str], setting: Setting) -> Iterator[tuple[int, int]]:
    """The process and the port of a server that has answered once."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    process = subprocess.Popen(
        [*argv, str(port)],
        env=setting.env,
        cwd=setting.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + START_LIMIT_S
        while True:
            try:
                _ask(port, "/healthz")
                break
            except OSError:
                if time.monotonic() > end or process.poll() is not None:
                    raise RuntimeError(f"{' '.join(argv)} doesn't answer") from None
                time.sleep(0.02)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(60)


def _ask(port: int, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}: {body[:500]!r}")


def _p99(port: int, path: str) -> float:
    took = []
    for _ in range(CALLS):
        began = time.monotonic()
        _ask(port, path)
        took.append(time.monotonic() - began)
    return _last(took)


def _last(took: list[float]) -> float:
    """The p99."""
    return sorted(took)[int(CALLS * 0.99) - 1]


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    [line] = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1024
