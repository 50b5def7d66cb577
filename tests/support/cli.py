"""mngr as its user types it: a subprocess with a MNGR_HOME of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Cli:
    """Runs `mngr …` with its own MNGR_HOME and environment, from a directory that is no git repository."""

    def __init__(self, home: Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
        self.home = home
        self.cwd = cwd or home.parent
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("MNGR_", "VULTR_", "OVH_"))
        }
        self.env = {**inherited, "MNGR_HOME": str(home), **(env or {})}

    def start(self, *args: str, **options: Any) -> subprocess.Popen[str]:
        """A running `mngr ARGS`; its streams are pipes."""
        pipe = subprocess.PIPE
        options = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, **options}
        return subprocess.Popen(
            [sys.executable, "-m", "mngr", *args], env=self.env, cwd=self.cwd, text=True, **options
        )

    def run(
        self, *args: str, code: int | None = 0, input: str | None = None, limit_s: float = 240
    ) -> subprocess.CompletedProcess[str]:
        """`mngr ARGS`, ended; asserts its exit code unless `code` is None."""
        process = self.start(*args, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE)
        try:
            out, err = process.communicate(input, timeout=limit_s)
        except BaseException:
            process.kill()
            process.wait()
            raise
        done = subprocess.CompletedProcess(args, process.returncode, out, err)
        assert code is None or done.returncode == code, (
            f"mngr {' '.join(args)} gave {done.returncode}\n{out}\n{err}"
        )
        return done

    def json(self, *args: str, code: int | None = 0) -> Any:
        """What `mngr ARGS --format json` prints."""
        return json.loads(self.run(*args, "--format", "json", code=code).stdout)

    def agent(self, name: str) -> dict[str, Any]:
        """The row of one agent in `mngr list`."""
        [row] = [one for one in self.json("list", code=None)["agents"] if one["name"] == name]
        return row

    def host(self, name: str) -> dict[str, Any]:
        """The row of one host in `mngr list`."""
        [row] = [one for one in self.json("list", code=None)["hosts"] if one["name"] == name]
        return row
