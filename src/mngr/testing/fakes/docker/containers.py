"""`docker run|create|start|stop|kill|rm|exec|logs|inspect|ps|update|pause|unpause|cp|wait|rename`."""

from __future__ import annotations

import os
import sys
import time

import images
import process
import rootfs
import store
import volumes
import words
from lazy import socket, subprocess
from output import inspect, rows
from process import SIGKILL
from store import Error

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any

RUN_VALUES = (
    "add-host annotation cap-add cap-drop cgroupns cidfile cpu-shares cpus cpuset-cpus device device-cgroup-rule dns "
    "entrypoint env env-file expose hostname ip label label-file log-driver log-opt memory memory-swap mount name "
    "network net pid pids-limit platform publish pull restart runtime security-opt shm-size stop-signal stop-timeout "
    "sysctl tmpfs ulimit user userns volume volumes-from workdir gpus ipc group-add memory-reservation"
)
RUN_SWITCHES = "detach init interactive privileged publish-all quiet read-only rm tty no-healthcheck"
RUN_SHORT = "d=detach e=env h=hostname i=interactive l=label m=memory p=publish q=quiet t=tty u=user v=volume w=workdir c=cpu-shares"


def run(given: list[str], *, starts: bool = True) -> int:
    flags, rest = words.read(given, RUN_VALUES, RUN_SWITCHES, short=RUN_SHORT, stop=True)
    if not rest:
        raise words.Usage('"docker run" requires at least 1 argument.')
    with store.lock():
        image = images.wanted(rest[0], words.last(flags, "pull", "missing"))
        container = _make(flags, rest, image)
        if words.on(flags, "detach") and starts:
            _up(container)
    if words.on(flags, "detach") or not starts:
        print(container["Id"])
        return 0
    code = process.foreground(container, words.on(flags, "interactive"))
    if words.on(flags, "rm"):
        _remove(container, volumes_too=True)
    return code


def _make(flags: dict[str, list[str]], rest: list[str], image: dict[str, Any]) -> dict[str, Any]:
    id = store.new_id()
    name = words.last(flags, "name") or f"fake_{id[:8]}"
    for other in store.every("containers"):
        if other["Name"] == f"/{name}":
            raise Error(
                f'Conflict. The container name "/{name}" is already in use by container "{other["Id"]}". '
                "You have to remove (or rename) that container to be able to reuse that name.",
                125,
            )
    config = image["Config"]
    entrypoint = flags.get("entrypoint", config["Entrypoint"] or [])
    entrypoint = [word for word in entrypoint if word]
    cmd = rest[1:] or ([] if "entrypoint" in flags else config["Cmd"])
    env = [*config["Env"], *_env_files(flags), *flags.get("env", [])]
    container = {
        "Id": id, "Name": f"/{name}", "Created": store.iso(), "Image": f"sha256:{image['Id']}",
        "Path": (entrypoint + cmd)[0], "Args": (entrypoint + cmd)[1:],
        "Config": {
            "Image": rest[0], "Labels": {**config["Labels"], **words.pairs(flags.get("label", []))}, "Env": env,
            "Cmd": cmd, "Entrypoint": entrypoint, "User": words.last(flags, "user"),
            "Hostname": words.last(flags, "hostname", id[:12]), "StopSignal": words.last(flags, "stop-signal"),
            "WorkingDir": words.last(flags, "workdir", config["WorkingDir"]),
        },
        "HostConfig": {
            "RestartPolicy": {"Name": words.last(flags, "restart", "no"), "MaximumRetryCount": 0},
            "PortBindings": _bindings(flags.get("publish", [])),
            "Memory": 0, "NanoCpus": 0, "NetworkMode": words.last(flags, "network", "default"),
            "Binds": flags.get("volume"), "AutoRemove": words.on(flags, "rm"),
        },
        "Mounts": _mounts(flags),
    }  # fmt: skip
    rootfs.make(id)
    store.write("containers", id, container)
    _set_restart(container)
    return container


