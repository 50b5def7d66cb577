"""What a fake program isn't done by itself for: its process becomes another one."""

from __future__ import annotations


class Become(Exception):
    """Raised by a program of the fakes: its process is to become `argv`. `silent`: with nothing on its standard input."""

    def __init__(self, argv: list[str], *, silent: bool = False) -> None:
        super().__init__(argv)
        self.argv, self.silent = argv, silent
