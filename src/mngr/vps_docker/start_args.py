"""The user's `-s` arguments, which go to `docker run`."""

import re
from collections.abc import Sequence

from mngr.model.errors import InvalidInput
from mngr.vps_docker.docker_flags import RUN_SHORT, RUN_SWITCHES, RUN_VALUES, read

#: What mngr itself says to `docker run`, or what would break the host, and why.
_OURS = {
    "name": "the container's name is how mngr finds it again",
    "entrypoint": "process 1 of a host is mngr's (sshd and the idle watcher)",
    "restart": "whether a host comes back is decided by `mngr stop` and `mngr start`",
    "rm": "a stopped host has to stay there",
    "detach": "a host always runs detached",
    "attach": "a host always runs detached",
    "interactive": "a host always runs detached",
    "tty": "a host always runs detached",
    "detach-keys": "a host always runs detached",
    "sig-proxy": "a host always runs detached",
    "user": "a host's sshd runs as root",
    "cidfile": "the container's id isn't handed out",
    "pull": "an image is pulled when it isn't there; `docker pull` brings a newer one",
    "stop-signal": "mngr's process 1 expects TERM",
    "pid": "process 1 of a host ends all processes that it sees",
    "init": "process 1 of a host is mngr's, which reaps orphans already",
    "read-only": "sshd and agents write to the container's file system",
    "help": "it runs nothing",
}
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)?[bkmgBKMG]?[bB]?\Z")
_SIZES = ("memory", "memory-reservation", "shm-size", "kernel-memory")


def check_start_args(args: Sequence[str], host_dir: str = "/mngr") -> list[str]:
    """The words for `docker run`. Raises InvalidInput on what docker would refuse or what would break a host."""
    words: list[str] = []
    for name, value, typed in read(args, RUN_VALUES, RUN_SWITCHES, RUN_SHORT, what="start argument"):
        if not name:
            raise InvalidInput(
                f"start argument {value!r} is neither a flag nor a flag's value",
                hint="start arguments go to `docker run`: write them as -s --cpus=2",
            )
        if name in _OURS:
            raise InvalidInput(f"start argument {typed[0]} can't be used: {_OURS[name]}")
        _check_value(name, value, host_dir)
        words += typed
    return words


def _check_value(name: str, value: str, host_dir: str) -> None:
    if name == "cpus":
        try:
            fine = float(value) > 0
        except ValueError:
            fine = False
        if not fine:
            raise InvalidInput(f"--cpus={value} isn't a number of CPUs", hint="e.g. -s --cpus=2")
    if name in _SIZES and not _SIZE.match(value):
        raise InvalidInput(f"--{name}={value} isn't a size", hint=f"e.g. -s --{name}=4g")
    if name in ("network", "net") and value.partition(":")[0] in ("host", "none", "container"):
        raise InvalidInput(
            f"--{name}={value} leaves the host without a reachable sshd", hint="use a bridge network"
        )
    if name == "label" and value.startswith("mngr."):
        raise InvalidInput(f"label {value!r} can't be used: mngr.* labels name the owner")
    if name in ("volume", "tmpfs", "mount") and host_dir in re.split(r"[:,=]", value):
        raise InvalidInput(f"--{name}={value} can't be used: {host_dir} is the host's own volume")