def _env_files(flags: dict[str, list[str]]) -> list[str]:
    found = []
    for path in flags.get("env-file", []):
        with open(path) if path != "-" else sys.stdin as file:
            found += [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#")]
    return found


def _bindings(given: list[str]) -> dict[str, list[dict[str, str]]]:
    """`[ADDRESS:][PORT:]CONTAINER_PORT[/tcp]`."""
    found: dict[str, list[dict[str, str]]] = {}
    for text in given:
        ports, _, kind = text.partition("/")
        parts = ports.rsplit(":", 2)
        address, port = (parts[0], parts[1]) if len(parts) == 3 else ("", parts[0] if len(parts) == 2 else "")
        found.setdefault(f"{parts[-1]}/{kind or 'tcp'}", []).append({"HostIp": address, "HostPort": port})
    return found


def _mounts(flags: dict[str, list[str]]) -> list[dict[str, Any]]:
    found = []
    for text in flags.get("volume", []):
        source, _, rest = text.partition(":")
        target, _, mode = rest.partition(":")
        kind = "bind" if source.startswith("/") else "volume"
        found.append(
            (kind, source if target else store.new_id(), target or source, "ro" not in mode.split(","))
        )
    for text in flags.get("mount", []):
        given = words.pairs(text.split(","))
        source = given.get("source", given.get("src", ""))
        target = given.get("target", given.get("destination", given.get("dst", "")))
        found.append((given.get("type", "volume"), source, target, not {"readonly", "ro"} & set(given)))
    for text in flags.get("tmpfs", []):
        found.append(("tmpfs", "", text.partition(":")[0], True))
    return [
        {
            "Type": kind, "Name": source if kind == "volume" else "", "Destination": target, "RW": writable,
            "Source": volumes.ensure(source) if kind == "volume" else source,
        }
        for kind, source, target, writable in found
    ]  # fmt: skip


def _set_restart(container: dict[str, Any]) -> None:
    policy = container["HostConfig"]["RestartPolicy"]["Name"]
    with open(os.path.join(store.folder("containers", container["Id"]), "restart"), "w") as file:
        file.write(policy.partition(":")[0])


def _up(container: dict[str, Any]) -> None:
    """Starts it, if its ports are free."""
    taken = {
        port for other in store.every("containers") if process.alive(other) for port in _published(other)
    }
    ports: dict[str, list[dict[str, str]]] = {}
    for inner, wanted in container["HostConfig"]["PortBindings"].items():
        for one in wanted:
            port = one["HostPort"] if one["HostPort"] not in ("", "0") else _free_port()
            if port in taken:
                raise Error(
                    f"driver failed programming external connectivity on endpoint {container['Name'][1:]}: "
                    f"Bind for {one['HostIp'] or '0.0.0.0'}:{port} failed: port is already allocated",
                    125,
                )
            ports.setdefault(inner, []).append({"HostIp": one["HostIp"] or "0.0.0.0", "HostPort": port})
    store.write("containers", container["Id"], ports, "ports.json")
    process.start(container)


def _published(container: dict[str, Any]) -> dict[str, str]:
    """Port on the machine → port of the container."""
    return {
        one["HostPort"]: inner.partition("/")[0]
        for inner, found in _ports(container).items()
        for one in found
    }


def _ports(container: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    try:
        return store.read("containers", container["Id"], "ports.json")
    except FileNotFoundError:
        return {}


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def boot() -> None:
    """The daemon starts: so do containers whose policy says so and that nobody stopped."""
    with store.lock():
        for container in store.every("containers"):
            top = store.folder("containers", container["Id"])
            policy = container["HostConfig"]["RestartPolicy"]["Name"]
            stopped = os.path.exists(os.path.join(top, "stopped"))
            clean = process.state(container)["ExitCode"] == 0
            if process.state(container)["Status"] == "created":
                continue
            if (
                policy == "always"
                or (policy == "unless-stopped" and not stopped)
                or (
                    policy.startswith("on-failure")
                    and not stopped
                    and not (clean and os.path.exists(f"{top}/exit"))
                )
            ):
                _up(container)


def find(ref: str) -> dict[str, Any]:
    for one in store.every("containers"):
        if one["Name"] == f"/{ref.removeprefix('/')}" or (len(ref) >= 4 and one["Id"].startswith(ref)):
            return one
    raise Error(f"No such container: {ref}")


def _running(ref: str) -> dict[str, Any]:
    container = find(ref)
    if not process.alive(container):
        raise Error(f"Container {container['Id']} is not running")
    return container


def each(refs: list[str], act: Any, *, daemon: bool = True) -> int:
    """Does one thing to several containers, as docker does: goes on after a failure."""
    code = 0
    for ref in refs:
        try:
            with store.lock():
                act(find(ref))
            print(ref)
        except Error as error:
            code = 1
            said = f"Error: {error}" if not daemon else f"Error response from daemon: {error}"
            print(said, file=sys.stderr)
    return code


def start(given: list[str]) -> int:
    _, rest = words.read(given, "", "attach interactive", short="a=attach i=interactive")

    def act(container: dict[str, Any]) -> None:
        status = process.state(container)["Status"]
        if status == "paused":
            raise Error("cannot start a paused container, try unpause instead")
        if status != "running":
            _up(container)

    return each(rest, act)


def stop(given: list[str]) -> int:
    flags, rest = words.read(given, "time timeout signal", "", short="t=time s=signal")
    limit_s = float(words.last(flags, "time", words.last(flags, "timeout", "10")))

    def act(container: dict[str, Any]) -> None:
        if process.state(container)["Paused"]:
            raise Error(
                f"Container {container['Id']} is paused. Unpause the container before stopping or killing"
            )
        name = container["Config"]["StopSignal"] or "TERM"
        process.stop(container, limit_s, process.number(name))

    return each(rest, act)


def restart(given: list[str]) -> int:
    return stop(given) or start([word for word in given if not word.startswith("-")])


def kill(given: list[str]) -> int:
    flags, rest = words.read(given, "signal", "", short="s=signal")
    name = words.last(flags, "signal", "KILL").removeprefix("SIG")

    def act(container: dict[str, Any]) -> None:
        if not process.alive(container):
            raise Error(
                f"Cannot kill container: {container['Name'][1:]}: Container {container['Id']} is not running"
            )
        if name == "KILL":
            process.stop(container, 0, SIGKILL)
        else:
            os.kill(process.alive(container), process.number(name))

    return each(rest, act)


def rm(given: list[str]) -> int:
    flags, rest = words.read(given, "", "force volumes link", short="f=force v=volumes l=link")

    def act(container: dict[str, Any]) -> None:
        if process.alive(container):
            if not words.on(flags, "force"):
                raise Error(
                    f"You cannot remove a running container {container['Id']}. "
                    "Stop the container before attempting removal or force remove"
                )
            process.stop(container, 0, SIGKILL)
        _remove(container, words.on(flags, "volumes"))

    return each(rest, act)


def _remove(container: dict[str, Any], volumes_too: bool) -> None:
    top = store.folder("containers", container["Id"])
    gone = f"{top}.gone"
    os.rename(top, gone)
    store.remove_tree(gone)
    for mount in container["Mounts"] if volumes_too else []:
        if mount["Type"] == "volume" and len(mount["Name"]) == 64:
            store.remove_tree(store.folder("volumes", mount["Name"]))


def users_of(volume: str) -> list[str]:
    return [
        one["Id"]
        for one in store.every("containers")
        if any(mount["Name"] == volume for mount in one["Mounts"])
    ]


def exec_(given: list[str]) -> int:
    flags, rest = words.read(
        given, "env workdir user env-file detach-keys", "detach interactive tty privileged",
        short="e=env w=workdir u=user d=detach i=interactive t=tty", stop=True,
    )  # fmt: skip
    container = _running(rest[0])
    if process.state(container)["Paused"]:
        raise Error(f"Container {rest[0]} is paused, unpause the container before exec")
    inside = rootfs.inside(container, rest[1:], env=flags.get("env", []), cwd=words.last(flags, "workdir"))
    argv = [*process.enter(container), *inside]
    if words.on(flags, "detach"):
        null = subprocess.DEVNULL
        subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True)
        return 0
    if not words.on(flags, "interactive"):
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout.flush()
    os.execvp(argv[0], argv)


def logs(given: list[str]) -> int:
    flags, rest = words.read(
        given, "tail since until", "follow timestamps details", short="n=tail f=follow t=timestamps"
    )
    path = os.path.join(store.folder("containers", find(rest[0])["Id"]), "log")
    lines: list[bytes] = []
    if os.path.exists(path):
        with open(path, "rb") as file:
            lines = file.readlines()
    tail = words.last(flags, "tail", "all")
    sys.stdout.buffer.write(b"".join(lines if tail == "all" else lines[-int(tail) :] if int(tail) else []))
    return 0


def view(container: dict[str, Any]) -> dict[str, Any]:
    """As `docker inspect` shows it."""
    ports = _ports(container) if process.alive(container) else {}
    return {
        **container,
        "State": process.state(container), "RestartCount": 0, "Platform": "linux", "Driver": "overlay2",
        "NetworkSettings": {"Ports": ports, "IPAddress": "172.17.0.2" if process.alive(container) else ""},
    }  # fmt: skip


def show(given: list[str]) -> int:
    flags, rest = words.read(given, "format", "size", short="f=format s=size")
    found, missing = [], []
    for ref in rest:
        try:
            found.append(view(find(ref)))
        except Error:
            missing.append(f"Error: No such container: {ref}")
    return inspect(found, missing, words.last(flags, "format"))


def ps(given: list[str]) -> None:
    flags, _ = words.read(
        given,
        "filter format last",
        "all no-trunc quiet size latest",
        short="a=all q=quiet f=filter n=last s=size l=latest",
    )
    found = []
    for one in reversed(store.every("containers")):
        state = process.state(one)
        fits = {
            "name": one["Name"][1:],
            "status": state["Status"],
            "id": one["Id"],
            "volume": ",".join(m["Name"] for m in one["Mounts"]),
        }
        labels = one["Config"]["Labels"]
        asked = flags.get("filter", [])
        shown = (
            words.on(flags, "all") or state["Running"] or any(word.startswith("status=") for word in asked)
        )
        if not shown or not words.matches(asked, fits, labels):
            continue
        found.append(
            {
                "ID": one["Id"] if words.on(flags, "no-trunc") else one["Id"][:12], "Names": one["Name"][1:],
                "Image": one["Config"]["Image"], "State": state["Status"], "Status": _status(state),
                "CreatedAt": one["Created"][:19].replace("T", " ") + " +0000 UTC",
                "Labels": ",".join(f"{key}={value}" for key, value in labels.items()),
                "Ports": ", ".join(f"0.0.0.0:{port}->{inner}/tcp" for port, inner in _published(one).items() if state["Running"]),
                "Mounts": ",".join(mount["Name"] for mount in one["Mounts"]),
                "Label": lambda key, labels=labels: labels.get(key, ""),
            }
        )  # fmt: skip
    rows(found, words.last(flags, "format"), "ID" if words.on(flags, "quiet") else "")


def _status(state: dict[str, Any]) -> str:
    if state["Running"]:
        return "Up 1 second" + (" (Paused)" if state["Paused"] else "")
    return "Created" if state["Status"] == "created" else f"Exited ({state['ExitCode']}) 1 second ago"


def update(given: list[str]) -> int:
    flags, rest = words.read(
        given, "restart memory memory-swap cpus cpu-shares pids-limit", "", short="m=memory c=cpu-shares"
    )

    def act(container: dict[str, Any]) -> None:
        if "restart" in flags:
            container["HostConfig"]["RestartPolicy"]["Name"] = words.last(flags, "restart")
            store.write("containers", container["Id"], container)
            _set_restart(container)

    return each(rest, act)


def pause(given: list[str], on: bool) -> int:
    def act(container: dict[str, Any]) -> None:
        status = process.state(container)["Status"]
        if status not in ("running", "paused"):
            raise Error(f"Container {container['Id']} is not running")
        if (status == "paused") == on:
            raise Error(f"Container {container['Id']} is {'already' if on else 'not'} paused")
        process.pause(container, on)

    return each(given, act)


def wait(given: list[str]) -> int:
    for ref in given:
        container = find(ref)
        while process.alive(container):
            time.sleep(0.02)
        print(process.state(container)["ExitCode"])
    return 0


def rename(given: list[str]) -> int:
    with store.lock():
        container = find(given[0])
        store.write("containers", container["Id"], {**container, "Name": f"/{given[1]}"})
    return 0


def cp(given: list[str]) -> int:
    _, (source, target) = words.read(
        given, "", "archive follow-link quiet", short="a=archive L=follow-link q=quiet"
    )
    if ":" in source:
        name, _, path = source.partition(":")
        container, parent, base = find(name), *os.path.split(path.rstrip("/"))
        if process.visit(container, ["test", "-e", path]).returncode:
            raise Error(f"No such container:path: {name}:{path}")
        out = sys.stdout.buffer if target == "-" else subprocess.PIPE
        done = process.visit(container, ["tar", "-C", parent or "/", "-cf", "-", base], stdout=out)
        if target != "-":
            into = target if os.path.isdir(target) else os.path.dirname(target) or "."
            subprocess.run(["tar", "-C", into, "-xf", "-"], input=done.stdout, check=True)
            if into != target and os.path.basename(target) != base:
                os.rename(os.path.join(into, base), target)
        return done.returncode
    name, _, path = target.partition(":")
    container = find(name)
    if source == "-":
        return process.visit(container, ["tar", "-C", path, "-xf", "-"]).returncode
    packed = subprocess.run(
        ["tar", "-C", os.path.dirname(os.path.abspath(source)), "-cf", "-", os.path.basename(source)],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    isdir = not process.visit(container, ["test", "-d", path]).returncode
    into = path if isdir else os.path.dirname(path) or "/"
    done = process.visit(container, ["tar", "-C", into, "-xf", "-"], input=packed.stdout)
    if not isdir and os.path.basename(path) != os.path.basename(source):
        moved = ["mv", os.path.join(into, os.path.basename(source)), path]
        return process.visit(container, moved).returncode
    return done.returncode
