"""A container's process 1: started below a keeper (container-keeper.sh), found again, signalled, waited for."""

from __future__ import annotations

import os
import time

import rootfs
import store
from lazy import subprocess
from store import Error

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any

START_LIMIT_S = 10.0
SIGKILL, SIGTERM = 9, 15
USUAL = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": SIGKILL, "TERM": SIGTERM}


def number(name: str) -> int:
    """A signal's number by its name, with or without SIG."""
    name = name.removeprefix("SIG")
    if name in USUAL:
        return USUAL[name]
    import signal

    return signal.Signals[f"SIG{name}"]


def state(container: dict[str, Any]) -> dict[str, Any]:
    """As in `docker inspect`'s State."""
    top = store.folder("containers", container["Id"])
    pid = alive(container)
    code, ended = _exit(top)
    paused = bool(pid) and os.path.exists(os.path.join(top, "paused"))
    started = _read(os.path.join(top, "started"))
    status = "paused" if paused else "running" if pid else "exited" if started else "created"
    if started and not ended:
        code = 255  # its machine went off under it
    return {
        "Status": status, "Running": bool(pid), "Paused": paused, "Restarting": False, "OOMKilled": False,
        "Dead": False, "Pid": pid, "ExitCode": 0 if pid else code, "Error": "",
        "StartedAt": started or "0001-01-01T00:00:00Z",
        "FinishedAt": store.iso(ended) if ended else "0001-01-01T00:00:00Z",
    }  # fmt: skip


def alive(container: dict[str, Any]) -> int:
    """The process id of a container that runs, else 0."""
    said = _read(os.path.join(store.folder("containers", container["Id"]), "pid")).split()
    if len(said) == 2 and _born(int(said[0])) == said[1]:
        return int(said[0])
    return 0


def prepare(container: dict[str, Any]) -> str:
    """Writes DIR/run.sh, which becomes process 1; returns DIR."""
    top = store.folder("containers", container["Id"])
    argv = [*container["Config"]["Entrypoint"], *container["Config"]["Cmd"]]
    with open(os.path.join(top, "run.sh"), "w") as file:
        # /proc is still the one outside: so it is the outer process id that is noted.
        file.write("read -r stat </proc/self/stat\n" + rootfs.mounts(container, image_of(container)))
        file.write(
            f"hostname {store.quote(container['Config']['Hostname'])}\n"
            f'set -- $stat; shift 21; born=$1; echo "${{stat%% *}} $born" >{top}/.pid && mv {top}/.pid {top}/pid\n'
            f"exec chroot {top}/root {store.join(rootfs.inside(container, argv))}\n"
        )
    for name in ("pid", "exit", "stopped", "killed", "paused"):
        _unlink(os.path.join(top, name))
    with open(os.path.join(top, "started"), "w") as file:
        file.write(store.iso())
    return top


def start(container: dict[str, Any]) -> None:
    """Starts it below a keeper of its own, and waits until process 1 has its root (or has ended already)."""
    top = prepare(container)
    keeper = os.path.join(rootfs.CODE, "container-keeper.sh")
    # As subprocess would, whose import takes longer than all the rest: it inherits no file but /dev/null.
    files = [(os.POSIX_SPAWN_CLOSE, int(fd)) for fd in os.listdir("/proc/self/fd") if int(fd) > 2]
    files += [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    argv = ["sh", "-c", 'cd / && exec /bin/sh "$@"', "sh", keeper, top]
    os.posix_spawn("/bin/sh", argv, {"PATH": rootfs.PATH}, file_actions=files, setsid=True)
    end = time.monotonic() + START_LIMIT_S
    while not _has_root(alive(container)) and not os.path.exists(os.path.join(top, "exit")):
        if time.monotonic() > end:
            raise Error(f"container {container['Name']} didn't start within {START_LIMIT_S:g} s", 125)
        time.sleep(0.002)


def foreground(container: dict[str, Any], interactive: bool) -> int:
    """Runs it on our own standard streams to its end; its exit code."""
    top = prepare(container)
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--uts", "--fork", "--propagation", "private", "/bin/sh", f"{top}/run.sh"],
        stdin=None if interactive else subprocess.DEVNULL,
    )  # fmt: skip
    _unlink(os.path.join(top, "pid"))
    with open(os.path.join(top, "exit"), "w") as file:
        file.write(f"{done.returncode} {time.time()}")
    return done.returncode


def stop(container: dict[str, Any], limit_s: float, first: int = SIGTERM) -> None:
    """Signals process 1, kills it when the limit is over, and waits until it is noted as ended."""
    top = store.folder("containers", container["Id"])
    with open(os.path.join(top, "stopped"), "w"):
        pass
    pid = alive(container)
    if not pid:
        return
    _kill(pid, first)
    end = time.monotonic() + limit_s
    while alive(container) and time.monotonic() < end:
        time.sleep(0.005)
    if alive(container):
        with open(os.path.join(top, "killed"), "w"):
            pass
        _kill(pid, SIGKILL)
    end = time.monotonic() + START_LIMIT_S
    while (alive(container) or not os.path.exists(os.path.join(top, "exit"))) and time.monotonic() < end:
        time.sleep(0.005)


def pause(container: dict[str, Any], on: bool) -> None:
    """Stops or goes on with every process of the container."""
    pid = alive(container)
    here = os.readlink(f"/proc/{pid}/ns/pid")
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/ns/pid") == here:
                _kill(int(name), 19 if on else 18)
        except OSError:
            continue
    mark = os.path.join(store.folder("containers", container["Id"]), "paused")
    if on:
        with open(mark, "w"):
            pass
    else:
        _unlink(mark)


def enter(container: dict[str, Any]) -> list[str]:
    """The words before an argv that run it in the container."""
    return ["nsenter", "-t", str(alive(container)), "-m", "-p", "-u", "-r"]


def visit(container: dict[str, Any], argv: list[str], **streams: Any) -> Any:
    """Runs argv in the container's file system, whether it runs or not."""
    if alive(container):
        return subprocess.run([*enter(container), *argv], **streams)
    script = rootfs.mounts(container, image_of(container))
    script += f"exec chroot {store.folder('containers', container['Id'])}/root {store.join(argv)}\n"
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script], **streams
    )


def image_of(container: dict[str, Any]) -> dict[str, Any]:
    return store.read("images", container["Image"].removeprefix("sha256:"))


def _exit(top: str) -> tuple[int, float]:
    words = _read(os.path.join(top, "exit")).split()
    return (int(words[0]), float(words[1])) if len(words) == 2 else (0, 0.0)


def _born(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
            return "" if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return ""


def _has_root(pid: int) -> bool:
    """Whether a process 1 is that of its container already: who entered it earlier would be on the machine."""
    try:
        return bool(pid) and not os.path.samefile(f"/proc/{pid}/root", "/")
    except OSError:
        return False


def _kill(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
