"""The shell scripts that run on a host, as data of the package. POSIX sh only; arguments are positional."""

import os
from functools import cache


@cache
def text(name: str) -> str:
    """The text of `NAME.sh`, ready for `sh -c TEXT NAME ARGS…`."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.sh"), encoding="utf-8") as file:
        return file.read()
