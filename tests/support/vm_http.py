"""A client of the VM service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient

from mngr.vms.domain import Made
from mngr.vms.spec import VmSpec

URL = "https://images.test/a.img"
ASKED: dict[str, Any] = {
    "name": "one",
    "memory": 64,
    "vcpus": 1,
    "diskSize": 1,
    "imageUrl": URL,
    "wait": False,
}
SPEC = VmSpec(name="one", image="/images/a.img", memory_mib=64, vcpus=1, disk_gib=1, image_url=URL)
MADE = Made(
    "0f0e0d0c-0b0a-4009-8807-060504030201", "/disks/one.qcow2", "/disks/one.seed.img", "tcg", "no KVM", 0
)


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
