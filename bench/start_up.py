"""How much a command costs before it does anything: CPU seconds against an empty Python."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Row, cpu, paired
from bench.setting import fresh

ROUNDS = 15


def rows(folder: Path) -> Iterator[Row]:
    setting = fresh(folder / "start-up")

    def bare() -> float:
        return cpu([sys.executable, "-c", "pass"], setting.env, setting.folder)

    for args, limit in ((["--help"], 5), (["list"], 8)):
        yield paired(
            f"mngr {' '.join(args)} (CPU)",
            lambda args=args: cpu(setting.mngr(*args), setting.env, setting.folder),
            "python3 -c pass", bare, limit=limit, rounds=ROUNDS,
        )  # fmt: skip
