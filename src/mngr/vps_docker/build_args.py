"""The user's `-b` arguments: some are for the provider (`--vps-*` and its own prefix), all others for `docker build`."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec


class BuildArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments, taken apart.

    `options`: what the provider takes, by full name without the dashes: `{"vps-plan": "vc2-2c-4gb"}`.
    `docker`: flags for `docker build`, without Dockerfile and context. `context`: a local directory, or a URL
    that the daemon reads itself; "" when there is nothing to build (the image is used as it is).
    `dockerfile`: a local file; None means the context's own `Dockerfile`.
    """

    options: dict[str, str] = {}
    docker: Sequence[str] = ()
    context: str = ""
    dockerfile: Path | None = None

    @property
    def builds(self) -> bool:
        """Whether an image is to be built."""
        return bool(self.context)


def split(args: Sequence[str], known: Mapping[str, Collection[str]]) -> BuildArgs:
    """Takes `args` apart and checks all that can be known here: no money is spent on a typing mistake.

    `known` maps each of the provider's prefixes to its option names: `{"vps": ("region", "plan", "os")}` lets
    `--vps-plan=x` through. Both `--vps-plan=x` and `--vps-plan`, `x` are taken; the last one wins. Raises
    InvalidInput: an unknown `--vps-…` (naming the nearest), a flag without its value, a missing context, a
    missing or unreadable Dockerfile, flags that can't work here (`--tag`, `--output`, …).
    """
    raise NotImplementedError


def pack_context(build: BuildArgs, out: BinaryIO) -> str:
    """Writes the local context (less what `.dockerignore` names) as a tar; returns the Dockerfile's name in it."""
    raise NotImplementedError
