"""One simulated cloud, from the line that says it is ready to the removal of all it made."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

from mngr.simcloud.clock import Clock
from mngr.simcloud.cloud import Core
from mngr.simcloud.control import Control
from mngr.simcloud.front import Front
from mngr.simcloud.hosts import Hosts
from mngr.simcloud.http import Server
from mngr.simcloud.machines.base import Machines, Options, Unavailable
from mngr.simcloud.machines.process import Process
from mngr.simcloud.tls import NoTls, Tls, make

STOP_LIMIT_S = 30.0


def run(args: argparse.Namespace, options: Options) -> int:
    """Serve until SIGTERM or SIGINT, then remove every machine, volume and network. Returns the exit code."""
    stopped = threading.Event()
    _on_signals(_end_at_once)
    files = Process()
    core = None
    try:
        hosts = Hosts(files.folder / "hosts")
        core = Core(options.run, Clock(), _machines(args.machines, options), hosts=hosts)
        _on_signals(lambda number, frame: stopped.set())
        if args.while_stdin:
            threading.Thread(target=_wait_for_end_of_stdin, args=(stopped,), daemon=True).start()
        tls = options.tls = _tls(files.folder, getattr(args.vendor, "NAMES", ()))
        vendor = args.vendor.start(args, core, options)
        options.power_changed = vendor.power_changed
        front = Front(core, vendor)
        api, control = Server(args.port, front), Server(args.control_port, Control(core, vendor))
        https = Server(args.https_port, front, tls.context) if tls else None
        servers = [server for server in (api, control, https) if server]
        for server in servers:
            server.start()
        url = api.address + vendor.prefix
        https_url = https.address + vendor.prefix if https else None
        ready = {
            "url": url,
            "control": f"{control.address}/control",
            "env": vendor.env(url),
            "run": options.run,
            "hosts": str(hosts.path),
            "https_url": https_url,
            "https_env": {**vendor.env(https_url), **tls.env()} if tls and https_url else None,
            "ca_file": str(tls.ca) if tls else None,
        }
        print(json.dumps(ready), flush=True)
        stopped.wait()
        core.gates.clear()
        core.jobs.stop(STOP_LIMIT_S)
        for server in servers:
            server.stop()
    finally:
        if core is not None:
            core.jobs.stopping.set()
            core.machines.close()
        files.close()
    return 0


def _tls(folder: Path, names: Iterable[str]) -> Tls | None:
    """None, and a word of why, where no certificates can be made: plain http is there all the same."""
    try:
        return make(folder, names)
    except NoTls as why:
        print(f"simcloud: without https: {why}", file=sys.stderr)
        return None


def _on_signals(act: Callable[[int, FrameType | None], None]) -> None:
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, act)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    """While the machines are being prepared, which may mean making images, there is nothing yet to wait for."""
    raise SystemExit(0)


def _wait_for_end_of_stdin(stopped: threading.Event) -> None:
    while os.read(0, 4096):
        continue
    stopped.set()


def _machines(kind: str, options: Options) -> Machines:
    if options.command and kind != "fake":
        raise Unavailable("--machines-cmd goes with --machines fake")
    if kind == "fake":
        from mngr.simcloud.machines.fake import FakeMachines

        return FakeMachines(options)
    if kind == "qemu":
        from mngr.simcloud.machines.qemu import QemuMachines

        return QemuMachines(options)
    from mngr.simcloud.machines.container import ContainerMachines

    return ContainerMachines(options)
