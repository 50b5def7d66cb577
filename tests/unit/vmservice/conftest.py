"""The application, over libvirt's made-up hypervisor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

from fastapi.testclient import TestClient

from mngr.vms import domain as xml
from mngr.vms.hypervisor import connect
from mngr.vms.urls import Allowed
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import MADE, SPEC, Http


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    env = {"LIBVIRT_URI": "test:///default", "LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")}
    return Settings(
        port=0,
        libvirt_env=env,
        key_dir=tmp_path / "keys",
        tokens=tmp_path / "home" / "tokens.json",
        images=Allowed(),
    )


@pytest.fixture
def tokens(settings: Settings) -> Tokens:
    return Tokens(settings.tokens)


@pytest.fixture
def client(settings: Settings, tokens: Tokens) -> Iterator[TestClient]:
    with TestClient(make(Service(settings), tokens), raise_server_exceptions=False) as one:
        yield one


@pytest.fixture
def http(client: TestClient, tokens: Tokens) -> Http:
    """May do everything."""
    return Http(client, tokens.make("all", "destructive"))


@pytest.fixture
def there(settings: Settings) -> Any:
    """A VM as an earlier create made it."""
    with connect(environ=settings.libvirt_env) as hypervisor:
        text = (
            xml.write(SPEC, MADE).replace('type="qemu"', 'type="test"').replace("type='qemu'", "type='test'")
        )
        domain = hypervisor.conn.defineXML(text)
        domain.create()
        yield domain
        domain.destroy()
        domain.undefine()
