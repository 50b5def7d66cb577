"""`mngr exec`."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import click

from mngr.model.errors import InvalidInput, MngrError

if TYPE_CHECKING:
    from mngr.ops.run import Command


@click.command(
    "exec", short_help="Run a command beside an agent.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)  # fmt: skip
@click.argument("name", metavar="NAME[,NAME…]", required=False)
@click.argument("words", nargs=-1, metavar="COMMAND…", type=click.UNPROCESSED)
@click.option("-a", "--all", "everybody", is_flag=True, help="Beside each agent that is alive; no NAME then.")
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End the command after this long (exit code 1).",
)
@click.option("--interrupted", hidden=True, help="Of cli/mngr.sh: the token of a command to end.")
@click.option("--lost", hidden=True, help="Of cli/mngr.sh: the token of a command whose ssh ended with 255.")
def command(
    name: str | None,
    words: tuple[str, ...],
    everybody: bool,
    tty: bool,
    timeout: float | None,
    interrupted: str | None,
    lost: str | None,
) -> int:
    """Run a command in an agent's work dir with its environment; standard input and the exit code pass through.

    \b
    mngr exec my-agent "ls | wc -l"       one string is a line for bash (sh, if there is none)
    mngr exec my-agent git log --oneline  several words are an argv
    mngr exec web,api git status          beside both; of several, each line begins with its agent's name
    mngr exec -a 'df -h . | tail -1'      beside each agent that is alive
    mngr list -q | mngr exec - uptime     beside those that standard input names

    Several commands run at once and without input; those that failed are named at the end, and the worst exit code is ours.
    Ctrl-C ends the command with all its processes, also on another computer.
    """
    import time

    from mngr.ops.context import Mngr
    from mngr.ops.run import GRACE_S, check_connection, exec_command, limited, timed_out

    if everybody and name is not None:
        words = (name, *words)
    if words[:1] == ("--",):
        words = words[1:]
    if not words:
        raise click.UsageError(
            "Missing argument 'COMMAND…'." if name or everybody else "Missing argument 'NAME'."
        )
    if everybody or not name or name == "-" or "," in name:
        return _several(None if everybody else name or "", words, timeout, tty)
    if timeout is not None:
        words = tuple(limited(words, timeout, tty=tty))
    mngr = Mngr()
    run = exec_command(mngr, name, words, tty=tty, token=interrupted or lost or "")
    if interrupted:
        raise _ended(run)
    since = time.monotonic()
    code = 255 if lost else _run(run, None if timeout is None else timeout + GRACE_S)
    if timed_out(code, timeout, time.monotonic() - since):
        raise MngrError(f"the command didn't end within {timeout:g} s")
    if code == 255 and run.ssh:
        check_connection(mngr, name, run)
    return code


def _several(names: str | None, words: tuple[str, ...], timeout: float | None, tty: bool) -> int:
    """`names`: as they were typed; None: everybody."""
    from mngr.cli.exec_many import run_all
    from mngr.cli.main import show
    from mngr.cli.targets import read_names
    from mngr.ops import reached
    from mngr.ops.context import Mngr

    if tty:
        raise InvalidInput("--tty is for one agent at a time")
    mngr = Mngr()
    unread: list[MngrError] = []
    if names is None:
        agents, problems = reached.everybody(mngr)
        unread = [MngrError(f"{one.provider}: {one.what}: {one.error}" if one.what else f"{one.provider}: {one.error}")
                  for one in problems]  # fmt: skip
    else:
        wanted = read_names([names] if names == "-" else [one for one in names.split(",") if one])
        if not wanted and names != "-":
            raise InvalidInput(f"{names!r} names no agent")
        agents = reached.find(mngr, wanted) if wanted else []
    code = run_all(mngr, agents, words, timeout) if agents else 0
    for error in unread:
        show(error)
    return max(code, 1) if unread else code


#: So long a command here has to end by itself after a Ctrl-C.
OWN_END_S = 1.0


class _Told(BaseException):
    """A signal that tells us to end: Ctrl-C, SIGTERM, or the terminal was closed."""


def _run(run: Command, timeout: float | None) -> int:
    """Runs an exec with our standard streams; its exit code. When we are told to end, so is the command, wherever it runs."""
    told: list[int] = []
    waits = False
    # A command here has the same terminal, and its Ctrl-C; what it means there is for the command to say.
    deaf = not run.ssh and os.isatty(0)

    def note(signum: int, frame: object) -> None:
        if signum == signal.SIGINT and deaf:
            return
        told.append(signum)
        if waits:
            raise _Told

    heard = [  # all but what our caller chose to ignore (nohup)
        one
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(one) != signal.SIG_IGN
    ]
    before = {one: signal.signal(one, note) for one in heard}
    process = start(run.argv)
    try:
        waits = True
        if told:
            raise _Told
        code = _waited(process, timeout)
        waits = False
    except subprocess.TimeoutExpired:
        waits = False
        _ended(run)
        _end(process)
        raise MngrError(f"the command didn't end within {timeout:g} s") from None
    except _Told:
        waits = False
        for one in before:  # a second one ends our waiting
            signal.signal(one, interrupt)
        return _told_to_end(run, process, told[0])
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    return 128 - code if code < 0 else code


def _waited(process: subprocess.Popen[bytes], timeout: float | None) -> int:
    """The exit code, as Popen.wait. A signal that comes just when the command ends doesn't lose it: another thread, which no
    signal interrupts, takes it from the system."""
    import threading

    waiter = threading.Thread(target=process.wait, daemon=True)
    waiter.start()
    waiter.join(timeout)
    if waiter.is_alive():
        raise subprocess.TimeoutExpired(process.args, timeout or 0)
    return process.wait()


def _told_to_end(run: Command, process: subprocess.Popen[bytes], signum: int) -> int:
    """Ends a command. The exit code is its own, if it ended here by itself."""
    if run.ssh or signum != signal.SIGINT:
        ended = _ended(run)
        _end(process)
        raise ended
    try:  # it may have got the signal itself
        code = process.wait(OWN_END_S)
    except subprocess.TimeoutExpired:
        _ended(run)
        _end(process)
        code = process.wait()
    return 128 - code if code < 0 else code


def end_run(run: Command, process: subprocess.Popen[bytes]) -> str:
    """Ends a command where it runs, and what runs it here. Why it may still run there, or ""."""
    from mngr.ops.run import end_exec

    why = ""
    try:
        end_exec(run)
    except MngrError as error:
        why = error.message
    _end(process)
    return why


def _ended(run: Command) -> BaseException:
    """Ends the command where it runs, and says what to raise then."""
    from mngr.model.errors import Interrupted
    from mngr.ops.run import end_exec

    try:
        end_exec(run)
    except MngrError as error:
        return Interrupted(f"interrupted; the command may still run on its host: {error.message}")
    return KeyboardInterrupt()


def interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def start(argv: list[str], *, apart: bool = False) -> subprocess.Popen[bytes]:
    """As Popen, with errors for people. `apart`: without input, its output for us, and out of our terminal's group, so that
    a Ctrl-C comes to us alone."""
    import errno

    try:
        if not apart:
            return subprocess.Popen(argv)
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise MngrError(
            f"{argv[0]} isn't installed here", hint="`mngr doctor` lists what is missing"
        ) from None
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        raise InvalidInput(
            "the command is longer than this computer's command lines may be",
            hint="hand it in on standard input: mngr exec NAME sh <script",
        ) from None


def pass_through(argv: list[str]) -> int:
    """Runs a local command with our standard streams; its exit code. Ctrl-C goes to the command, which decides."""
    # Handled from before it starts, so that no Ctrl-C is ours; not ignored, which it would inherit.
    before = signal.signal(signal.SIGINT, lambda signum, frame: None)
    try:
        process = start(argv)
        try:
            code = process.wait()
        except BaseException:  # SIGTERM to us: the command goes too
            _end(process)
            raise
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - code if code < 0 else code


def _end(process: subprocess.Popen[bytes]) -> None:
    from mngr.ops.run import KILL_AFTER_S

    process.terminate()
    try:
        process.wait(KILL_AFTER_S)
    except subprocess.TimeoutExpired:
        process.kill()
