"""A simulated cloud for a test, which can be asked as its customer asks it."""

from __future__ import annotations

from typing import Any

from mngr.testing.cloud import SimulatedCloud, send, until

__all__ = ["Simcloud", "send", "until"]


class Simcloud(SimulatedCloud):
    """`run`: the name of its run, by which its machines are found in Docker."""

    def __init__(self, vendor: str, *arguments: str, run: str | None = None) -> None:
        super().__init__(vendor, *arguments, env={"MNGR_TEST_RUN": run} if run else None)

    def api(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
        """Call Vultr's API: (status, body). Raises OSError if no answer comes."""
        token = self.env.get("VULTR_API_KEY", "") if key is None else key
        return send(method, self.url + path, body, {"Authorization": f"Bearer {token}"})
