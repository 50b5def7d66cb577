"""Work that goes on behind the API: one queue for each machine, so that what was asked happens in order."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable


class Jobs:
    """Runs each key's jobs one after the other, in a thread that lives as long as there are any."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._changed = threading.Condition()
        self._queues: dict[str, deque[Callable[[], None]]] = {}

    def submit(self, key: str, job: Callable[[], None]) -> None:
        with self._changed:
            if self.stopping.is_set():
                return
            running = key in self._queues
            self._queues.setdefault(key, deque()).append(job)
        if not running:
            threading.Thread(target=self._run, args=(key,), name=f"jobs {key}", daemon=True).start()

    def pending(self) -> list[str]:
        """The keys that still have work."""
        with self._changed:
            return list(self._queues)

    def settle(self, limit_s: float) -> bool:
        """Wait until nothing is left to do; False if the time was over first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queues, limit_s)

    def stop(self, limit_s: float) -> bool:
        """Take no more work, tell what runs to end, and wait for it."""
        self.stopping.set()
        end = time.monotonic() + limit_s
        with self._changed:
            for queue in self._queues.values():
                queue.clear()
        return self.settle(max(0.0, end - time.monotonic()))

    def _run(self, key: str) -> None:
        while True:
            with self._changed:
                queue = self._queues[key]
                if not queue:
                    del self._queues[key]
                    self._changed.notify_all()
                    return
                job = queue.popleft()
            try:
                job()
            except Exception:
                if not self.stopping.is_set():
                    print(f"simcloud: a job for {key} failed:", file=sys.stderr)
                    traceback.print_exc()
