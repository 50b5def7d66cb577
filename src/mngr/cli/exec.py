"""`mngr exec`."""

import click

from mngr.model.errors import MngrError


@click.command(
    "exec", short_help="Run a command beside an agent.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)  # fmt: skip
@click.argument("name")
@click.argument("words", nargs=-1, required=True, metavar="COMMAND…", type=click.UNPROCESSED)
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@click.option(
    "--timeout", type=float, metavar="SECONDS", help="End the command after this long (exit code 1)."
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
    mngr = Mngr()
    argv = exec_argv(mngr, name, words, tty=tty)
    code = pass_through(argv, timeout)
    if code == 255 and argv[0] == "ssh":
        from mngr.ops.run import reachable

        reachable(mngr, name)  # says what is wrong, if the connection was
    return code


def pass_through(argv: list[str], timeout: float | None = None) -> int:
    """Runs a local command with our standard streams; its exit code. Ctrl-C goes to the command, which decides."""
    import signal
    import subprocess

    try:
        process = subprocess.Popen(argv)
    except FileNotFoundError:
        raise MngrError(
            f"{argv[0]} isn't installed here", hint="`mngr doctor` lists what is missing"
        ) from None
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise MngrError(f"the command didn't end within {timeout:g} s") from None
    except BaseException:  # SIGTERM to us: the command goes too
        process.terminate()
        raise
    finally:
        signal.signal(signal.SIGINT, before)
    return 128 - code if code < 0 else code
