"""Finding backends and building provider instances.

A backend of the tree is the package `mngr.backends.NAME`; its folder being there is its registration. Others
come through pluggy (entry point group `mngr`, hook `register_provider_backend`); entry points are scanned
only for names that aren't in the tree, as the scan takes longer than most commands.

A backend's module offers `BACKEND` (contract.Backend). A file `environment` beside it may name environment
variables, and files (`~/…`), whose presence makes an instance of its name worth asking without any configuration;
`*` stands for what is always there.
"""

import importlib
import importlib.util
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mngr.config.layers import source
from mngr.config.schema import Config, convert, wrong_type
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput
from mngr.model.guess import did_you_mean
from mngr.model.names import check_name, is_name
from mngr.providers.contract import Backend, Context, HostProvider

ALWAYS = "*"
_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "backends")


class Instance(msgspec.Struct, frozen=True):
    """A provider instance: its name, its backend's name, its settings as yet unread."""

    name: str
    backend: str
    settings: dict[str, Any]
    enabled: bool = True


def in_tree() -> list[str]:
    """The names of the backends that come with mngr."""
    return sorted(entry.name for entry in os.scandir(_FOLDER) if entry.is_dir() and is_name(entry.name))


def find_backend(name: str, instances: Iterable[str] = ()) -> Backend:
    """The backend called `name`. Raises InvalidInput naming the known ones, or the extra to install; the nearest of them or
    of `instances`, which may have been meant."""
    if is_name(name) and importlib.util.find_spec(f"mngr.backends.{name}"):
        try:
            return importlib.import_module(f"mngr.backends.{name}").BACKEND
        except ModuleNotFoundError as error:
            raise InvalidInput(
                f"backend {name} needs {error.name}", hint=f"pip install 'mngr[{name}]'"
            ) from None
    others = third_party()
    if name in others:
        return others[name]
    known = sorted({*in_tree(), *others})
    guess = did_you_mean(name, {*known, *instances})
    raise InvalidInput(
        f"unknown provider {name!r}",
        hint=f"{guess} known backends: {', '.join(known)}; an instance of another name needs [providers.{name}] with backend = …".lstrip(),
    )


def third_party() -> dict[str, Backend]:
    """Backends that other distributions register."""
    import pluggy

    spec = pluggy.HookspecMarker("mngr")

    class Hooks:
        @spec
        def register_provider_backend(self) -> Backend:  # type: ignore[empty-body]
            """Returns the plugin's backend."""

    plugins = pluggy.PluginManager("mngr")
    plugins.add_hookspecs(Hooks)
    plugins.load_setuptools_entrypoints("mngr")
    return {backend.name: backend for backend in plugins.hook.register_provider_backend()}


def find_instance(name: str, config: Config) -> Instance:
    """The instance called `name`: as configured, else the unconfigured one of the backend of that name."""
    check_name(name, "provider name")
    settings = dict(config.providers.get(name, {}))
    backend = settings.pop("backend", name)
    if not isinstance(backend, str):
        raise wrong_type(f"[providers.{name}]", "backend", "must be the name of a backend, as text")
    enabled = settings.pop("enabled", True)
    try:
        return Instance(name, backend, settings, msgspec.convert(enabled, bool, strict=False))
    except msgspec.ValidationError:
        problem = f"must be true or false, not {enabled!r}"
        raise wrong_type(f"[providers.{name}]", "enabled", problem) from None


def active_instances(config: Config, home: Path, environ: Mapping[str, str] = os.environ) -> list[Instance]:
    """The instances worth asking for hosts: all configured ones, those used before, those that are always there or whose
    credentials are in the environment, or in a file of the vendor's own. `enabled = false` in an instance's settings leaves it out."""
    found = {name: find_instance(name, config) for name in config.providers}
    for backend, name in _used_before(home):
        found.setdefault(name, Instance(name, backend, {}))
    for backend in in_tree():
        if backend not in found and any(_is_there(one, environ) for one in _environment(backend)):
            found[backend] = Instance(backend, backend, {})
    return sorted((one for one in found.values() if one.enabled), key=lambda one: one.name)


def known_instance(name: str, config: Config, home: Path) -> Instance:
    """The active instance `name`, which may be one that was used before; else what `find_instance` finds."""
    active = {one.name: one for one in active_instances(config, home)}
    return active.get(name) or find_instance(name, config)


def _used_before(home: Path) -> list[tuple[str, str]]:
    """(backend, instance) of every instance that has a folder of keys and pins here."""
    profile = home / "profile" / "providers"
    if not profile.is_dir():
        return []
    return [
        (backend.name, entry.name)
        for backend in profile.iterdir()
        if is_name(backend.name) and backend.is_dir()
        for entry in backend.iterdir()
        if is_name(entry.name)
    ]


def _is_there(one: str, environ: Mapping[str, str]) -> bool:
    if one == ALWAYS:
        return True
    if one.startswith("~/"):
        home = environ.get("HOME", "")
        return bool(home) and os.path.isfile(os.path.join(home, one[2:]))
    return os.path.isfile(one) if one.startswith("/") else bool(environ.get(one))


def _environment(backend: str) -> tuple[str, ...]:
    """The variables and files named in `backends/NAME/environment`, one a line: read without importing the backend."""
    try:
        with open(os.path.join(_FOLDER, backend, "environment"), encoding="utf-8") as file:
            return tuple(file.read().split())
    except FileNotFoundError:
        return ()


def settings_of(instance: Instance, home: Path | None = None) -> Any:
    """The instance's settings, as its backend wants them. Raises InvalidInput naming what is wrong, with `home` also
    the file."""
    table = f"[providers.{instance.name}]"

    def where(key: str) -> str:
        return f"{source(home, ('providers', instance.name, key))}: {table}" if home else table

    return convert(instance.settings, find_backend(instance.backend).config_type, where)


def has_leftovers(instance: Instance, home: Path, laptop: str) -> bool:
    """Whether the instance's backend keeps notes here of what may cost money (see contract.Backend)."""
    ask = getattr(find_backend(instance.backend), "leftovers", None)
    return ask is not None and ask(Context(instance=instance.name, home=home, laptop=laptop))


def build(instance: Instance, home: Path, laptop: str, clock: Clock = SYSTEM) -> HostProvider:
    """The provider instance, ready for use. Raises InvalidInput on its settings or missing credentials."""
    backend = find_backend(instance.backend)
    config = settings_of(instance, home)
    return backend.build(config, Context(instance=instance.name, home=home, laptop=laptop, clock=clock))


def build_of(backend: str, name: str, given: Mapping[str, Any] | None = None) -> Any:
    """The provider of instance `name` for a backend's own verb; `given` goes over its settings. Raises InvalidInput if it is
    an instance of another backend, or its settings are wrong."""
    from mngr.config import home as homes
    from mngr.config.layers import load

    home = homes.home()
    instance = known_instance(name, load(home), home)
    if instance.backend != backend:
        raise InvalidInput(f"{name} is an instance of {instance.backend}, not of {backend}")
    instance = msgspec.structs.replace(instance, settings={**instance.settings, **(given or {})})
    return build(instance, home, homes.laptop_id(home))
