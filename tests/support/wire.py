"""The network with a note-taker on it, and a clock that doesn't wait."""

from __future__ import annotations

from collections.abc import Callable

import httpx2

from mngr.model.clock import SystemClock


class Recorder(httpx2.HTTPTransport):
    """The network, with notes of what was said on it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[httpx2.Request, httpx2.Response]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        response.read()
        self.said.append((request, response))
        return response


class SkippingClock(SystemClock):
    """A sleep takes no time here; the cloud's clock is moved by as much."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self.advance = advance
        self.skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def now(self) -> float:
        return super().now() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.skipped += seconds
        self.advance(seconds)
