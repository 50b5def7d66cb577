"""Running mngr as its users do: a process of its own, given an environment, waited for within a limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mngr.testing import warm

#: How `mngr` is started: the code that is imported here, with nothing of the current directory on its path.
COMMAND = (sys.executable, "-P", "-c", "from mngr.cli.main import main; main()")

LIMIT_S = 120.0


@dataclass(frozen=True)
class Done:
    """A run of mngr that ended. `code` is negative if a signal ended it."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON. Raises AssertionError showing the run if it isn't."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise AssertionError(f"no JSON on standard output\n{self}") from None

    def __str__(self) -> str:
        parts = [f"$ mngr {' '.join(self.argv)}", f"exit code {self.code}"]
        parts += [
            f"{name}: {text.rstrip()[-3000:]}"
            for name, text in (("out", self.out), ("err", self.err))
            if text
        ]
        return "\n".join(parts)


class Cli:
    """mngr with one environment and one current directory."""

    def __init__(self, env: Mapping[str, str], cwd: Path) -> None:
        self.env = dict(env)
        self.cwd = cwd

    def __call__(
        self, *argv: str, input: str = "", limit_s: float = LIMIT_S, codes: Sequence[int] | None = None
    ) -> Done:
        """Runs `mngr ARGV…`. Raises AssertionError if it outlives its limit, or its exit code isn't in `codes`."""
        done = finish(self.start(*argv), argv, input, limit_s)
        assert codes is None or done.code in codes, f"expected exit code {codes}\n{done}"
        return done

    def ok(self, *argv: str, input: str = "", limit_s: float = LIMIT_S) -> Done:
        return self(*argv, input=input, limit_s=limit_s, codes=(0,))

    def start(
        self, *argv: str, env: Mapping[str, str] | None = None, before: Sequence[str] = (), own_id: str = ""
    ) -> subprocess.Popen[str]:
        """Starts `BEFORE… mngr ARGV…` and returns at once. `own_id`: a variable that holds its process id."""
        env = {**self.env, **(env or {})}
        if not before and warm.can(env):
            return warm.Warm(argv, env, self.cwd, own_id)
        if own_id:
            before = ["/bin/sh", "-c", f'export {own_id}=$$; exec "$@"', "sh", *before]
        return subprocess.Popen(
            [*before, *COMMAND, *argv], env=env, cwd=self.cwd, text=True, errors="replace",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip


def finish(
    process: subprocess.Popen[str], argv: Sequence[str], input: str = "", limit_s: float = LIMIT_S
) -> Done:
    """Feeds a started mngr and waits for its end. What it left running may keep its output open: not waited for."""
    try:
        out, err = process.communicate(input, timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate(timeout=10)
        raise AssertionError(
            f"didn't end within {limit_s:g} s\n{Done(tuple(argv), process.returncode, out, err)}"
        ) from None
    return Done(tuple(argv), process.returncode, out, err)
