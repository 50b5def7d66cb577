"""`mngr exec` beside several agents at once: what they print comes with their names before it."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from mngr.cli.exec import end_run, interrupt, start
from mngr.model.errors import MngrError

if TYPE_CHECKING:
    from mngr.ops.context import Mngr
    from mngr.ops.reached import Reached
    from mngr.ops.run import Command

#: So many run at once, and of these so many on one host: an SSH server takes ten sessions on a connection.
MOST = 48
MOST_OF_HOST = 6
#: A line that is longer is printed in parts.
LINE = 1 << 16


def run_all(mngr: Mngr, agents: Sequence[Reached], words: Sequence[str], timeout: float | None) -> int:
    """Runs `words` beside each, without input; those that failed are named at the end. The worst exit code. When we are told
    to end, so are the commands, wherever they run."""
    many = Many(mngr, agents, words, timeout)
    before = {one: signal.signal(one, interrupt) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
              if signal.getsignal(one) != signal.SIG_IGN}  # fmt: skip
    try:
        many.run()
    except KeyboardInterrupt:
        many.end()
        raise
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    return many.report()


class Many:
    """Commands beside several agents, and how they ended."""

    def __init__(
        self, mngr: Mngr, agents: Sequence[Reached], words: Sequence[str], timeout: float | None
    ) -> None:
        self._mngr = mngr
        self._agents = agents
        self._words = words
        self._timeout = timeout
        names = [one.text for one in agents]
        # Where two have one name, their hosts tell them apart.
        self._names = [f"{one.text}@{one.host}" if names.count(one.text) > 1 else one.text for one in agents]
        self._width = max(map(len, self._names))
        self._ended: dict[str, int | MngrError] = {}
        self._running: dict[str, tuple[Command, subprocess.Popen[bytes]]] = {}
        self._told = False
        self._lock = threading.Lock()
        self._hosts = defaultdict[str, threading.Semaphore](lambda: threading.Semaphore(MOST_OF_HOST))
        self._all = threading.Semaphore(MOST)

    def run(self) -> None:
        """Returns when all have ended."""
        pairs = list(zip(self._agents, self._names, strict=True))
        threads = [threading.Thread(target=self._one, args=pair, daemon=True) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def end(self) -> None:
        """Ends all that still run, where they run; no other begins."""
        from mngr.model.background import each

        with self._lock:
            self._told = True
            running = list(self._running.items())

        def one(item: tuple[str, tuple[Command, subprocess.Popen[bytes]]]) -> None:
            name, (run, process) = item
            why = end_run(run, process)
            if why:
                self._say(f"mngr: {name}: it may still run there: {why}")

        each(one, running, MOST)

    def report(self) -> int:
        """Names those that failed; the worst exit code."""
        from mngr.cli.main import show

        worst = 0
        for name in self._names:
            ended = self._ended[name]
            if isinstance(ended, MngrError):
                show(MngrError(f"{name}: {ended.message}", hint=ended.hint))
                worst = max(worst, ended.exit_code)
            elif ended:
                self._say(f"mngr: {name}: exit code {ended}")
                worst = max(worst, ended)
        return worst

    def _say(self, text: str) -> None:
        with self._lock:
            print(text, file=sys.stderr, flush=True)

    def _one(self, agent: Reached, name: str) -> None:
        with self._hosts[f"{agent.provider} {agent.host}"], self._all:
            try:
                self._ended[name] = self._run(agent, name)
            except MngrError as error:
                self._ended[name] = error

    def _run(self, agent: Reached, name: str) -> int:
        import time

        from mngr.ops.run import GRACE_S, check_connection, exec_command, limited, timed_out

        words = self._words if self._timeout is None else limited(self._words, self._timeout)
        run = exec_command(self._mngr, agent.address, words)
        since = time.monotonic()
        with self._lock:
            if self._told:
                return 130
            process = start(run.argv, apart=True)
            self._running[name] = run, process
        assert process.stdout
        assert process.stderr
        end = None if self._timeout is None else since + self._timeout + GRACE_S
        if not self._pass_on(name, process.stdout, process.stderr, end):
            end_run(run, process)
        code = process.wait()
        with self._lock:
            del self._running[name]
        if (end and time.monotonic() > end) or timed_out(code, self._timeout, time.monotonic() - since):
            raise MngrError(f"the command didn't end within {self._timeout:g} s")
        code = 128 - code if code < 0 else code
        if code == 255 and run.ssh and not self._told:
            check_connection(self._mngr, agent.address, run)
        return code

    def _pass_on(self, name: str, out: IO[bytes], err: IO[bytes], end: float | None) -> bool:
        """Prints what comes, line by line, until all of it has come; False if `end` came first."""
        import time

        before = f"{name.ljust(self._width)} | ".encode()
        rest = {out: b"", err: b""}
        to = {out: sys.stdout.buffer, err: sys.stderr.buffer}
        with selectors.DefaultSelector() as selector:
            for pipe in (out, err):
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                for key, _ in selector.select(left):
                    pipe = out if key.fileobj is out else err
                    new = os.read(pipe.fileno(), LINE)
                    if not new:
                        selector.unregister(pipe)
                        new = b"\n" if rest[pipe] else b""
                    *lines, rest[pipe] = (rest[pipe] + new).split(b"\n")
                    if len(rest[pipe]) > LINE:
                        lines.append(rest[pipe])
                        rest[pipe] = b""
                    with self._lock:
                        to[pipe].write(b"".join(before + line + b"\n" for line in lines))
                        to[pipe].flush()
        return True
