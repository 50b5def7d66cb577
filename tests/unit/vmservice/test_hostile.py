"""Hostile requests over a real socket: each is refused, in the one shape, and nothing is another afterwards."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import uvicorn

from mngr.vms import urls
from mngr.vms.hypervisor import Hypervisor, connect
from mngr.vms.urls import Allowed
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from mngr.vmservice.wire import Protocol
from support import shop as shops
from support.hostile import SENT_ON, SOLD, Case, cases

LIMIT_S = 60
ADDRESSES = {
    "images.test": ["192.0.32.10"], "metadata.test": ["169.254.169.254"], "localhost": ["::1", "127.0.0.1"],
    "both.test": ["192.0.32.10", "10.0.0.1"], "six.test": ["fd00::1"],
}  # fmt: skip
CASES = cases()


@dataclasses.dataclass
class World:
    """A served service, and all that it keeps."""

    port: int
    shop: shops.Shop
    token: str
    folder: Path
    hypervisor: Hypervisor
    service: Service

    def state(self) -> dict[str, Any]:
        conn = self.hypervisor.conn
        found: dict[str, Any] = {
            str(path.relative_to(self.folder)): (path.stat().st_mode, _content(path))
            for path in self.folder.rglob("*")
            if not path.name.startswith(("tokens.lock", "audit.jsonl", "operations."))
        }
        # One that has failed is only remembered: what was wrong with it took a look at somebody else's server.
        rows = self.service.operations.store.list_(1000)
        found["operations"] = [(one.id, one.state) for one in rows if one.state != "failed"]
        for domain in conn.listAllDomains():
            facts = (
                domain.UUIDString(),
                domain.state()[0],
                domain.autostart(),
                domain.snapshotNum(),
                domain.XMLDesc(),
            )
            found[f"VM {domain.name()}"] = facts
        found["networks"] = sorted((one.name(), one.isActive()) for one in conn.listAllNetworks())
        found["pools"] = sorted((one.name(), one.numOfVolumes()) for one in conn.listAllStoragePools())
        return found

    def ask(self, case: Case) -> http.client.HTTPResponse:
        sent = case.wire(self.token, self.port, self.shop.port)
        with socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_S) as one:
            try:
                one.sendall(sent)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was refused before its end
            answer = http.client.HTTPResponse(one, method=case.method)
            answer.begin()
            answer.text = answer.read()  # type: ignore[attr-defined]
            return answer


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hostile")
    env = {"LIBVIRT_URI": "test:///default", "LIBVIRT_STORAGE_PATH": str(folder / "disks")}
    settings = Settings(
        port=0,
        libvirt_env=env,
        key_dir=folder / "keys",
        tokens=folder / "home" / "tokens.json",
        images=Allowed(),
        rate=0,
    )
    tokens = Tokens(settings.tokens)
    token = tokens.make("all", "destructive")
    service = Service(settings)
    service.keys.generate("present", kind="ed25519")
    with pytest.MonkeyPatch.context() as patch, connect(environ=env) as hypervisor, shops.open_shop() as shop:
        checked = urls.addresses
        patch.setattr(
            urls,
            "addresses",
            lambda url, *more: ["127.0.0.1"] if url.host == "shop.test" else checked(url, *more),
        )
        patch.setattr(urls, "_system", lambda host, port: _addresses(host))
        shop.moved = {f"/to?{quote(one, safe='')}": one for one in SENT_ON}
        shop.files = {path: (body, "") for path, body in SOLD.items()}
        (folder / "disks" / "images").mkdir(parents=True)
        listening = socket.create_server(("127.0.0.1", 0))
        app = make(service, tokens)
        server = uvicorn.Server(uvicorn.Config(app, http=Protocol, log_level="critical", server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield World(listening.getsockname()[1], shop, token, folder, hypervisor, service)
        finally:
            server.should_exit = True
            thread.join(LIMIT_S)
            listening.close()


def _addresses(host: str) -> list[str]:
    if host in ADDRESSES:
        return ADDRESSES[host]
    return [str(one[4][0]) for one in socket.getaddrinfo(host, 443, flags=socket.AI_NUMERICHOST)]


def test_there_are_many() -> None:
    assert len(CASES) >= 300


@pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])
def test_what_is_hostile_is_refused_and_changes_nothing(world: World, case: Case) -> None:
    before = world.state()
    answer = world.ask(case)
    said: bytes = answer.text  # type: ignore[attr-defined]
    assert 400 <= answer.status < 500, (answer.status, said[:500])
    assert answer.headers["content-type"] == "application/problem+json", said[:500]
    problem = json.loads(said)
    assert problem["status"] == answer.status
    assert problem["type"] == "about:blank" or (answer.status, problem["type"]) == (
        404,
        "urn:mngr:no-such-vm",
    )
    assert problem["title"]
    assert problem["detail"]
    assert len(said) < 10_000
    if answer.status == 405:
        assert answer.headers["allow"]
    assert world.state() == before
