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
from typing import TYPE_CHECKING

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
        self._names = {
            one.agent_id: f"{one.text}@{one.host}.{one.provider}" if names.count(one.text) > 1 else one.text
            for one in agents
        }
        self._width = max(map(len, self._names.values()))
        self._ended: dict[str, int | MngrError] = {}
        self._running: dict[str, tuple[Command, subprocess.Popen[bytes]]] = {}
        self._told = False
        self._broken = False
        self._lock = threading.Lock()
        #: Whoever writes may have to wait for who reads us, and nothing else waits for that.
        self._writing = threading.Lock()
        self._hosts = defaultdict[str, threading.Semaphore](lambda: threading.Semaphore(MOST_OF_HOST))
        self._all = threading.Semaphore(MOST)

    def run(self) -> None:
        """Returns when all have ended. Raises BrokenPipeError when nobody reads us any more; then they were told to end."""
        threads = [threading.Thread(target=self._one, args=(one,), daemon=True) for one in self._agents]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not self._broken:
                thread.join(0.2)
        if self._broken:
            self.end()
            raise BrokenPipeError

    def end(self) -> None:
        """Ends all that still run, where they run; no other begins."""
        from mngr.model.background import each

        with self._lock:
            self._told = True
            running = list(self._running.items())

        def one(item: tuple[str, tuple[Command, subprocess.Popen[bytes]]]) -> None:
            id, (run, process) = item
            why = end_run(run, process)
            if why:
                os.write(2, f"mngr: {self._names[id]}: it may still run there: {why}\n".encode())

        each(one, running, MOST)

    def report(self) -> int:
        """Names those that failed; the worst exit code."""
        from mngr.cli.main import show

        worst = 0
        for id, name in self._names.items():
            ended = self._ended[id]
            if isinstance(ended, MngrError):
                show(MngrError(f"{name}: {ended.message}", hint=ended.hint))
                worst = max(worst, ended.exit_code)
            elif ended:
                print(f"mngr: {name}: exit code {ended}", file=sys.stderr)
                worst = max(worst, ended)
        return worst

    def _one(self, agent: Reached) -> None:
        with self._hosts[f"{agent.provider} {agent.host}"], self._all:
            try:
                ended = self._run(agent)
            except MngrError as error:
                ended = error
            except BrokenPipeError:
                self._broken = True
                return
            except OSError as error:  # no more processes or files, say
                ended = MngrError(str(error))
            self._ended[agent.agent_id] = ended

    def _run(self, agent: Reached) -> int:
        import time

        from mngr.ops.run import GRACE_S, check_connection, exec_command, limited, timed_out

        words = self._words if self._timeout is None else limited(self._words, self._timeout)
        run = exec_command(self._mngr, agent.address, words)
        since = time.monotonic()
        with self._lock:
            if self._told:
                return 130
            process = start(run.argv, apart=True)
            self._running[agent.agent_id] = run, process
        end = None if self._timeout is None else since + self._timeout + GRACE_S
        if not self._pass_on(self._names[agent.agent_id], process, end):
            end_run(run, process)
        code = process.wait()
        with self._lock:
            del self._running[agent.agent_id]
        if (end and time.monotonic() > end) or timed_out(code, self._timeout, time.monotonic() - since):
            raise MngrError(f"the command didn't end within {self._timeout:g} s")
        code = 128 - code if code < 0 else code
        if code == 255 and run.ssh and not self._told:
            check_connection(self._mngr, agent.address, run)
        return code

    def _pass_on(self, name: str, process: subprocess.Popen[bytes], end: float | None) -> bool:
        """Prints what comes, line by line, until the command has ended; False if `end` came first."""
        import time

        assert process.stdout
        assert process.stderr
        before = f"{name.ljust(self._width)} | ".encode()
        rest = {process.stdout: b"", process.stderr: b""}
        with selectors.DefaultSelector() as selector:
            for pipe in rest:
                selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                # What it has left in the background may keep its output open.
                is_over = process.poll() is not None
                if end is not None and time.monotonic() > end:
                    return False
                ready = selector.select(0.1 if is_over else 0.25)
                for pipe in (pipe for pipe in rest if pipe in [key.fileobj for key, _ in ready]):
                    new = os.read(pipe.fileno(), LINE)
                    if not new:
                        selector.unregister(pipe)
                    *lines, rest[pipe] = (rest[pipe] + new).split(b"\n")
                    if rest[pipe] and (not new or len(rest[pipe]) > LINE):
                        lines.append(rest[pipe])
                        rest[pipe] = b""
                    self._write(1 if pipe is process.stdout else 2, [before + line + b"\n" for line in lines])
                if is_over and not ready:
                    break
        for pipe, text in rest.items():
            self._write(1 if pipe is process.stdout else 2, [before + text + b"\n"] if text else [])
            pipe.close()
        return True

    def _write(self, fd: int, lines: list[bytes]) -> None:
        """Not through Python's own buffers: a thread that waits here holds nothing that the process's end needs."""
        left = memoryview(b"".join(lines))
        with self._writing:
            while left:
                left = left[os.write(fd, left) :]
