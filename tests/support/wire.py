"""The network with a note-taker on it, and a clock that doesn't wait."""

from __future__ import annotations

import httpx2

from mngr.testing.cloud_contract.clock import SkippingClock

__all__ = ["Recorder", "SkippingClock"]


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
