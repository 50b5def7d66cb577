"""Paired, interleaved measuring: A B A B …, medians; a ratio is the median of the pairs' ratios."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

#: Nothing measured here takes longer unless it hangs.
LIMIT_S = 300


@dataclass(frozen=True)
class Row:
    """A line of the table. `by`: "×" compares by division, "+" by subtraction. `unit`: of figure and base, "s" or "MB"."""

    what: str
    figure: float
    base_is: str
    base: float
    compared: float
    limit: float
    by: str = "×"
    unit: str = "s"

    @property
    def ok(self) -> bool:
        return self.compared <= self.limit


def cpu(argv: Sequence[str], env: dict[str, str], cwd: Path) -> float:
    """Seconds of CPU that a command and its children took."""
    process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with exit code {process.returncode}")
    return used.ru_utime + used.ru_stime


#: What starts the command whose memory is measured: a small process, as a child's peak begins at its parent's size.
_SMALL = """import os, sys
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
_, status, used = os.wait4(child, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak(argv: Sequence[str], env: dict[str, str], cwd: Path) -> float:
    """The most memory that a command had at a time, in MB (resident)."""
    small = [sys.executable, "-I", "-S", "-c", _SMALL, *argv]
    done = subprocess.run(
        small, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with exit code {done.returncode}: {done.stderr[-2000:]}")
    return int(done.stdout) / 1024


def wall(argv: Sequence[str], env: dict[str, str], cwd: Path) -> float:
    """Seconds from the start of a command to its end."""
    began = time.monotonic()
    done = subprocess.run(
        argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S
    )
    seconds = time.monotonic() - began
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)} ended with exit code {done.returncode}: {done.stderr[-2000:]}")
    return seconds


def paired(
    what: str, ours: Callable[[], float], base_is: str, base: Callable[[], float], *,
    limit: float, rounds: int, by: str = "×", unit: str = "s",
) -> Row:  # fmt: skip
    """Measures both in turn, `rounds` times, after one unmeasured turn each."""
    base()
    ours()
    pairs = [(base(), ours()) for _ in range(rounds)]
    compared = median((ours - base) if by == "+" else ours / base for base, ours in pairs)
    return Row(
        what,
        median(ours for _, ours in pairs),
        base_is,
        median(base for base, _ in pairs),
        compared,
        limit,
        by,
        unit,
    )


def table(rows: Sequence[Row]) -> str:
    head = ["what", "figure", "base", "", "ratio", "limit", ""]
    cells = [
        [
            row.what, _shown(row.figure, row.unit), _shown(row.base, row.unit), row.base_is, f"{row.compared:.2f} {row.by}",
            f"{row.limit:g} {row.by}", "ok" if row.ok else "OVER",
        ]
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[i]) for line in [head, *cells]) for i in range(len(head))]
    right = {1, 2, 4, 5}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in [head, *cells]
    )


def _shown(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.1f} {unit}"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
