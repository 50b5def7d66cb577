"""`python -m bench [NAME…]`: measures, prints one table, fails if something is over its limit."""

import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from bench import measure, on_azure, on_docker, on_mcp, on_vm, on_vultr, on_watcher, start_up, talk, told
from bench.setting import TOP, compiled

sys.path.insert(0, str(TOP / "scripts"))
import leftovers

BENCHES = {
    "start-up": start_up.rows,
    "talk": talk.rows,
    "told": told.rows,
    "watcher": on_watcher.rows,
    "docker": on_docker.rows,
    "vultr": on_vultr.rows,
    "azure": on_azure.rows,
    "vm": on_vm.rows,
    "mcp": on_mcp.rows,
}


def main(names: list[str]) -> int:
    if unknown := set(names) - BENCHES.keys():
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = f"bench-{os.getpid()}-{secrets.token_hex(3)}"
    os.environ.update({**leftovers.mark(run), "MNGR_TEST_RUN": run})
    compiled()
    rows: list[measure.Row] = []
    try:
        with tempfile.TemporaryDirectory(prefix="mngr-bench-") as folder:
            for name in names or BENCHES:
                print(f"measuring {name} …", file=sys.stderr, flush=True)
                rows += BENCHES[name](Path(folder))
    except KeyboardInterrupt:
        return 130
    finally:
        left = leftovers.end_processes(run)
        for one in left:
            print(f"bench: left behind: {one}", file=sys.stderr)
        if rows:
            print(measure.table(rows))
    return 1 if left or not all(row.ok for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
