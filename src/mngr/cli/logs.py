"""`mngr logs`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mngr.cli.targets import names_argument
from mngr.model.errors import InvalidInput, MngrError

if TYPE_CHECKING:
    from mngr.ops.context import Mngr


@click.command("logs", short_help="Show what agents printed, or how a machine booted.")
@names_argument
@click.option(
    "--boot",
    is_flag=True,
    help="The boot log of a machine instead; of one that didn't come up, what was kept.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until the agents end, or Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(1), help="At most so many lines of the end (default: all)."
)
@click.option("--raw", is_flag=True, help="All that was written to the terminal, with its control sequences.")
def command(names: tuple[str, ...], boot: bool, follow: bool, lines: int | None, raw: bool) -> int:
    """Show what agents printed, as their terminals showed it, also while their host is down; or how a machine booted. Of
    several, each line begins with its agent's name.

    \b
    mngr logs my-agent
    mngr logs my-agent -n 20
    mngr logs web api -f
    mngr logs my-agent --boot

    -f goes on with what comes: lines; of a program that draws on all of the screen, the lines that are new on it. A connection
    that breaks is made again. An agent that is followed doesn't keep its host up by that.
    """
    from mngr.cli.targets import read_names
    from mngr.model.plain import plain
    from mngr.ops import run
    from mngr.ops.context import Mngr

    wanted = list(dict.fromkeys(read_names(names)))
    if follow and boot:
        raise InvalidInput("--follow and --boot exclude each other")
    if raw and len(wanted) > 1:
        raise InvalidInput(
            "--raw is for one agent at a time", hint="control sequences of several would be mixed"
        )
    mngr = Mngr()
    if follow:
        return _follow(mngr, wanted, lines or 0, raw)
    code = 0
    for name in wanted:
        try:
            if boot:
                text = run.boot_log(mngr, name, lines or 0)
            else:
                output = run.logs(mngr, name, lines or 0, raw=raw)
                if raw:
                    sys.stdout.buffer.write(output)
                    continue
                text = plain(output.decode(errors="replace"))
        except MngrError as error:
            if len(wanted) == 1:
                raise
            code = max(code, _tell(error))
            continue
        before = _prefix(name, wanted)
        click.echo("".join(before + line for line in text.splitlines(True)) if before else text, nl=False)
    return code


def _prefix(name: str, wanted: Sequence[str]) -> str:
    return f"{name.ljust(max(map(len, wanted)))} | " if len(wanted) > 1 else ""


def _tell(error: MngrError) -> int:
    from mngr.cli.main import show

    show(error)
    return error.exit_code


def _follow(mngr: "Mngr", wanted: Sequence[str], lines: int, raw: bool) -> int:
    """Follows all of them, each in a thread. The worst exit code."""
    import contextlib
    import threading

    from mngr.ops import reached
    from mngr.ops.log_follow import LogFollower

    agents = reached.find(mngr, wanted)
    lock = threading.Lock()
    codes = [0]

    def one(follower: LogFollower, name: str) -> None:
        before = _prefix(name, [agent.text for agent in agents]).encode()

        def lost(why: str, pause: float) -> None:
            with lock:
                click.echo(f"mngr: {name}: the connection broke; trying again in {pause:g} s", err=True)

        try:
            for text in follower.follow(lost):
                with lock:
                    sys.stdout.buffer.write(before + text)
                    sys.stdout.buffer.flush()
            if stopped.is_set():
                return
            with lock:
                ended = "" if follower.exit_code is None else f" (exit code {follower.exit_code})"
                click.echo(f"mngr: {name} has ended{ended}", err=True)
        except BrokenPipeError:
            gone.set()
        except MngrError as error:
            with lock:
                codes.append(_tell(error))

    gone, stopped = threading.Event(), threading.Event()
    with contextlib.ExitStack() as stack:
        followers = [stack.enter_context(LogFollower(mngr, agent, lines, raw=raw)) for agent in agents]
        stack.callback(stopped.set)  # before they are closed
        threads = [
            threading.Thread(target=one, args=(follower, agent.text), daemon=True)
            for follower, agent in zip(followers, agents, strict=True)
        ]
        for thread in threads:
            thread.start()
        # With a limit, as a wait without one hears no Ctrl-C on some systems.
        while any(thread.is_alive() for thread in threads) and not gone.is_set():
            for thread in threads:
                thread.join(0.2)
        if gone.is_set():
            raise BrokenPipeError
    return max(codes)
