"""`mngr vm console`: a VM's serial console on this terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mngr.cli.vm_side import only_here

if TYPE_CHECKING:
    from types import FrameType

    from mngr.vms.console import Console

LEAVE = b"\x1d"
"""Ctrl-], as with virsh and telnet."""
SHOWN_S = 10.0


@click.command("console")
@click.argument("vm", metavar="NAME")
@click.option("--force", is_flag=True, help="Take it from whoever has it.")
@click.option(
    "--timeout", type=float, metavar="S",
    help=f"Leave after so many seconds (default: never on a terminal, else {SHOWN_S:g}).",
)  # fmt: skip
def console(vm: str, force: bool, timeout: float | None) -> int:
    """Sit at the serial console of a VM that runs; Ctrl-] leaves it. All other keys are the VM's, Ctrl-C too.

    \b
    mngr vm console web
    mngr vm console web --timeout 60 </dev/null >boot.log

    Without a terminal nothing is typed: what the VM says is printed.
    """
    from mngr.model.errors import InvalidInput
    from mngr.vms import console as consoles
    from mngr.vms.hypervisor import connect

    only_here("`mngr vm console`")
    if timeout is not None and not 0 <= timeout <= 86400:
        raise InvalidInput(f"--timeout {timeout:g} can't be used", hint="seconds, 0 to 86400")
    typed = sys.stdin.isatty()
    limit = timeout if timeout is not None else (None if typed else SHOWN_S)
    with connect() as hypervisor, consoles.opened(hypervisor, vm, force) as one:
        if typed:
            click.echo(f"console of {vm}; Ctrl-] leaves it", err=True)
        with _raw(sys.stdin.fileno() if typed else None):
            ended = _pump(one, sys.stdin.fileno() if typed else None, limit)
    if typed:
        click.echo(f"\n{f'{vm} ended it' if ended else f'left {vm}'}", err=True)
    return 0


def _pump(console: Console, keys: int | None, limit_s: float | None) -> bool:
    """Bytes both ways, until Ctrl-], the limit or the console's end (then it's true). Raises MngrError."""
    import time

    over, woken = os.pipe()
    failure: list[Exception] = []

    def show() -> None:
        try:
            for data in console:
                while data:
                    data = data[os.write(1, data) :]
        except Exception as problem:
            failure.append(problem)
        finally:
            os.write(woken, b".")

    reader = threading.Thread(target=show, daemon=True)
    reader.start()
    end = time.monotonic() + limit_s if limit_s is not None else None
    try:
        while True:
            left = max(0.0, end - time.monotonic()) if end is not None else None
            ready, _, _ = select.select([one for one in (over, keys) if one is not None], [], [], left)
            if over in ready:
                if failure:
                    raise failure[0]
                return True
            if not ready:
                return False
            data = os.read(keys or 0, 4096)
            before, leave, _ = data.partition(LEAVE)
            console.write(before)
            if leave or not data:
                return False
    finally:
        console.close()
        reader.join(5)


@contextmanager
def _raw(terminal: int | None) -> Iterator[None]:
    """The terminal gives each key as it is typed; afterwards it is as it was, also where we are told to end."""
    if terminal is None:
        yield
        return
    import termios
    import tty

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    was = termios.tcgetattr(terminal)
    handlers = {one: signal.signal(one, leave) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, was)
        for one, handler in handlers.items():
            signal.signal(one, handler)
