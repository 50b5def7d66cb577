"""What all parts of the contract share: mngr in the world under test, agents that go away, one agent for lookers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mngr.testing.cli import Cli, Done
from mngr.testing.world import World, cli

SLEEPER = ("sleep", "100000")

_numbers = itertools.count(1)


class Base:
    """Fixtures. `world` has to be overridden, with scope `class`, `module` or `session`."""

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls) -> World:
        raise NotImplementedError("the class that inherits the contract brings the world")

    @pytest.fixture(scope="class")
    @classmethod
    def mngr(cls, world: World) -> Cli:
        return cli(world)

    @pytest.fixture
    def make(self, world: World, mngr: Cli) -> Iterator[Callable[..., Any]]:
        """`make(*more, command=…)`: creates an agent of a fresh name, and removes it after the test; what
        `create --format json` said."""
        made: list[str] = []

        def make(*more: str, name: str = "", command: tuple[str, ...] = SLEEPER) -> Any:
            name = name or fresh_name()
            made.append(name)
            return create(mngr, world, name, *more, command=command).json()

        yield make
        for name in made:
            remove(mngr, name)

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, world: World, mngr: Cli) -> Iterator[str]:
        """The name of an agent for tests that only look at it."""
        name = fresh_name("looked-at")
        create(mngr, world, name)
        yield name
        remove(mngr, name)


def fresh_name(stem: str = "agent") -> str:
    return f"{stem}-{next(_numbers)}"


def create(mngr: Cli, world: World, name: str, *more: str, command: tuple[str, ...] = SLEEPER) -> Done:
    """`mngr create` as a test needs it: no questions, JSON out."""
    return mngr.ok(*create_words(world, name, *more, command=command), limit_s=limit(world))


def create_words(world: World, name: str, *more: str, command: tuple[str, ...] = SLEEPER) -> list[str]:
    words = ["create", name, "--provider", world.provider, "--yes", "--no-connect", "--format", "json"]
    return [*words, *world.create, *more, "--", *command]


def limit(world: World) -> float:
    """So many seconds may a create take here."""
    return getattr(world, "limit_s", 120.0)


def remove(mngr: Cli, name: str) -> None:
    """The agent and its host, if they are there."""
    mngr("destroy", name, "--force")


def listed(mngr: Cli, world: World, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """What `mngr list --format json` shows of this provider."""
    return mngr("list", "--provider", world.provider, "--format", "json", codes=codes).json()


def shown(mngr: Cli, world: World, name: str) -> dict[str, Any] | None:
    """The agent's row, if it is listed."""
    return next((one for one in listed(mngr, world)["agents"] if one["name"] == name), None)
