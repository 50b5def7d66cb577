"""The config's layers, lowest first: the user's file, the project's, its local one, the environment, flags.

`MNGR__PROVIDERS__OVH__DEFAULT_PLAN=x` sets `[providers.ovh] default_plan`. In such keys an instance's `-` is `_`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from mngr.config.schema import Config, convert
from mngr.model.errors import InvalidInput

PREFIX = "MNGR__"


class Layer(msgspec.Struct, frozen=True):
    """One source of settings, and the data it gives."""

    source: str
    data: dict[str, Any]


def load(home: Path, directory: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """The merged config. Raises InvalidInput on a file that isn't TOML, an unknown key, a value of a wrong type."""
    merged: dict[str, Any] = {}
    project = project_folder(home, directory or Path.cwd())
    for layer in layers(home, directory or Path.cwd(), environ):
        if project and Path(layer.source).parent == project:
            _check_project(layer, home)
        convert(layer.data, Config, layer.source)
        merged = _merge(merged, layer.data)
    return convert(merged, Config, "config")


def load_own(home: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """The config without any project's files: what holds for agents that are there already, wherever mngr is called.
    Raises as `load`."""
    merged: dict[str, Any] = {}
    for layer in layers(home, None, environ):
        merged = _merge(merged, layer.data)
    return convert(merged, Config, "config")


#: What a project's files may not set, lest a repository that was cloned does, and why.
_OWN = {
    "on_change": "it runs commands on this computer",
    "tell_url": "it tells others how your agents are",
    "tmux_config": "it runs commands beside all your agents",
    "assume_yes": "it answers what you are asked before money is spent or work removed",
    "ask_above": "it says from which price on you are asked",
}
#: The same, of an agent type: what reaches beyond the agent that a create in the project makes.
_OWN_OF_TYPES = {
    "pass_env": "it takes along variables of yours",
    "transcript": "it runs commands beside agents that are there already",
    "prompt": "it says where something is typed to agents that are there already",
    "prompt_at": "it says where something is typed to agents that are there already",
    "answers": "it says what is typed to agents that are there already",
}


#: The same, of a provider, whatever its backend calls it: a part of the key's name, and why.
_OWN_OF_PROVIDERS = {
    r"(url|uri|endpoint|host)$": "it says where your code and credentials go",
    r"key|secret|token|password|credential|client_id": "it says whose account your code goes to",
    r"^assume_yes$": _OWN["assume_yes"],
    r"^trust_|^allowed_": "it says who is trusted",
    r"start_args$|_path$": "it says what of this computer is mounted or written to",
}


def _check_project(layer: Layer, home: Path) -> None:
    import re

    reasons = dict(_OWN)
    types, providers = (layer.data.get(section) for section in ("agent_types", "providers"))
    for name in types if isinstance(types, dict) else ():
        reasons.update({f"agent_types.{name}.{key}": why for key, why in _OWN_OF_TYPES.items()})
    for name, settings in providers.items() if isinstance(providers, dict) else ():
        for key in settings if isinstance(settings, dict) else ():
            for part, why in _OWN_OF_PROVIDERS.items():
                if re.search(part, key):
                    reasons.setdefault(f"providers.{name}.{key}", why)
    for key, why in reasons.items():
        if _at(layer.data, key.split(".")) is not None:
            raise InvalidInput(
                f"{layer.source}: {key} can't be set by a project, as {why}",
                hint=f"take it out there; `mngr config set {key} …` puts it into {user_file(home)}",
            )


def _at(data: dict[str, Any], path: Sequence[str]) -> Any:
    """What stands at `path`; None, if nothing does."""
    place: Any = data
    for part in path:
        place = place.get(part) if isinstance(place, dict) else None
    return place


def layers(home: Path, directory: Path | None, environ: Mapping[str, str]) -> list[Layer]:
    """All layers that are there, lowest first; without a `directory` none of a project."""
    found = [Layer(str(path), _read(path)) for path in files(home, directory)]
    below: dict[str, Any] = {}
    for layer in found:
        below = _merge(below, layer.data)
    from_environ = _environment(environ, below)
    return [*found, Layer("environment", from_environ)] if from_environ else found


def files(home: Path, directory: Path | None) -> list[Path]:
    """The config files that exist, lowest first; without a `directory` none of a project. Raises InvalidInput if one folder has both spellings."""
    user = [path for path in (home / "config.toml", home / "settings.toml") if os.path.lexists(path)]
    if len(user) > 1:
        raise InvalidInput(
            f"both config.toml and settings.toml are in {home}",
            hint="merge them into one and remove the other",
        )
    project = project_folder(home, directory) if directory else None
    own = [project / name for name in ("settings.toml", "settings.local.toml")] if project else []
    return [*user, *(path for path in own if os.path.lexists(path))]


def source(home: Path, path: Sequence[str]) -> str:
    """Which layer gives the setting `path` its value, for an error about it; "config" if none does."""
    found = "config"
    for layer in layers(home, Path.cwd(), os.environ):
        if _at(layer.data, path) is not None:
            found = layer.source
    return found


def project_folder(home: Path, directory: Path) -> Path | None:
    """The nearest `.mngr` folder at or above `directory`, up to the git repository's top or the file system's."""
    for place in (directory, *directory.parents):
        folder = place / ".mngr"
        if folder.is_dir() and folder.absolute() != home:
            return folder
        if (place / ".git").exists():
            break
    return None


def user_file(home: Path) -> Path:
    """The user's config file: the one that exists, else `config.toml`."""
    settings = home / "settings.toml"
    return settings if os.path.lexists(settings) else home / "config.toml"


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidInput(f"{path} can't be read: {why}", hint="correct the file, or move it away") from None


def _environment(environ: Mapping[str, str], below: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, text in sorted(environ.items()):
        if not key.startswith(PREFIX):
            continue
        path = [part.lower() for part in key[len(PREFIX) :].split("__")]
        if not all(path):
            raise InvalidInput(f"environment: {key} isn't a setting", hint="write MNGR__SECTION__KEY")
        if len(path) > 1:
            path[1] = _spelled(path[1], below.get(path[0]))
        place = data
        for part in path[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise InvalidInput(f"environment: {key} goes below a plain value")
        place[path[-1]] = _value(text)
    return data


def _spelled(name: str, section: Any) -> str:
    """The instance in `section` that `name` stands for (its `-` written `_`), else `name`."""
    names = section if isinstance(section, dict) else {}
    return next((known for known in names if known.lower().replace("-", "_") == name), name)


def _value(text: str) -> Any:
    """Lists and tables are written as in TOML; all else is text, converted where the schema wants a number."""
    if text[:1] in ("[", "{"):
        import tomllib

        try:
            return tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            return text
    return text


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def change_user_file(
    home: Path, path: list[str], value: str | None, check: Callable[[Config], None] = lambda config: None
) -> None:
    """Sets (or, with None, removes) one key in the user's file; its comments and order stay.

    `value` is taken as TOML where it parses as such and may stand there, else as text. Raises InvalidInput (or what `check` raises of
    the file's new settings), leaving the file as it was, if they wouldn't be a valid config; NotFound if a key to remove isn't there.
    """
    import tomlkit

    from mngr.config.home import write_private
    from mngr.model.errors import NotFound

    file = user_file(home)
    if file.exists():
        _read(file)
    document = tomlkit.parse(file.read_text() if file.exists() else "")
    place: Any = document
    for part in path[:-1]:
        if value is None and part not in place:
            raise NotFound(f"{'.'.join(path)} isn't set in {file}")
        place = place.setdefault(part, tomlkit.table())
        if not isinstance(place, dict):
            raise InvalidInput(f"{'.'.join(path)} goes below a plain value in {file}")
    if value is None:
        if path[-1] not in place:
            raise NotFound(f"{'.'.join(path)} isn't set in {file}")
        del place[path[-1]]
    else:
        place[path[-1]] = _typed(value)
    try:
        _checked(document, check, file)
    except InvalidInput as error:
        if value is None:
            raise
        place[path[-1]] = value  # text may read as a number, or as true
        try:
            _checked(document, check, file)
        except InvalidInput:
            raise error from None
    write_private(file, tomlkit.dumps(document))


def _checked(document: Any, check: Callable[[Config], None], file: Path) -> None:
    check(convert(document.unwrap(), Config, str(file)))


def _typed(text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text
