"""What costs money, as a person and as a script order it: the price is said before, and asked of a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.fixtures import fakes
from mngr.testing.vultr import VultrWorld
from mngr.testing.world import cli
from support.typed import typed

__all__ = ["fakes"]

CREATE = ("create", "one", "--provider", "vultr", "--no-code", "--no-connect")
PRICE = "USD 0.007 an hour, at most USD 5 a month"
SLEEP = ("--", "sleep", "1000")


@pytest.fixture(scope="module")
def cloud(fakes: Fakes) -> Iterator[SimulatedCloud]:
    cloud = SimulatedCloud("vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env)
    yield cloud
    cloud.stop()


@pytest.fixture
def world(cloud: SimulatedCloud, fakes: Fakes, tmp_path: Path) -> Iterator[VultrWorld]:
    world = VultrWorld(cloud, tmp_path, fakes)
    yield world
    hosts = cli(world).ok("list", "-q").out.split()
    if hosts:
        cli(world).ok("destroy", "--yes", *hosts)
    assert bought(world) == []


def bought(world: VultrWorld) -> list[str]:
    return [line["kind"] for line in world.cloud.bill()["lines"] if line["open"]]


@pytest.mark.parametrize("answer", ["n\n", "\x03", "\x04"])
def test_a_person_is_told_the_price_and_buys_nothing_with_a_no(world: VultrWorld, answer: str) -> None:
    code, screen = typed(world.env, world.scratch, *CREATE, *SLEEP, answer=answer)
    assert code == (1 if answer == "n\n" else 130)
    assert PRICE in screen
    assert "nothing was done" in screen
    assert "taken back" not in screen
    assert bought(world) == []


def test_a_person_who_agrees_buys(world: VultrWorld) -> None:
    code, screen = typed(world.env, world.scratch, *CREATE, *SLEEP, answer="y\n")
    assert (code, len(bought(world))) == (0, 1), screen
    # What is there costs nothing more.
    beside = ("create", "two@one", "--no-code", "--no-connect", *SLEEP)
    code, screen = typed(world.env, world.scratch, *beside)
    assert (code, "Go on?" in screen) == (0, False), screen
    code, screen = typed(world.env, world.scratch, "destroy", "two", answer="\x03", columns=200)
    assert (code, "mngr: interrupted; nothing was done" in screen) == (130, True)
    assert "two (running) on one; host one stays, with one and its bill (0.007 USD/h)" in screen
    assert sorted(cli(world).ok("list", "-q").out.split()) == ["one", "two"]


@pytest.mark.parametrize(("above", "asks"), [("0.006", True), ("0.007", False)])
def test_nobody_is_asked_up_to_a_price_that_was_set(world: VultrWorld, above: str, asks: bool) -> None:
    env = {**world.env, "MNGR__ASK_ABOVE": above}
    code, screen = typed(env, world.scratch, *CREATE, *SLEEP, answer="n\n")
    assert PRICE in screen
    assert (code, "Go on?" in screen, len(bought(world))) == ((1, True, 0) if asks else (0, False, 1)), screen


@pytest.mark.parametrize("word", ["", "-y"])
def test_a_script_is_told_the_price_and_waits_for_nobody(world: VultrWorld, word: str) -> None:
    done = cli(world).ok(*CREATE, *filter(None, [word]), *SLEEP)
    assert PRICE in done.err
    assert "Go on?" not in done.err
    assert len(bought(world)) == 1


def test_who_can_t_see_a_question_isn_t_asked_one(world: VultrWorld) -> None:
    unseen = ("sh", "-c", 'exec "$@" 2>said', "sh")
    code, _ = typed(world.env, world.scratch, *CREATE, *SLEEP, before=unseen)
    said = (world.scratch / "said").read_text()
    assert (code, PRICE in said, "Go on?" in said, len(bought(world))) == (0, True, False, 1)
    code, _ = typed(world.env, world.scratch, "destroy", "one", before=unseen)
    assert (code, "--yes says yes" in (world.scratch / "said").read_text()) == (2, True)
