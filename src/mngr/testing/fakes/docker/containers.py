"""`docker start|stop|kill|rm|exec|logs|inspect|ps|update|pause|unpause|cp|wait|rename`."""

from __future__ import annotations

import os
import sys
import time

import known
import process
import rootfs
import starting
import store
import words
from become import Become
from lazy import subprocess
from output import inspect, rows
from process import SIGKILL
from store import Error

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any


def start(given: list[str]) -> int:
    _, rest = words.read(given, "", "attach interactive", short="a=attach i=interactive")

    def act(container: dict[str, Any]) -> None:
        status = process.state(container)["Status"]
        if status == "paused":
            raise Error("cannot start a paused container, try unpause instead")
        if status != "running":
            starting.up(container)

    return known.each(rest, act)


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

    return known.each(rest, act)


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

    return known.each(rest, act)


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
        known.remove(container, words.on(flags, "volumes"))

    return known.each(rest, act)


def exec_(given: list[str]) -> int:
    flags, rest = words.read(
        given, "env workdir user env-file detach-keys", "detach interactive tty privileged",
        short="e=env w=workdir u=user d=detach i=interactive t=tty", stop=True,
    )  # fmt: skip
    container = known.running(rest[0])
    if process.state(container)["Paused"]:
        raise Error(f"Container {rest[0]} is paused, unpause the container before exec")
    inside = rootfs.inside(container, rest[1:], env=flags.get("env", []), cwd=words.last(flags, "workdir"))
    argv = [*process.enter(container), *inside]
    if words.on(flags, "detach"):
        null = subprocess.DEVNULL
        subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True)
        return 0
    raise Become(argv, silent=not words.on(flags, "interactive"))


def logs(given: list[str]) -> int:
    flags, rest = words.read(
        given, "tail since until", "follow timestamps details", short="n=tail f=follow t=timestamps"
    )
    path = os.path.join(store.folder("containers", known.find(rest[0])["Id"]), "log")
    lines: list[bytes] = []
    if os.path.exists(path):
        with open(path, "rb") as file:
            lines = file.readlines()
    tail = words.last(flags, "tail", "all")
    sys.stdout.buffer.write(b"".join(lines if tail == "all" else lines[-int(tail) :] if int(tail) else []))
    return 0


def view(container: dict[str, Any]) -> dict[str, Any]:
    """As `docker inspect` shows it."""
    ports = starting.ports_of(container) if process.alive(container) else {}
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
            found.append(view(known.find(ref)))
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
                "Ports": ", ".join(f"0.0.0.0:{port}->{inner}/tcp" for port, inner in starting.published(one).items() if state["Running"]),
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
            starting.set_restart(container)

    return known.each(rest, act)


def pause(given: list[str], on: bool) -> int:
    def act(container: dict[str, Any]) -> None:
        status = process.state(container)["Status"]
        if status not in ("running", "paused"):
            raise Error(f"Container {container['Id']} is not running")
        if (status == "paused") == on:
            raise Error(f"Container {container['Id']} is {'already' if on else 'not'} paused")
        process.pause(container, on)

    return known.each(given, act)


def wait(given: list[str]) -> int:
    for ref in given:
        container = known.find(ref)
        while process.alive(container):
            time.sleep(0.02)
        print(process.state(container)["ExitCode"])
    return 0


def rename(given: list[str]) -> int:
    with store.lock():
        container = known.find(given[0])
        store.write("containers", container["Id"], {**container, "Name": f"/{given[1]}"})
    return 0


def cp(given: list[str]) -> int:
    _, (source, target) = words.read(
        given, "", "archive follow-link quiet", short="a=archive L=follow-link q=quiet"
    )
    if ":" in source:
        name, _, path = source.partition(":")
        container, parent, base = known.find(name), *os.path.split(path.rstrip("/"))
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
    container = known.find(name)
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
