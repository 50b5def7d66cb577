"""The one quoting helper: argv to a line that a POSIX shell reads back as the same argv."""

import shlex
from collections.abc import Sequence


def line(argv: Sequence[str]) -> str:
    """A shell line for `argv`, exact for any text but NUL. Raises ValueError on NUL."""
    if any("\0" in word for word in argv):
        raise ValueError("a command line can't hold a NUL character")
    return shlex.join(argv)


def assignments(values: dict[str, str]) -> str:
    """`export K='v'` lines for a file that POSIX sh reads. Keys are checked by model.names beforehand."""
    return "".join(f"export {key}={shlex.quote(value)}\n" for key, value in values.items())
