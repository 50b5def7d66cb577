"""`python -m bench.soak [RUNS]`: lists and creates over and over beside hosts that are there; none may die by a signal.

On fake machines of a simulated Vultr, with Python's faulthandler on: what a death by a signal was doing is shown.
"""

import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mngr.testing.cli import Cli, Done
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes, unavailable
from mngr.testing.vultr import VultrWorld
from mngr.testing.world import cli

RUNS = 1000
HOSTS = 3
#: Every so many lists, an agent is put on a host and destroyed again.
CREATE_EVERY = 50
CREATE = ("--provider", "vultr", "--yes", "--no-connect", "--no-code")


def main(argv: list[str]) -> int:
    runs = int(argv[0]) if argv else RUNS
    if reason := unavailable():
        print(f"soak: {reason}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="mngr-soak-") as folder, Fakes() as fakes:
        cloud = SimulatedCloud(
            "vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
        )
        try:
            mngr = cli(VultrWorld(cloud, Path(folder), fakes))
            mngr.env["PYTHONFAULTHANDLER"] = "1"
            return soak(mngr, runs)
        finally:
            cloud.stop()


def soak(mngr: Cli, runs: int) -> int:
    """`runs` lists and, now and then, a create and a destroy. 1 if one of them failed or died, which is shown."""
    hosts = [f"soak-{number}" for number in range(HOSTS)]
    codes: Counter[int] = Counter()
    for host in hosts:
        mngr.ok("create", host, *CREATE, "--label", "kind=soak", "--", "sleep", "100000")
    for run in range(runs):
        words = [("list", "--provider", "vultr", "--format", "json")]
        if run % CREATE_EVERY == CREATE_EVERY - 1:
            words += [("create", f"extra@{hosts[0]}", *CREATE), ("destroy", "extra", "--yes")]
        for done in (mngr(*one) for one in words):
            codes[done.code] += 1
            if done.code:
                print(_named(done), file=sys.stderr, flush=True)
        if run % 500 == 499:
            print(f"soak: {run + 1} of {runs}; exit codes {dict(codes)}", file=sys.stderr, flush=True)
    mngr.ok("destroy", "--yes", *hosts)
    print(f"soak: {codes.total()} commands, exit codes {dict(codes)}")
    return 1 if set(codes) - {0} else 0


def _named(done: Done) -> str:
    died = f"died of {signal.Signals(-done.code).name}\n" if done.code < 0 else ""
    return died + str(done)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
