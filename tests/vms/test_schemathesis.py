"""schemathesis makes up calls from the service's OpenAPI, all phases and all checks, and finds nothing.

It has an environment of its own, in ~/.cache/mngr, as what it brings (rich, say) changes other libraries' logs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from mngr.model.errors import NotFound
from mngr.vms import defined
from mngr.vms.images import Images
from mngr.vms.urls import Allowed
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from mngr.vmservice.wire import Protocol

PINNED = Path(__file__).with_name("schemathesis.txt")
CACHE = Path.home() / ".cache" / "mngr"
#: More of them by hand: MNGR_SCHEMATHESIS=100
EXAMPLES = os.environ.get("MNGR_SCHEMATHESIS", "3")
LIMIT_S = 600 if EXAMPLES == "3" else 7200


@pytest.fixture(scope="module")
def schemathesis() -> Path:
    digest = hashlib.sha256(PINNED.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = CACHE / f"schemathesis-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "schemathesis.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(PINNED)]
            if subprocess.run(pip, check=False, timeout=600).returncode:
                pytest.skip("schemathesis can't be installed; is a package index within reach?")
            (folder / "done").touch()
    return folder / "bin" / "st"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL of a service on libvirt's made-up hypervisor, and a token. No address leads to an image."""
    pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")
    folder = tmp_path_factory.mktemp("schemathesis")
    env = {"LIBVIRT_URI": "test:///default", "LIBVIRT_STORAGE_PATH": str(folder / "disks")}
    settings = Settings(
        port=0, libvirt_env=env, key_dir=folder / "keys", tokens=folder / "home" / "tokens.json", images=Allowed(), rate=0,
    )  # fmt: skip
    tokens = Tokens(settings.tokens)
    with pytest.MonkeyPatch.context() as patch:

        def nothing(self: object, address: str, *more: object) -> Path:
            raise NotFound(f"there is nothing at {address}")

        patch.setattr(Images, "get", nothing)
        patch.setattr(defined, "make_folder", lambda folder: None)  # of this computer
        listening = socket.create_server(("127.0.0.1", 0))
        app = make(Service(settings), tokens)
        server = uvicorn.Server(uvicorn.Config(app, http=Protocol, log_level="critical", server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", tokens.make("all", "destructive")
        finally:
            server.should_exit = True
            thread.join(60)
            listening.close()


@pytest.mark.parametrize("with_token", [True, False], ids=["with a token", "without"])
def test_nothing_is_found(
    schemathesis: Path, served: tuple[str, str], with_token: bool, tmp_path: Path
) -> None:
    url, token = served
    # Without a token all is 401 at the door, whatever the call is.
    phases = "examples,coverage,fuzzing,stateful" if with_token else "examples,stateful"
    done = subprocess.run(
        [
            str(schemathesis), "run", f"{url}/openapi.json", "--phases", phases, "--checks", "all",
            "--seed", "1", "--max-examples", EXAMPLES, "--request-timeout", "60", "--max-response-time", "60", "--no-color", "--generation-database", "none",
            *(["-H", f"Authorization: Bearer {token}"] if with_token else []),
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
