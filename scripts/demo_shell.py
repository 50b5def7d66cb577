"""Somebody at a shell, for the demo: types commands of mngr, shows them with their output, and notes what each phase took."""

import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

COMMAND_LIMIT_S = 600


@dataclass
class Shell:
    """Types commands, shows them with their output, and keeps each phase's seconds."""

    folder: Path
    env: dict[str, str]
    rows: list[tuple[str, str, float]] = field(default_factory=list)
    process: "subprocess.Popen[str] | None" = None

    def type(self, line: str) -> None:
        """Runs one command line of mngr. Raises SystemExit if it fails."""
        print(f"\n$ {line}", flush=True)
        began = time.monotonic()
        words = shlex.split(line)
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name(words[0])), *words[1:]],
            cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        phases: list[tuple[str, float]] = []
        readers = [
            threading.Thread(target=self._show, args=(stream, words[1], phases))
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in readers:
            reader.start()
        try:
            code = self.process.wait(COMMAND_LIMIT_S)
        except BaseException:
            # Ctrl-C reached it too: it takes back what it was making. The cloud must be there until then.
            if not isinstance(sys.exception(), KeyboardInterrupt):
                self.process.send_signal(signal.SIGINT)
            self.process.wait(120)
            raise
        finally:
            for reader in readers:
                reader.join(10)
        ended = time.monotonic()
        starts = [at for _, at in phases] + [ended]
        for (name, at), until in zip(phases, starts[1:], strict=True):
            self.rows.append((words[1], name, until - at))
        self.rows.append((words[1], "", ended - began))
        if code:
            raise SystemExit(f"demo: `{line}` ended with exit code {code}")

    def _show(self, stream: IO[str] | None, verb: str, phases: list[tuple[str, float]]) -> None:
        for line in stream or ():
            # Off a terminal, mngr says each phase and its steps in lines as they start: `create my-agent: boot`.
            head, colon, phase = line.rstrip().partition(": ")
            if (
                colon
                and stream is not None
                and self.process
                and stream is self.process.stderr
                and head.startswith(verb)
            ):
                name = re.split(r": | \(", phase)[0]
                if name not in ("warning", phases[-1][0] if phases else ""):
                    phases.append((name, time.monotonic()))
            print(line.rstrip(), flush=True)
