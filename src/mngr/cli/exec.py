"""`mngr exec`."""

import subprocess

import click

from mngr.model.errors import MngrError

#: A command that doesn't end on SIGTERM is killed after so long.
KILL_AFTER_S = 5


@click.command(
    "exec", short_help="Run a command beside an agent.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)  # fmt: skip
@click.argument("name")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND…", type=click.UNPROCESSED)
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="End the command after this long (exit code 1).",
)
def command(name: str, words: tuple[str, ...], tty: bool, timeout: float | None) -> int:
    """Run a command in an agent's work dir with its environment; standard input and the exit code pass through.

    \b
    mngr exec my-agent "ls | wc -l"       one string is a shell line
    mngr exec my-agent git log --oneline  several words are an argv
    """
    from mngr.ops.context import Mngr
    from mngr.ops.run import exec_argv

    words = words[1:] if words[0] == "--" else words
    if timeout is not None:
        words = _limited(words, timeout, tty)
    mngr = Mngr()
    argv = exec_argv(mngr, name, words, tty=tty)
    code = pass_through(argv, None if timeout is None else timeout + KILL_AFTER_S + 10)
    if timeout is not None and code in (124, 137):
        raise MngrError(f"the command didn't end within {timeout:g} s")
    if code == 255 and argv[0] == "ssh":
        from mngr.ops.run import reachable

        reachable(mngr, name)  # says what is wrong, if the connection was
    return code


def _limited(words: tuple[str, ...], timeout: float, tty: bool) -> tuple[str, ...]:
    """`words` as timeout(1) runs them: where the command is, so that all its processes end, also behind ssh."""
    line = ("sh", "-c", *words) if len(words) == 1 else words
    return (
        "timeout", "-k", str(KILL_AFTER_S), *(("--foreground",) if tty else ()), f"{timeout:f}", *line,
    )  # fmt: skip


def pass_through(argv: list[str], timeout: float | None = None) -> int:
    """Runs a local command with our standard streams; its exit code. Ctrl-C goes to the command, which decides."""
    import signal

    # Handled from before it starts, so that no Ctrl-C is ours; not ignored, which it would inherit.
    before = signal.signal(signal.SIGINT, lambda signum, frame: None)
    try:
        process = subprocess.Popen(argv)
    except FileNotFoundError:
        signal.signal(signal.SIGINT, before)
        raise MngrError(
            f"{argv[0]} isn't installed here", hint="`mngr doctor` lists what is missing"
        ) from None
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise MngrError(f"the command didn't end within {timeout:g} s") from None
    except BaseException:  # SIGTERM to us: the command goes too
        _end(process)
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - code if code < 0 else code


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(KILL_AFTER_S)
    except subprocess.TimeoutExpired:
        process.kill()
