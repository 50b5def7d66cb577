"""Which Docker daemon the `docker` command would speak to, as far as files and variables tell, and whether it is here."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from mngr.model.errors import InvalidInput


class _Endpoint(msgspec.Struct):
    Host: str = ""


class _Meta(msgspec.Struct):
    Endpoints: dict[str, _Endpoint] = {}


class _Settings(msgspec.Struct):
    currentContext: str = ""


def check_is_here(where: str, setting: str, environ: Mapping[str, str]) -> None:
    """Raises InvalidInput, beginning with `where`, if the daemon isn't on this computer. Asks nobody.

    `setting`: the configured address. As in docker itself, what is named first wins: that, DOCKER_HOST, DOCKER_CONTEXT,
    `docker context use`.
    """
    for address, named_by in ((setting, "docker_host"), (environ.get("DOCKER_HOST", ""), "DOCKER_HOST")):
        if address:
            _check(where, address, named_by)
            return
    folder = _folder(environ)
    context = environ.get("DOCKER_CONTEXT", "")
    named_by = f"DOCKER_CONTEXT={context}" if context else f"the current Docker context {{}} of {folder}"
    context = context or _current(folder)
    if context and context != "default":
        _check(where, _endpoint(where, folder, context), named_by.format(context))


def _check(where: str, address: str, named_by: str) -> None:
    if address.startswith(("unix://", "npipe://")):
        return
    raise InvalidInput(
        f"{where}: the Docker daemon {address} ({named_by}) isn't on this computer",
        hint="this provider publishes its hosts on this computer's loopback address: choose a local daemon with "
        "`docker context use default`, DOCKER_HOST or the setting docker_host (unix:///…)",
    )


def _folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))


def _current(folder: Path) -> str:
    """The context that `docker context use` chose. What docker can't read, it passes over too."""
    try:
        return msgspec.json.decode((folder / "config.json").read_bytes(), type=_Settings).currentContext
    except (OSError, ValueError):
        return ""


def _endpoint(where: str, folder: Path, context: str) -> str:
    import hashlib

    meta = folder / "contexts" / "meta" / hashlib.sha256(context.encode()).hexdigest() / "meta.json"
    try:
        endpoints = msgspec.json.decode(meta.read_bytes(), type=_Meta).Endpoints
    except FileNotFoundError:
        raise InvalidInput(
            f"{where}: there is no Docker context {context}", hint="`docker context ls` shows what there is"
        ) from None
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{where}: where the Docker context {context} leads can't be read: {error}",
            hint=f"the file is {meta}",
        ) from None
    return endpoints["docker"].Host if "docker" in endpoints else ""
