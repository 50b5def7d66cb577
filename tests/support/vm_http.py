"""A client of the VM service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient


@dataclass
class Http:
    """A client with a token; what it answers is (status, JSON or text)."""

    client: TestClient
    token: str = ""

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        given = {"json": body} if body is not None else {}
        answer = self.client.request(
            method, path, headers={**headers, **more.pop("headers", {})}, **given, **more
        )
        kind = answer.headers.get("content-type", "")
        if answer.status_code >= 400:
            assert kind == "application/problem+json", (answer.status_code, answer.text)
            assert answer.json()["status"] == answer.status_code
        return answer.status_code, answer.json() if "json" in kind else answer.text
