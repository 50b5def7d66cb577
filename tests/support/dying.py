"""dying.py POINT WHEN WORDS…: `mngr WORDS…`, killed before or after its first call of POINT (module:name or module:class.name)."""

import os
import signal
import sys
from importlib import import_module


def main(point: str, when: str, words: list[str]) -> int:
    module, _, path = point.partition(":")
    *owners, name = path.split(".")
    owner = import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    real = getattr(owner, name)

    def dies(*args: object, **kwargs: object) -> object:
        if when == "after":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    setattr(owner, name, dies)
    from mngr.cli.main import run

    return run(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
