"""What is mounted into a host's container: which of it a snapshot takes along, and which it can't."""

import posixpath
from collections.abc import Sequence

import msgspec

from mngr.containers.docker import Docker
from mngr.containers.docker_flags import RUN_SHORT, RUN_SWITCHES, RUN_VALUES, read
from mngr.model.errors import NotFound


class _Mount(msgspec.Struct):
    Type: str = ""
    Name: str = ""
    Source: str = ""
    Destination: str = ""


class _HostConfig(msgspec.Struct):
    Tmpfs: dict[str, str] | None = None


class Mounts(msgspec.Struct, frozen=True, kw_only=True):
    """`volumes`: names of docker volumes by where they are mounted, an outer one before those in it. `left_out`: what
    isn't docker's to save, in words, by where it is mounted."""

    volumes: dict[str, str] = {}
    left_out: dict[str, str] = {}


def of(docker: Docker, container: str) -> Mounts:
    """All but the host's own volume, which is called as its container. Raises NotFound, Unreachable."""
    done = docker.run("inspect", "-f", "{{json .Mounts}}\n{{json .HostConfig}}", container, check=False)
    if done.code:
        raise NotFound(f"the container {container} is gone from {docker.place}")
    first, _, second = done.text.partition("\n")
    found = msgspec.json.decode(first, type=list[_Mount])
    tmpfs = msgspec.json.decode(second, type=_HostConfig).Tmpfs or {}
    volumes = {one.Destination: one.Name for one in found if one.Type == "volume" and one.Name != container}
    left_out = {one.Destination: _kind(one) for one in found if one.Type != "volume"}
    left_out |= dict.fromkeys(tmpfs, "a tmpfs")
    return Mounts(volumes=dict(sorted(volumes.items())), left_out=dict(sorted(left_out.items())))


def targets(start_args: Sequence[str]) -> list[str]:
    """Where arguments of `docker run` mount something."""
    found: list[str] = []
    for name, value, _ in read(start_args, RUN_VALUES, RUN_SWITCHES, RUN_SHORT, what="start argument"):
        if name == "volume":
            parts = value.split(":")
            found.append(parts[1] if len(parts) > 1 else parts[0])
        elif name == "tmpfs":
            found.append(value.partition(":")[0])
        elif name == "mount":
            pairs = {key: given for key, _, given in (part.partition("=") for part in value.split(","))}
            found += [pairs[key] for key in ("target", "destination", "dst") if key in pairs][:1]
    return [posixpath.normpath(place) for place in found]


def _kind(mount: _Mount) -> str:
    if mount.Type == "bind":
        return f"{mount.Source} of the machine that docker runs on"
    return "a tmpfs" if mount.Type == "tmpfs" else f"a mount of type {mount.Type}"
