"""The program `mngr`, and `python -m mngr`."""

import sys


def main() -> None:
    """Runs the command line. A warm `exec` takes a short cut: see cli/warm.py."""
    if sys.argv[1:2] == ["exec"]:
        from mngr.cli.warm import exec_

        exec_(sys.argv[2:])
    from mngr.cli.main import main

    main()


if __name__ == "__main__":
    main()
