"""A provider as the suites see it: how mngr reaches it, what exists outside mngr, how time passes there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mngr.testing.cli import Cli


@dataclass(frozen=True)
class Thing:
    """Something that exists outside mngr and somebody pays for or trips over: a machine, a container, a session.

    `owner` is the id of the host (or agent) that it says it belongs to, "" if it doesn't say. `lease` is until
    when a laptop claims to be building it, in seconds of `World.now`; 0 if nobody does.
    """

    kind: str
    id: str
    name: str = ""
    owner: str = ""
    lease: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)


class World(Protocol):
    """What an author of a provider brings. One world may be used for many tests, one after the other."""

    @property
    def provider(self) -> str:
        """The provider instance's name, as in `--provider`."""
        ...

    @property
    def env(self) -> Mapping[str, str]:
        """The environment of mngr: PATH, MNGR_HOME, credentials, settings."""
        ...

    @property
    def create(self) -> Sequence[str]:
        """Arguments that every `mngr create` here gets."""
        ...

    @property
    def isolated(self) -> bool:
        """Whether a host is apart from this computer: made by create, and gone after destroy."""
        ...

    @property
    def scratch(self) -> Path:
        """A folder for files of tests."""
        ...

    @property
    def home(self) -> Path:
        """MNGR_HOME."""
        ...

    def things(self) -> list[Thing]:
        """All that exists, asked behind mngr's back, once what was asked of the provider has been done."""
        ...

    def now(self) -> float:
        """The provider's time."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Lets the provider's time pass, without waiting."""
        ...

    def other_home(self) -> World:
        """The same account, seen from a computer that has never run mngr."""
        ...


class CloudControl(Protocol):
    """What a simulated cloud offers to a crash driver (simcloud's control port does)."""

    def calls(self, since: int = 0) -> list[dict[str, Any]]: ...
    def gate(self, at: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int: ...
    def held(self, wait_s: float = 10.0) -> list[dict[str, Any]]: ...
    def release(self, then: str = "go", held: int | None = None) -> int: ...
    def fault(self, do: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int: ...
    def clear(self) -> None: ...


def cli(world: World) -> Cli:
    """mngr in this world."""
    return Cli(world.env, world.scratch)


def cloud_of(world: World) -> CloudControl | None:
    """The control of the world's simulated cloud, if it has one (attribute `cloud`)."""
    return getattr(world, "cloud", None)


def listing(world: World) -> dict[str, Any]:
    """What `mngr list --format json` shows of this provider."""
    return cli(world)("list", "--provider", world.provider, "--format", "json", codes=(0, 5)).json()


def intents(home: Path) -> dict[str, dict[str, Any]]:
    """The journal of a MNGR_HOME: subject (host id) → intent."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((home / "journal").glob("*.json")):
        found[path.name.removesuffix(".json").partition(".")[2]] = json.loads(path.read_text())
    return found
