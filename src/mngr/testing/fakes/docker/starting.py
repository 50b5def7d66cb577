"""`docker run|create`, and how a container comes up: at its start, and at the daemon's."""

from __future__ import annotations

import os
import sys

import images
import known
import process
import rootfs
import store
import volumes
import words
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
            up(container)
    if words.on(flags, "detach") or not starts:
        print(container["Id"])
        return 0
    code = process.foreground(container, words.on(flags, "interactive"))
    if words.on(flags, "rm"):
        known.remove(container, volumes_too=True)
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
    set_restart(container)
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


def set_restart(container: dict[str, Any]) -> None:
    policy = container["HostConfig"]["RestartPolicy"]["Name"]
    with open(os.path.join(store.folder("containers", container["Id"]), "restart"), "w") as file:
        file.write(policy.partition(":")[0])


def up(container: dict[str, Any]) -> None:
    """Starts it, if its ports are free."""
    taken = {port for other in store.every("containers") if process.alive(other) for port in published(other)}
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
    store.write("containers", container["Id"], ports, "ports")
    process.start(container)


def published(container: dict[str, Any]) -> dict[str, str]:
    """Port on the machine → port of the container."""
    return {
        one["HostPort"]: inner.partition("/")[0]
        for inner, found in ports_of(container).items()
        for one in found
    }


def ports_of(container: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    try:
        return store.read("containers", container["Id"], "ports")
    except FileNotFoundError:
        return {}


def _free_port() -> str:
    import _socket  # what `socket` is made of, without its imports

    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    return str(port)


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
                up(container)
