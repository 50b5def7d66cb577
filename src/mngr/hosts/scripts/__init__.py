"""The shell scripts that run on a host, as data of the package. POSIX sh only; arguments are positional.

A script's text travels as one quoted argument of `sh -c`, so that standard input stays free for data.
"""

import os
from functools import cache

from mngr.transport.base import CommandFailed, Completed, Input, Transport

#: How docker's messages end, for people at a terminal.
_ADVICE = ("See 'docker", "Run 'docker")


@cache
def text(name: str) -> str:
    """The text of `NAME.sh`, ready for `sh -c TEXT NAME ARGS…`. A line `#include OTHER` stands for the text of OTHER.sh."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.sh"), encoding="utf-8") as file:
        whole = file.read()
    return "".join(
        text(line.split()[1]) if line.startswith("#include ") else line for line in whole.splitlines(True)
    )


def script(
    transport: Transport,
    name: str,
    *args: str,
    input: Input = b"",
    timeout: float = 60,
    check: bool = True,
) -> Completed:
    """Runs the script `name` (without `.sh`) there with POSIX sh. Raises as Transport.run does."""
    try:
        return transport.run(["sh", "-c", text(name), name, *args], input=input, timeout=timeout, check=check)
    except CommandFailed as failed:
        raise script_failed(failed, name, transport.place) from None


def script_failed(failed: CommandFailed, name: str, place: str) -> CommandFailed:
    """`failed`, with the step at which the script failed and the last line that it said as its reason."""
    said = [
        line for line in failed.completed.error.splitlines() if line.strip() and not line.startswith(_ADVICE)
    ]
    why = failed.completed.why(said[-1] if said else "")
    return CommandFailed(f"{name} failed on {place}: {why}", failed.completed, hint=failed.hint)
