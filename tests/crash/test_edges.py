"""The paid call itself, with lists that lag: nothing is bought twice, no agent is taken away, nothing is forgotten."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from mngr.testing.crash import calls
from mngr.testing.crash.calls import Run
from mngr.testing.crash.points import points
from mngr.testing.crash.verbs import lifecycle
from mngr.testing.vultr import VultrWorld
from mngr.testing.world import cli

pytestmark = pytest.mark.crash

#: The cloud's lists show what was so many seconds ago; mngr is told a little more.
LAG_S = 20.0
TOLD_S = 25.0

HOWS = ("before", "after", "lose")


class Order:
    """`create one` in a world, disturbed at its order."""

    def __init__(self, world: VultrWorld) -> None:
        self.world = world
        self.mngr = cli(world)
        self.create, *_, self.destroy = lifecycle(world)
        run = calls.record(self.mngr, world.cloud, self.create.argv("clean"))
        assert run.done.code == 0, run.done
        self.points = {point.how: point for point in points(run.calls) if "POST /v2/instances" in point.call}
        self.mngr.ok(*self.destroy.argv("clean"))

    def disturbed(self, how: str) -> Run:
        """A create that is killed before or after its order, or whose order's answer is lost."""
        if how == "lose":
            self.lag()
        run = calls.run(self.mngr, self.world.cloud, self.create.argv("one"), self.points[how])
        assert run.reached
        self.lag()
        return run

    def lag(self) -> None:
        self.world.cloud.fault("stale", method="GET", path="/instances", lag_s=LAG_S, times=None)

    @contextlib.contextmanager
    def fast_clock(self) -> Iterator[None]:
        """The cloud's time passes ten times as fast, so that waiting for it is bearable."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(0.3):
                self.world.cloud.advance(3)

        runner = threading.Thread(target=run, daemon=True)
        runner.start()
        try:
            yield
        finally:
            stop.set()
            runner.join()
            self.world.cloud.clear()


@pytest.fixture
def order(vultr):
    lag = {"MNGR__PROVIDERS__VULTR__LIST_LAG": str(TOLD_S)}
    return Order(VultrWorld(vultr.cloud, vultr.scratch, vultr.fakes, settings=lag))


@pytest.mark.parametrize("how", HOWS)
def test_a_lagging_list_makes_nobody_buy_twice(order, how):
    with order.fast_clock():
        order.disturbed(how)
        done = order.mngr(*order.create.argv("one"), codes=(0, 4))
    assert len(order.world.things()) == 1, done
    assert order.mngr.ok("exec", "one", "echo here").out == "here\n"
    order.mngr.ok(*order.destroy.argv("one"))
    assert order.world.things() == []


def test_a_list_that_lags_longer_than_told_costs_a_lease_and_no_agent(vultr):
    """Bought twice, for nothing could tell; the host with its agent stays, the other one goes when its lease ends."""
    order = Order(vultr)
    with order.fast_clock():
        first = order.disturbed("lose")
        assert first.done.code == 0, first.done
        order.mngr.ok("exec", "one", "echo work >work")
        again = order.mngr(*order.create.argv("one"), codes=(4,))
        assert order.mngr.ok("exec", "one", "cat work").out == "work\n", again
    assert len(vultr.things()) == 2
    vultr.pass_time(3600)
    order.mngr("gc", codes=(0,))
    assert len(vultr.things()) == 1
    assert order.mngr.ok("exec", "one", "cat work").out == "work\n"


def test_a_sweep_between_order_and_lagging_list_finds_it_later(order):
    order.disturbed("after")
    with order.fast_clock():
        order.lag()
        for _ in range(4):
            order.mngr("gc", codes=(0,))
            order.world.pass_time(LAG_S + 60)
    assert order.world.things() == []
