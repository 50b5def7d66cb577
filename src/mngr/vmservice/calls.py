"""Which calls run beside each other: each kind has room of its own, and where it is full the next one is told so at once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, Literal

import anyio
from anyio import to_thread

from mngr.vmservice import problems
from mngr.vmservice.operations import Live, Long
from mngr.vmservice.service import Service

#: "make": creates, most of whose time is a guest's that boots: they leave room for those that end it.
Kind = Literal["health", "read", "change", "make", "wait"]
MOST: dict[Kind, int] = {"health": 4, "read": 32, "change": 32, "make": 32, "wait": 128}


class Calls:
    def __init__(self, service: Service) -> None:
        self._service, self.audit = service, service.audit
        self._room = {kind: anyio.CapacityLimiter(most) for kind, most in MOST.items()}
        self._threads = anyio.CapacityLimiter(math.inf)
        self._working: set[asyncio.Task[None]] = set()

    async def run(self, kind: Kind, run: Callable[[Service, Any], Any], asked: Any = None) -> Any:
        """`run(service, asked)`, in a thread. Raises what that does; Refused where as many of its kind run as may."""
        let_go = self._take(kind)
        try:
            return await self._call(run, asked, changes=kind in ("change", "make"))
        finally:
            let_go()

    async def begin(self, kind: Kind, action: Long, asked: Any) -> Live:
        """An operation that goes on by itself. Raises what `Operations.begin` does, and Refused."""
        let_go = self._take(kind)
        try:
            live, mine = await self._call(
                lambda service, asked: service.operations.begin(action, asked, promised=True), asked
            )
        except BaseException:
            let_go()
            raise
        if mine:
            self.go_on(live, then=let_go)
        else:
            let_go()
        return live

    def go_on(
        self,
        live: Live,
        run: Callable[[Service, Any], Any] | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Works at an operation, beside all else."""

        async def work() -> None:
            try:
                await to_thread.run_sync(self._service.operations.work, live, run, limiter=self._threads)
            finally:
                then()

        task = asyncio.create_task(work())
        self._working.add(task)  # the loop itself keeps none
        task.add_done_callback(self._working.discard)

    async def _call(self, run: Callable[[Service, Any], Any], asked: Any, changes: bool = True) -> Any:
        return await to_thread.run_sync(self._service.call, run, asked, changes, limiter=self._threads)

    def _take(self, kind: Kind) -> Callable[[], None]:
        """A place of a kind, and how it is let go of. Raises Refused."""
        room, place = self._room[kind], object()
        try:
            room.acquire_on_behalf_of_nowait(place)
        except anyio.WouldBlock:
            raise problems.Refused(503, f"{MOST[kind]} calls of this kind run already") from None
        return lambda: room.release_on_behalf_of(place)
