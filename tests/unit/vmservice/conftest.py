"""The application, over libvirt's made-up hypervisor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

from fastapi.testclient import TestClient

from mngr.vms.urls import Allowed
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from support.vm_http import Http


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
