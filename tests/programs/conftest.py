"""The real programs on the docker provider, with a model that the test plays."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Cli

from . import installed
from .model.server import ModelServer

RUN = os.urandom(4).hex()
INSTANCE = f"test-{RUN}"


def docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def image() -> str:
    try:
        return installed.image()
    except installed.Missing as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def network(image: str) -> Iterator[str]:
    """A Docker network of the test's own."""
    name = f"mngr-{INSTANCE}"
    docker("network", "create", name)
    yield name
    docker("network", "rm", name)


@pytest.fixture(scope="session")
def model(image: str, network: str) -> Iterator[ModelServer]:
    """The model's server, in the network namespace of a container of its own: agents' containers reach it there, nobody
    else does."""
    name = f"{network}-model"
    docker("run", "-d", "--rm", "--name", name, "--network", network, "--entrypoint", "sleep", image, "3600")
    try:
        what = "{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        pid, address = docker("inspect", "-f", what, name).split()
        server = ModelServer(address, namespace=f"/proc/{pid}/ns/net")
        yield server
        server.stop()
    finally:
        docker("rm", "-f", name)


@pytest.fixture(scope="session")
def mngr(image: str, network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    mngr = Cli(tmp_path_factory.mktemp("user") / "home")
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text(
        f'default_provider = "{INSTANCE}"\n[providers.{INSTANCE}]\nbackend = "docker"\ndefault_image = "{image}"\n'
    )
    yield mngr
    label = f"label=mngr.provider={INSTANCE}"
    left = [
        one
        for one in docker("ps", "-a", "--filter", label, "--format", "{{.Names}}").split()
        if "state" not in one
    ]
    for name in docker("ps", "-aq", "--filter", label).split():
        docker("rm", "-f", "-v", name, check=False)
    for name in docker("volume", "ls", "-q", "--filter", label).split():
        docker("volume", "rm", name, check=False)
    docker("rmi", f"mngr-state:{INSTANCE}", check=False)
    assert not left, f"left by the tests: {left}"


@pytest.fixture(scope="session")
def user_folder(mngr: Cli) -> Path:
    return mngr.home.parent
