"""Which calls run beside each other: each kind has room of its own, and where it is full the next one is told so at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import anyio
from anyio import to_thread

from mngr.vmservice import problems
from mngr.vmservice.service import Service

Kind = Literal["health", "read", "change"]
MOST: dict[Kind, int] = {"health": 4, "read": 32, "change": 32}


class Calls:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._room = {kind: anyio.CapacityLimiter(most) for kind, most in MOST.items()}
        self._threads = anyio.CapacityLimiter(math.inf)

    async def run(self, kind: Kind, run: Callable[[Service, Any], Any], asked: Any = None) -> Any:
        """`run(service, asked)`, in a thread. Raises what that does; Refused where as many of its kind run as may."""
        room, place = self._room[kind], object()
        try:
            room.acquire_on_behalf_of_nowait(place)
        except anyio.WouldBlock:
            raise problems.Refused(503, f"{MOST[kind]} calls of this kind run already") from None
        try:
            return await to_thread.run_sync(self._service.call, run, asked, limiter=self._threads)
        finally:
            room.release_on_behalf_of(place)
