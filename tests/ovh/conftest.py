"""A simulated OVH in the test's own process, without machines, and our client aimed at it through the real SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mngr.backends.ovh.buying import order
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.cloud import OvhCloud
from mngr.backends.ovh.config import OvhConfig, credentials
from mngr.backends.ovh.parts import Parts
from mngr.model.progress import Progress
from mngr.testing.cli import Cli
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes, unavailable
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli
from mngr.vps_docker import tags
from mngr.vps_docker.http import CALL_TIMEOUT_S
from mngr.vps_docker.vps_client import MachineSpec
from support.ovh import Here
from support.wire import SkippingClock

HOST = "host-0123456789abcdef"


class Killed(BaseException):
    """The laptop's process, at this point."""


class Laptop:
    """One computer's view of the account: its own markers, its own cloud object. `timeout`: of a call, in real seconds."""

    def __init__(
        self, sim: Here, folder: Path, *, timeout: float = CALL_TIMEOUT_S, **settings: object
    ) -> None:
        self.sim = sim
        self.clock = SkippingClock(sim.advance)
        self.config = OvhConfig(**settings)  # type: ignore[arg-type]
        access = credentials(self.config, "[providers.ovh]", sim.env)
        self.client = OvhClient(access, clock=self.clock, timeout=timeout)
        self.cloud = OvhCloud("ovh", self.client, self.config, folder)
        self.markers = self.cloud.parts.markers

    def spec(self, host: str = HOST, **more: object) -> MachineSpec:
        given = {
            "plan": self.config.default_plan,
            "region": "US-EAST-VA" if self.sim.bill()["currency"] == "USD" else "GRA",
            "image": self.config.default_image_name,
            **more,
        }
        owner = tags.building("ovh", host, "box", "laptop-1", self.cloud.now())
        return MachineSpec(host_id=host, name=f"mngr-ovh-box-{host[5:13]}", tags=owner, **given)  # type: ignore[arg-type]

    def create(
        self,
        spec: MachineSpec,
        handle: dict[str, str] | None = None,
        limit: int = 300,
        progress: Progress = print,
    ):
        """As the builder does: again until it is delivered."""
        kept = dict(handle or {})
        for _ in range(limit):
            made = self.cloud.create(spec, kept, kept.update, progress)
            if made is not None:
                return made, kept
            self.clock.sleep(5)
        raise AssertionError(f"not delivered: {kept}")

    def killed_at(self, key: str) -> dict[str, str]:
        """A create that died when it had saved this part of its handle; the handle."""
        kept: dict[str, str] = {}

        def save(more: dict[str, str]) -> None:
            kept.update(more)
            if more.get(key):
                raise Killed

        def create() -> None:
            for _ in range(100):
                self.cloud.create(self.spec(), dict(kept), save, print)
                self.clock.sleep(5)

        with pytest.raises(Killed):
            create()
        self.is_started_anew()
        return kept

    def is_started_anew(self) -> None:
        """A new process knows nothing of what an earlier one wrote."""
        self.cloud.parts.own_writes._last.clear()

    def killed_around_checkout(self, *, buys: bool) -> dict[str, str]:
        """A create that died just before, or just after, its checkout reached OVH; its handle."""
        checkout = order._checkout
        kept: dict[str, str] = {}

        def dies(parts: Parts, cart: str) -> int:
            if buys:
                checkout(parts, cart)
            raise Killed

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(order, "_checkout", dies)
            with pytest.raises(Killed):
                self.cloud.create(self.spec(), {}, kept.update, print)
        assert kept["cart"]
        return kept


@pytest.fixture(params=["us"])
def flavour(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def sim(flavour: str) -> Iterator[Here]:
    running = Here("--flavour", flavour)
    yield running
    running.stop()


@pytest.fixture
def laptop(sim: Here, tmp_path: Path) -> Laptop:
    return Laptop(sim, tmp_path / "one")


@pytest.fixture(scope="session")
def fakes() -> Iterator[Fakes]:
    if reason := unavailable():
        pytest.skip(reason)
    with Fakes() as found:
        yield found


@pytest.fixture
def account(tmp_path: Path, fakes: Fakes) -> Iterator[Callable[..., OvhWorld]]:
    """Starts a simulated OVH with fake machines, for mngr's command line. Its arguments: more options of simcloud's;
    by keyword, settings of mngr's for it."""
    started: list[SimulatedCloud] = []

    def start(*options: str, **settings: object) -> OvhWorld:
        machines = ("--machines", "fake", "--machines-cmd", str(fakes.command))
        started.append(SimulatedCloud("ovh", *machines, "--speed", "200", *options, env=fakes.env))
        named = {f"MNGR__PROVIDERS__OVH__{key.upper()}": str(value) for key, value in settings.items()}
        return OvhWorld(started[-1], tmp_path, fakes, settings=named)

    yield start
    for cloud in started:
        cloud.stop()


@pytest.fixture
def world(account: Callable[..., OvhWorld]) -> OvhWorld:
    return account()


@pytest.fixture
def mngr(world: OvhWorld) -> Cli:
    return cli(world)
