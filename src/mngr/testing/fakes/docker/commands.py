"""What `docker VERB …` does, for each verb."""

from __future__ import annotations

import os
import sys

import build
import containers
import images
import known
import starting
import store
import volumes
import words

VERSION = "20.10.24"


def main(argv: list[str]) -> int:
    argv = _own_flags(argv)
    if os.path.exists(os.path.join(store.ROOT, "down")):
        print(
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            file=sys.stderr,
        )
        return 1
    verb, given = (argv[0], argv[1:]) if argv else ("help", [])
    if verb in GROUPS and given:
        group, verb, given = verb, given[0], given[1:]
        act = GROUPS[group].get(verb)
    else:
        act = VERBS.get(verb)
    if act is None:
        print(f"docker: '{verb}' is not a docker command.\nSee 'docker --help'", file=sys.stderr)
        return 1
    try:
        return act(given) or 0
    except store.Error as error:
        said = (
            "docker: Error response from daemon"
            if error.code == 125
            else "Error"
            if "No such" in str(error)
            else "Error response from daemon"
        )
        print(f"{said}: {error}.", file=sys.stderr)
        return error.code
    except words.Usage as error:
        print(f"{error}\nSee 'docker {verb} --help'.", file=sys.stderr)
        return 125 if verb in ("run", "create") else 1


def _own_flags(argv: list[str]) -> list[str]:
    """`docker -H ADDRESS …`, `--context`, `--config`: there is one daemon here."""
    while argv and argv[0].startswith("-"):
        if argv[0] in ("-v", "--version"):
            return ["--version"]
        argv = argv[1:] if "=" in argv[0] or argv[0] in ("-D", "--debug", "--tls") else argv[2:]
    return argv


def version(given: list[str]) -> int:
    from output import render

    flags, _ = words.read(given, "format", "", short="f=format")
    data = {
        "Client": {"Version": VERSION},
        "Server": {"Version": VERSION, "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"},
    }
    form = words.last(flags, "format")
    print(
        render("{{json .}}" if form == "json" else form, data)
        if form
        else f"Client:\n Version: {VERSION}\nServer:\n Version: {VERSION}"
    )
    return 0


def info(given: list[str]) -> int:
    from output import render

    flags, _ = words.read(given, "format", "", short="f=format")
    data = {
        "ServerVersion": VERSION,
        "Driver": "overlay2",
        "ID": "FAKE",
        "Name": os.uname().nodename,
        "OSType": "linux",
        "Architecture": "x86_64",
        "CgroupVersion": "1",
    }
    form = words.last(flags, "format")
    print(render("{{json .}}" if form == "json" else form, data) if form else f"Server Version: {VERSION}")
    return 0


def show_any(given: list[str]) -> int:
    """`docker inspect`: a container, else an image, else a volume."""
    flags, rest = words.read(given, "format type", "size", short="f=format s=size")
    from output import inspect

    found, missing = [], []
    for ref in rest:
        for look in (
            lambda ref: containers.view(known.find(ref)),
            lambda ref: images.view(images.find(ref)),
            lambda ref: store.read("volumes", ref),
        ):
            try:
                found.append(look(ref))
                break
            except (store.Error, FileNotFoundError):
                continue
        else:
            missing.append(f"Error: No such object: {ref}")
    return inspect(found, missing, words.last(flags, "format"))


VERBS = {
    "run": starting.run, "create": lambda given: starting.run(given, starts=False), "start": containers.start,
    "stop": containers.stop, "restart": containers.restart, "kill": containers.kill, "rm": containers.rm,
    "exec": containers.exec_, "logs": containers.logs, "ps": containers.ps, "update": containers.update,
    "pause": lambda given: containers.pause(given, True), "unpause": lambda given: containers.pause(given, False),
    "cp": containers.cp, "wait": containers.wait, "rename": containers.rename, "inspect": show_any,
    "build": build.build, "commit": images.commit, "pull": images.pull, "save": images.save, "load": images.load,
    "tag": images.tag, "rmi": images.rm, "images": images.ls, "version": version, "info": info,
    "--version": lambda given: print(f"Docker version {VERSION}, build fake"),
    "boot": lambda given: starting.boot(),
}  # fmt: skip

GROUPS = {
    "container": {**VERBS, "ls": containers.ps, "list": containers.ps, "inspect": containers.show},
    "image": {
        "inspect": images.show, "ls": images.ls, "list": images.ls, "rm": images.rm, "pull": images.pull,
        "save": images.save, "load": images.load, "tag": images.tag, "build": build.build,
    },
    "volume": {
        "create": volumes.create, "inspect": volumes.show, "ls": volumes.ls, "list": volumes.ls, "rm": volumes.rm,
    },
    "system": {"info": info},
}  # fmt: skip
