"""The list of all VMs as it is sent, kept for a second, so that however many ask at once libvirt is asked for it once.

What a call that has ended has changed is in it. Of what is changed beside the service, such as by virsh, VMs that were made, removed,
started or stopped are seen at once, all else within the second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from mngr.vms.look import Vm
from mngr.vms.states import STOPPED

#: So old a list may be that is sent again, in seconds.
AGE_S = 1.0


class Rows(msgspec.Struct, frozen=True):
    """`shapes.Vms`; its rows are JSON already."""

    vms: msgspec.Raw


@dataclass(eq=False)
class _Look:
    """One look at all VMs. `change`: the number of the last change before it began."""

    change: int
    began: float
    ended: threading.Event = field(default_factory=threading.Event)
    rows: Rows | None = None
    counted: tuple[int, int] = (0, 0)
    problem: BaseException | None = None


class Listing:
    """`read`: all VMs, as libvirt says now. `count`: how many run and how many don't, which costs next to nothing, and fails where
    libvirt does. `now` gives seconds. Threads may share it."""

    def __init__(
        self,
        read: Callable[[], list[Vm]],
        count: Callable[[], tuple[int, int]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._count, self._now = read, count, now
        self._lock = threading.Lock()
        self._change = 0
        self._last: _Look | None = None

    def changed(self) -> None:
        """Something may be otherwise than it was: a look that began before is no answer to whoever asks from now on."""
        with self._lock:
            self._change += 1

    def rows(self) -> Rows:
        """Raises what `read` and `count` do."""
        while True:
            look, mine = self._look()
            if mine:
                return self._done(look)
            look.ended.wait()
            if look.problem is not None:
                raise look.problem
            if look.rows is not None and self._count() == look.counted:
                return look.rows
            with self._lock:
                if self._last is look:
                    self._last = None

    def _look(self) -> tuple[_Look, bool]:
        """One that will do, and whether it has yet to be made, by the caller."""
        with self._lock:
            last, now = self._last, self._now()
            if last is not None and last.change == self._change and now - last.began <= AGE_S:
                return last, False
            self._last = _Look(self._change, now)
            return self._last, True

    def _done(self, look: _Look) -> Rows:
        try:
            vms = self._read()
            off = sum(vm.state == STOPPED for vm in vms)
            look.counted = (len(vms) - off, off)
            look.rows = Rows(vms=msgspec.Raw(msgspec.json.encode(vms)))
            return look.rows
        except BaseException as problem:
            look.problem = problem
            with self._lock:
                if self._last is look:
                    self._last = None
            raise
        finally:
            look.ended.set()
