"""Settings: every key that there is, with its value and where that is from; and changing them. No secret's value is in an answer."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mngr.agents.types import AgentType, find_type, known
from mngr.config.layers import change_user_file, layers
from mngr.config.schema import Config
from mngr.model.errors import InvalidInput
from mngr.model.idle import parse_mode
from mngr.model.names import check_name
from mngr.ops.context import Mngr
from mngr.providers import registry

DEFAULT = "default"

MASK = "********"
_SECRET = ("secret", "key", "token", "password", "client_id", "credential", "tell_url")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """`value`: as it is written there, its secrets masked. `source`: a file, `environment`, or DEFAULT."""

    key: str
    value: Any
    source: str
    masked: bool = False


def settings(mngr: Mngr) -> dict[str, Setting]:
    """By key: those of mngr, of its agent types and of each backend in the tree; also what is set and has no meaning.
    Raises InvalidInput if a file can't be a config at all."""
    found = {key: _setting(key, value, DEFAULT) for key, value in _defaults(mngr.config)}
    for layer in layers(mngr.home, Path.cwd(), os.environ):
        for key, value in _flat(layer.data):
            for end in re.finditer(r"\.", key):
                found.pop(key[: end.start()], None)  # the default of a whole table
            found[key] = _setting(key, value, layer.source)
    return dict(sorted(found.items()))


def change(mngr: Mngr, key: str, value: str | None) -> None:
    """Sets a key of the user's file, or (None) removes it. Raises InvalidInput if it means nothing to those that read
    it, NotFound if there is none to remove; the file is then as it was."""
    path = key.split(".")
    check = (lambda config: None) if value is None else (lambda config: _check(path, config))
    change_user_file(mngr.home, path, value, check)


def _check(path: list[str], config: Config) -> None:
    if path[0] == "default_provider":
        registry.find_backend(
            registry.find_instance(config.default_provider, config).backend, config.providers
        )
    elif path[0] in ("default_type", "agent_types"):
        for name in path[1:2] if path[0] == "agent_types" else [config.default_type]:
            find_type(check_name(name, "agent type"), config.agent_types)
    elif path[0] == "providers" and len(path) > 1:
        instance = registry.find_instance(path[1], config)
        registry.settings_of(instance)
        if "default_idle_mode" in instance.settings:
            parse_mode(str(instance.settings["default_idle_mode"]))


def _defaults(config: Config) -> Iterator[tuple[str, Any]]:
    yield from _of(Config, "", but=("providers", "agent_types"))
    for name in known(config.agent_types):
        try:
            kind = find_type(name, {}, checked=False)
        except InvalidInput:
            kind = AgentType()  # one of the user's own
        yield from ((f"agent_types.{name}.{key}", value) for key, value in msgspec.to_builtins(kind).items())
    for name in {*registry.in_tree(), *config.providers}:
        try:
            backend = registry.find_instance(name, config).backend
            kind = registry.find_backend(backend).config_type
        except InvalidInput:
            continue  # what is set of it is shown all the same, and those that need it say what is wrong
        yield f"providers.{name}.backend", backend
        yield f"providers.{name}.enabled", True
        yield from _of(kind, f"providers.{name}.")


def _of(kind: type[msgspec.Struct], before: str, but: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(kind):
        if field.name not in but:
            made = field.default_factory() if callable(field.default_factory) else field.default
            yield before + field.name, None if made is msgspec.NODEFAULT else msgspec.to_builtins(made)


def _flat(data: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _setting(key: str, value: Any, source: str) -> Setting:
    shown = masked(key, value) if value else value
    return Setting(key=key, value=shown, source=source, masked=shown != value)


def masked(key: str, value: Any) -> Any:
    """The value of a setting without what may be a secret in it. `key`: with the names of its tables."""
    *path, last = key.lower().split(".")
    odd = last.endswith("args") and not isinstance(value, list | tuple)
    if "env" in (*path, last) or odd or any(word in last for word in _SECRET):
        return MASK
    if isinstance(value, list):
        return [_without_values(one, before) for one, before in zip(value, ["", *value], strict=False)]
    return _without_values(value, "")


def _without_values(text: Any, before: Any) -> Any:
    """What may hold a secret, without it: `--env=K=V`, `-e` and then `K=V`, a password in an address."""
    if not isinstance(text, str):
        return text
    if before in ("-e", "--env") or re.match(r"(-e|--env[ =])", text):
        return re.sub(r"^((?:-e|--env)?[ =]?[A-Za-z_][A-Za-z0-9_]*=).*", rf"\1{MASK}", text, flags=re.DOTALL)
    return re.sub(r"(://)[^/@]*@", rf"\1{MASK}@", text)
