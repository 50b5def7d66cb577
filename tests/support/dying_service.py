"""dying_service.py FILE POINTS WORDS…: `mngr WORDS…`, killed at the point that FILE names just then, such as `module:class.name after`.

POINTS are all that may be named (module:name or module:class.name), with spaces between.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def watched(real: Callable[..., Any], point: str, file: Path) -> Callable[..., Any]:
    def die(when: str) -> None:
        if file.read_text() == f"{point} {when}":
            os.kill(os.getpid(), signal.SIGKILL)

    def called(*args: object, **kwargs: object) -> object:
        die("before")
        done = real(*args, **kwargs)
        die("after")
        return done

    return called


def main(file: Path, points: list[str], words: list[str]) -> int:
    for point in points:
        module, _, path = point.partition(":")
        *owners, name = path.split(".")
        owner = import_module(module)
        for one in owners:
            owner = getattr(owner, one)
        setattr(owner, name, watched(getattr(owner, name), point, file))
    from mngr.cli.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2].split(), sys.argv[3:]))
