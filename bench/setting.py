"""Where a benchmark runs: a folder, an MNGR_HOME and simulated clouds of its own, all taken away at the end."""

import compileall
import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mngr.testing.cloud import UNLIMITED

#: The image that both sides of a comparison use.
IMAGE = "mngr/agent:bookworm"
TOP = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CLOUD_LIMIT_S = 900


@dataclass(frozen=True)
class Setting:
    """A folder that is no git repository, and the environment of a user who has just installed mngr."""

    folder: Path
    env: dict[str, str]

    def mngr(self, *args: str) -> list[str]:
        return [str(BIN / "mngr"), *args]

    def run(self, *args: str, limit_s: float = 300) -> str:
        """`mngr ARGS`, unmeasured; its standard output. Raises RuntimeError with what it said."""
        done = subprocess.run(
            self.mngr(*args), env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=limit_s,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"mngr {' '.join(args)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def with_env(self, **more: str) -> "Setting":
        return Setting(self.folder, {**self.env, **more})


def compiled() -> None:
    """Compiles mngr's modules, as pip does where it installs them: Python itself may have been told not to write bytecode
    (PYTHONDONTWRITEBYTECODE), and then each command compiled all of them anew."""
    if not compileall.compile_dir(TOP / "src" / "mngr", quiet=1):
        raise RuntimeError("mngr's modules can't be compiled")


def fresh(folder: Path) -> Setting:
    """A new user in `folder`."""
    folder.mkdir()
    bare = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MNGR", "VULTR_", "OVH_", "AZURE_"))
    }
    return Setting(folder, {**bare, "MNGR_HOME": str(folder / "home")})


@dataclass(frozen=True)
class Cloud:
    """A running simulated cloud."""

    url: str
    control: str
    env: dict[str, str]

    def settle(self) -> None:
        """Waits until its machines have done what was asked of them: until none is being taken away, say."""
        body = json.dumps({"limit_s": 60}).encode()
        with urllib.request.urlopen(f"{self.control}/settle", body, timeout=90) as answer:
            if not json.load(answer)["settled"]:
                raise RuntimeError("the simulated cloud doesn't settle")

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Its API, as a customer's client calls it."""
        headers = {"Authorization": f"Bearer {self.env['VULTR_API_KEY']}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@contextmanager
def simulated(env: dict[str, str], *arguments: str, vendor: str = "vultr") -> Iterator[Cloud]:
    """A simulated cloud, by TLS if its clients want that; at the end it removes all it made."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mngr.simcloud", vendor, *UNLIMITED[vendor], *arguments],
        env=env, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        readable, _, _ = select.select([process.stdout], [], [], CLOUD_LIMIT_S)
        line = process.stdout.readline() if readable else ""
        if not line:
            raise RuntimeError(f"the simulated {vendor} didn't start")
        ready = json.loads(line)
        by = "https_" if vendor == "azure" else ""
        yield Cloud(ready[f"{by}url"], ready["control"], ready[f"{by}env"])
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
