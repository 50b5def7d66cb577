"""The user's `-s` arguments, which go to `docker run`."""

import re
from collections.abc import Sequence

from mngr.containers.docker_flags import RUN_SHORT, RUN_SWITCHES, RUN_VALUES, read
from mngr.model.errors import InvalidInput

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
_DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+\Z|0\Z")
_PORT = r"[0-9]{1,5}(-[0-9]{1,5})?"
#: Flag → what its value looks like where docker takes it, and an example.
_SHAPES = {
    **dict.fromkeys(
        ("blkio-weight", "cpu-period", "cpu-rt-period", "cpu-rt-runtime", "cpu-shares", "health-retries"),
        (re.compile(r"[0-9]{1,18}\Z"), "100"),
    ),
    **dict.fromkeys(
        ("cpu-quota", "memory-swappiness", "oom-score-adj", "pids-limit", "stop-timeout"),
        (re.compile(r"-?[0-9]{1,18}\Z"), "100"),
    ),
    **dict.fromkeys(
        ("health-interval", "health-start-interval", "health-start-period", "health-timeout"), (_DURATION, "30s")
    ),
    "memory-swap": (re.compile(r"-1\Z|[0-9]+(\.[0-9]+)?[bkmgBKMG]?[bB]?\Z"), "4g"),
    "publish": (
        re.compile(rf"((\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(({_PORT})?:)?{_PORT}(/(tcp|udp|sctp))?\Z"), "127.0.0.1:8080:80",
    ),
    "expose": (re.compile(rf"{_PORT}(/(tcp|udp|sctp))?\Z"), "80"),
    "ulimit": (re.compile(r"[a-z]+=-?[0-9]+(:-?[0-9]+)?\Z"), "nofile=4096"),
    "sysctl": (re.compile(r"[a-z0-9_.-]+=.*\Z"), "net.core.somaxconn=1024"),
    "workdir": (re.compile(r"/.*\Z"), "/srv"),
    "add-host": (re.compile(r"[^:=]+[:=].+\Z"), "db:10.0.0.5"),
    "hostname": (re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62})\Z"), "box"),
    "cpuset-cpus": (re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*\Z"), "0-1"),
    "tmpfs": (re.compile(r"/.*\Z"), "/scratch:size=1g"),
    "label": (re.compile(r"[^=]+(=.*)?\Z", re.DOTALL), "team=search"),
    "env": (re.compile(r"[^=]+(=.*)?\Z", re.DOTALL), "K=V"),
    "volume": (re.compile(r"(/|[A-Za-z0-9][A-Za-z0-9_.-]+:/|\.{0,2}/?[^:]*/[^:]*:/).*\Z"), "data:/data"),
}  # fmt: skip


def check_start_args(args: Sequence[str], host_dir: str = "/mngr", *, remote: bool = False) -> list[str]:
    """The words for `docker run`, on another computer if `remote`. Raises InvalidInput on what docker would refuse or
    what would break a host."""
    words: list[str] = []
    for name, value, typed in read(args, RUN_VALUES, RUN_SWITCHES, RUN_SHORT, what="start argument"):
        if not name:
            raise InvalidInput(
                f"start argument {value!r} is neither a flag nor a flag's value",
                hint="start arguments go to `docker run`: write them as -s --cpus=2",
            )
        if name in _OURS:
            raise InvalidInput(f"start argument {typed[0]} can't be used: {_OURS[name]}")
        if remote and name in ("env-file", "label-file"):
            raise InvalidInput(
                f"start argument {typed[0]} can't be used: the file stays on this computer",
                hint="--env-file of `mngr create` sends variables to the agent",
            )
        _check_value(name, value, host_dir)
        words += typed
    return words


def limits(args: Sequence[str]) -> tuple[float | None, float | None]:
    """How many CPUs and GB of memory these (checked) words leave a host; None: they set no limit."""
    words = read(args, RUN_VALUES, RUN_SWITCHES, RUN_SHORT, what="start argument")
    given = {name: value.lower() for name, value, _ in words}
    number, unit, _ = re.split(r"([bkmg]|\Z)", given.get("memory", "0"), maxsplit=1)
    gb = float(number) * 1024 ** ("bkmg".index(unit) - 3)
    return float(given["cpus"]) if "cpus" in given else None, gb or None


def _check_value(name: str, value: str, host_dir: str) -> None:
    shape = _SHAPES.get(name)
    if shape and not shape[0].match(value):
        shown = "" if name == "env" else f"={value}"
        raise InvalidInput(f"--{name}{shown} can't be used", hint=f"e.g. -s --{name}={shape[1]}")
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
