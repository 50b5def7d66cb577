"""The docker provider on the real daemon, with an instance of the run's own; what a test leaves is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mngr.backends.docker import BACKEND, DockerConfig
from mngr.backends.docker.provider import DockerProvider
from mngr.model.ids import new_host_id
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.model.records import HostRecord
from mngr.model.views import HostView
from mngr.providers.contract import Context, HostSpec, IdleRequest

RUN = os.urandom(4).hex()
INSTANCE = f"test-{RUN}"
IMAGE = "mngr/agent:bookworm"


def docker(*args: str, check: bool = True, input: bytes = b"") -> str:
    done = subprocess.run(["docker", *args], capture_output=True, timeout=300, input=input, check=False)
    assert not check or done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def until(what: str, test: Callable[[], bool], limit_s: float = 20) -> None:
    """Waits until `test` is true; fails saying `what`."""
    end = time.monotonic() + limit_s
    while not test():
        assert time.monotonic() < end, f"not within {limit_s} s: {what}"
        time.sleep(0.1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def image() -> str:
    """An image that has all a host needs."""
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker daemon: run `scripts/dockerd start`")
    if not docker("images", "-q", IMAGE):
        pytest.skip(f"image {IMAGE} isn't there: run `python -m mngr.simcloud images`")
    return IMAGE


class Bench:
    """A provider, and what tests do with it."""

    def __init__(
        self, home: Path, image: str, instance: str = INSTANCE, laptop: str = f"laptop-{RUN}"
    ) -> None:
        self.home = home
        config = DockerConfig(default_image=image)
        context = Context(instance=instance, home=home, laptop=laptop)
        provider = BACKEND.build(config, context)
        assert isinstance(provider, DockerProvider)
        self.provider = provider
        self.told: list[Step | Note] = []

    @property
    def phases(self) -> list[str]:
        return [one.phase for one in self.told if isinstance(one, Step)]

    def create(self, name: str = "box", **spec: object) -> HostRecord:
        if "idle" not in spec:
            spec["idle"] = IdleRequest(mode="disabled")
        labels = {"mngr.test-run": RUN}
        wanted = HostSpec(**{"id": new_host_id(), "name": name, "labels": labels, **spec})  # type: ignore[arg-type]
        return self.provider.create(wanted, self.provider.check(wanted), self.told.append)

    def run(self, record: HostRecord, line: str) -> str:
        """A shell line in the host, over ssh."""
        return self.provider.transport(record).run(["sh", "-c", line]).text.strip()

    def inside(self, record: HostRecord, line: str, check: bool = True) -> str:
        """A shell line in the host, not over ssh."""
        return docker("exec", f"mngr-{record.id}", "sh", "-c", line, check=check)

    def view(self, record: HostRecord) -> HostView:
        return self.provider.view(record.id)

    def destroy(self, record: HostRecord) -> None:
        self.provider.destroy(record.id, lambda phase: None)


def left(instance: str = INSTANCE) -> list[str]:
    """Containers, volumes and images of the instance, but for the state container and what is kept for the next host."""
    label = f"label=mngr.provider={instance}"
    found = [
        *docker("ps", "-a", "--filter", label, "--format", "{{.Names}}").split(),
        *docker("volume", "ls", "--filter", label, "--format", "{{.Name}}").split(),
        *docker("image", "ls", "--filter", label, "--format", "{{.Repository}}:{{.Tag}}").split(),
    ]
    kept = (f"mngr-state-{instance}", f"mngr-state:{instance}", "mngr-built:", "mngr-prepared:")
    return [name for name in found if not name.startswith(kept)]


def clear(instance: str) -> None:
    label = f"label=mngr.provider={instance}"
    for name in docker("ps", "-aq", "--filter", label).split():
        docker("rm", "-f", "-v", name, check=False)
    for name in docker("volume", "ls", "-q", "--filter", label).split():
        docker("volume", "rm", name, check=False)
    kept = docker("image", "ls", "--filter", label, "--format", "{{.Repository}}:{{.Tag}}").split()
    docker("rmi", f"mngr-state:{instance}", *kept, check=False)


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("home")
    leftovers = left()
    clear(INSTANCE)
    assert not leftovers, f"left by the tests: {leftovers}"


@pytest.fixture
def bench(shared_home: Path, image: str) -> Bench:
    return Bench(shared_home, image)


@pytest.fixture(scope="module")
def box(shared_home: Path, image: str) -> Iterator[tuple[Bench, HostRecord]]:
    """One host for tests that only look at it, or leave it as it was."""
    bench = Bench(shared_home, image)
    record = bench.create("shared-box", start_args=["--env", "ODD=a\"b $x 'y' \\ ☃", "--env", "LINES=a\nb"])
    yield bench, record
    bench.destroy(record)
