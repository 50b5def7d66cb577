"""What every operation needs: where files are, the config, the providers, time."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mngr.config import home as homes
from mngr.config.layers import load, load_own
from mngr.config.schema import Config
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput
from mngr.model.notes import Note
from mngr.model.progress import Progress, Step
from mngr.model.records import HostRecord
from mngr.providers import registry
from mngr.providers.contract import HostProvider

if TYPE_CHECKING:
    from mngr.agents.tmux import Place


class Mngr:
    """A configured mngr. Reads config on first use; builds each provider instance once."""

    def __init__(self, home: Path | None = None, config: Config | None = None, clock: Clock = SYSTEM) -> None:
        self.home = home or homes.home()
        self.clock = clock
        self._config = config
        self._own_types = config.agent_types if config else None
        self._providers: dict[str, HostProvider] = {}

    @property
    def config(self) -> Config:
        if self._config is None:
            self._config = load(self.home)
        return self._config

    @property
    def own_types(self) -> dict[str, dict[str, Any]]:
        """The agent types as the user's own file and the environment have them: those of agents that are there already. A
        project's are for what is created in it; else a repository that was cloned would run commands beside other agents."""
        if self._own_types is None:
            self._own_types = load_own(self.home).agent_types
        return self._own_types

    @property
    def laptop(self) -> str:
        return homes.laptop_id(self.home)

    def provider(self, name: str) -> HostProvider:
        """The provider instance `name`. Raises InvalidInput if it is unknown or its settings are wrong."""
        if name not in self._providers:
            instance = registry.known_instance(name, self.config, self.home)
            if name not in self.config.providers:
                registry.find_backend(instance.backend, self.config.providers)
            self._providers[name] = registry.build(instance, self.home, self.laptop, self.clock)
        return self._providers[name]

    def asked(self, names: Sequence[str]) -> list[str]:
        """The provider instances that somebody named, else the active ones. Raises InvalidInput if one can't be."""
        for name in names:
            registry.find_backend(registry.find_instance(name, self.config).backend, self.config.providers)
        return list(names) or [name for name in self.active() if not self._is_bygone(name)]

    def _is_bygone(self, name: str) -> bool:
        """Whether an instance was used before, can't be used now (no credentials), and nothing of it is known to be left."""
        if name in self.config.providers:
            return False
        left = (
            f"cache/{name}/host-*.json",
            f"journal/{name}.*.json",
        )
        if any(any(self.home.glob(pattern)) for pattern in left):
            return False
        try:
            instance = registry.known_instance(name, self.config, self.home)
            if not registry.has_leftovers(instance, self.home, self.laptop):
                self.provider(name)
        except InvalidInput:
            return True
        return False

    def active(self) -> list[str]:
        """The names of the provider instances that may have hosts."""
        return [one.name for one in registry.active_instances(self.config, self.home, os.environ)]

    def place(self, record: HostRecord) -> "Place":
        """The host as agents see it."""
        from mngr.agents.tmux import Place

        provider = self.provider(record.provider)
        return Place(
            transport=provider.transport(record),
            host_dir=record.host_dir,
            label=record.tmux_label,
            watch=not provider.abilities.isolated,
            user=record.user,
        )

    def host_settings(self) -> dict[str, bytes]:
        """The files that tell a host's scripts of the user's settings. Raises InvalidInput if `tmux_config` can't be read."""
        from mngr.hosts import layout

        path = self.config.tmux_config
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8") if path else ""
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"tmux_config: {path} can't be read: {getattr(error, 'strerror', None) or error}",
                hint="`mngr config list` shows where that setting is from",
            ) from None
        config = self.config
        limits = {
            "busy_cpu": config.busy_cpu, "busy_output": config.busy_output, "quiet": max(1, math.ceil(config.quiet)),
            "background": max(0, math.ceil(config.background)), "log_size": config.log_size,
        }  # fmt: skip
        return layout.settings(text, limits, config.tell_url)


class Phase(msgspec.Struct, frozen=True):
    name: str
    seconds: float


class Phases:
    """Times the phases of an operation, and passes on what it tells. A `Progress`: the steps of one phase are timed as
    one; a note belongs to no phase; the same said twice in a row is shown once."""

    def __init__(self, clock: Clock, show: Progress = lambda told: None) -> None:
        self.clock = clock
        self.show = show
        self.done: list[Phase] = []
        self._name = ""
        self._since = clock.monotonic()
        self._shown: Step | Note | None = None

    def __call__(self, told: Step | Note) -> None:
        """The next phase starts, or the next step of this one; or there is something to say."""
        if isinstance(told, Step) and told.phase != self._name:
            self.finish()
            self._name = told.phase
        if told != self._shown:
            self._shown = told
            self.show(told)

    def finish(self) -> list[Phase]:
        """Ends the current phase; all phases so far."""
        now = self.clock.monotonic()
        if self._name:
            self.done.append(Phase(self._name, round(now - self._since, 3)))
        self._name, self._since = "", now
        return self.done
