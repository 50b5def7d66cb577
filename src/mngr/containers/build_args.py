"""The user's `-b` arguments: some are for the provider (`--vps-*` and its own prefix), all others for `docker build`."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from mngr.containers.docker_flags import BUILD_SHORT, BUILD_SWITCHES, BUILD_VALUES, read
from mngr.model.errors import InvalidInput

_URL = re.compile(r"(https?://|git://|git@|github\.com/|ssh://)")

#: Flags whose result would go elsewhere than into the host's image, or that need files which don't travel.
_NOT_HERE = {
    "tag": "the image's name is mngr's",
    "output": "the image has to stay with the daemon",
    "push": "the image has to stay with the daemon",
    "iidfile": "the image's id isn't handed out",
    "metadata-file": "the build's metadata isn't handed out",
    "quiet": "the end of a failing build's output would be lost",
    "secret": "the file stays on this computer; put secrets into the agent's environment (--env) instead",
    "ssh": "no agent socket travels to the daemon",
    "build-context": "one context travels to the daemon",
    "help": "it builds nothing",
}


class BuildArgs(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments, taken apart.

    `options`: what the provider takes, by name without dashes and prefix: `{"plan": "vc2-2c-4gb"}`.
    `docker`: flags for `docker build`, without Dockerfile and context. `context`: a local directory, or a URL
    that the daemon reads itself; "" when there is nothing to build (the image is used as it is).
    `dockerfile`: a local file (with a URL: a path there); "" means the context's own `Dockerfile`.
    """

    options: dict[str, str] = {}
    docker: Sequence[str] = ()
    context: str = ""
    dockerfile: str = ""

    @property
    def builds(self) -> bool:
        """Whether an image is to be built."""
        return bool(self.context)

    @property
    def remote(self) -> bool:
        """Whether the daemon fetches the context itself."""
        return bool(_URL.match(self.context))


def split(
    args: Sequence[str], known: Mapping[str, Collection[str]], switches: Collection[str] = ()
) -> BuildArgs:
    """Takes `args` apart and checks all that can be known here: no money is spent on a typing mistake.

    `known` maps each of the provider's prefixes to its option names: `{"vps": ("region", "plan", "os")}` lets
    `--vps-plan=x` through. Both `--vps-plan=x` and `--vps-plan`, `x` are taken; the last one wins. `switches`: those of the names that
    take no value. Raises
    InvalidInput: an unknown `--vps-…` (naming the nearest), a flag without its value, a missing context, a
    missing or unreadable Dockerfile, flags that can't work here (`--tag`, `--output`, …).
    """
    options, rest = _options(args, known, switches)
    docker: list[str] = []
    contexts: list[str] = []
    dockerfile = ""
    for name, value, typed in read(rest, BUILD_VALUES, BUILD_SWITCHES, BUILD_SHORT, what="build argument"):
        if not name:
            contexts.append(value)
        elif name == "file":
            dockerfile = value
        elif name in _NOT_HERE:
            raise InvalidInput(f"build argument {typed[0]} can't be used: {_NOT_HERE[name]}")
        else:
            if name == "build-arg" and not re.match(r"[A-Za-z_][A-Za-z0-9_]*(=|\Z)", value):
                raise InvalidInput(
                    f"build argument --build-arg {value.partition('=')[0]!r} isn't KEY=VALUE",
                    hint="e.g. -b --build-arg=VERSION=3",
                )
            docker += typed
    if len(contexts) > 1:
        raise InvalidInput(
            f"more than one build context: {', '.join(contexts)}",
            hint="flags start with --; the context is one directory, e.g. -b --file=Dockerfile -b .",
        )
    build = BuildArgs(options=options, docker=docker, context=(contexts or [""])[0], dockerfile=dockerfile)
    _check_files(build)
    return build


def _options(
    args: Sequence[str], known: Mapping[str, Collection[str]], switches: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """By name without the prefix, and all other words. One thing may be said by two names (`--vps-plan`, `--vultr-plan`),
    but not two things."""
    said: dict[str, dict[str, str]] = {}
    rest: list[str] = []
    left = list(args)
    while left:
        word = left.pop(0)
        name, eq, value = word.removeprefix("--").partition("=")
        prefix = next((one for one in known if name.startswith(one + "-")), None)
        if not word.startswith("--") or prefix is None:
            rest.append(word)
            continue
        if not eq and " " in name:
            name, eq, value = name.partition(" ")
        _check_option(name, prefix, known)
        if name.removeprefix(prefix + "-") in switches:
            if eq:
                raise InvalidInput(f"build argument --{name} takes no value", hint=f"write --{name}")
            said[name.removeprefix(prefix + "-")] = {name: "true"}
            continue
        if not eq:
            if not left or left[0].startswith("--"):
                raise InvalidInput(f"build argument {word} lacks its value", hint=f"write {word}=VALUE")
            value = left.pop(0)
        if not value.strip():
            raise InvalidInput(f"build argument --{name} has an empty value", hint=f"write --{name}=VALUE")
        said.setdefault(name.removeprefix(prefix + "-"), {})[name] = value.strip()
    for names in said.values():
        if len(set(names.values())) > 1:
            both = " and ".join(f"--{name}={value}" for name, value in names.items())
            raise InvalidInput(f"build arguments {both} contradict each other", hint="give one")
    return {plain: next(iter(names.values())) for plain, names in said.items()}, rest


def _check_option(name: str, prefix: str, known: Mapping[str, Collection[str]]) -> None:
    if name.removeprefix(prefix + "-") in known[prefix]:
        return
    import difflib

    names = sorted(f"--{one}-{option}" for one, options in known.items() for option in options)
    near = difflib.get_close_matches(f"--{name}", names, n=1, cutoff=0.6)
    listed = f"known: {', '.join(names)}" if names else "this provider has none"
    raise InvalidInput(
        f"unknown build argument --{name}", hint=f"did you mean {near[0]}? {listed}" if near else listed
    )


def _check_files(build: BuildArgs) -> None:
    if not build.context:
        if build.docker or build.dockerfile:
            raise InvalidInput(
                "build arguments without a build context", hint="add the directory to build from, e.g. -b ."
            )
        return
    if build.context == "-":
        raise InvalidInput(
            "the build context can't come from standard input", hint="name a directory, e.g. -b ."
        )
    if build.remote:
        return
    if not os.path.isdir(build.context):
        raise InvalidInput(
            f"build context {build.context}: there is no such directory",
            hint="flags start with --; the context is a directory, e.g. -b .",
        )
    path = dockerfile_path(build)
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InvalidInput(
            f"Dockerfile {path} can't be read: {error.strerror}", hint="name another one: -b --file=PATH"
        ) from None
    if empty:
        raise InvalidInput(f"Dockerfile {path} is empty")


def dockerfile_path(build: BuildArgs) -> Path:
    """The Dockerfile: as named (a relative path is of the current directory, as for docker), else the context's own."""
    if not build.dockerfile:
        return Path(build.context) / "Dockerfile"
    named = Path(build.dockerfile)
    inside = Path(build.context) / named
    return inside if not named.exists() and inside.exists() else named
