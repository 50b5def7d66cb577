"""`docker volume …`."""

from __future__ import annotations

import os
import sys

import known
import store
import words
from lazy import re
from output import inspect, rows
from store import Error


def ensure(name: str, labels: dict[str, str] | None = None) -> str:
    """The folder of the volume, which is made if it isn't there."""
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", name):
        raise Error(f'create {name}: "{name}" includes invalid characters for a local volume name')
    data = os.path.join(store.folder("volumes", name), "_data")
    if not os.path.isdir(data):
        os.makedirs(data)
        meta = {
            "Name": name, "Driver": "local", "Mountpoint": data, "Labels": labels or {}, "Options": None,
            "Scope": "local", "CreatedAt": store.iso(),
        }  # fmt: skip
        store.write("volumes", name, meta)
    return data


def create(given: list[str]) -> None:
    flags, rest = words.read(given, "label driver opt name", "", short="d=driver o=opt")
    name = rest[0] if rest else words.last(flags, "name") or store.new_id()
    with store.lock():
        ensure(name, words.pairs(flags.get("label", [])))
    print(name)


def show(given: list[str]) -> int:
    flags, rest = words.read(given, "format", "", short="f=format")
    found, missing = [], []
    for name in rest:
        try:
            found.append(store.read("volumes", name))
        except FileNotFoundError:
            missing.append(f"Error: No such volume: {name}")
    return inspect(found, missing, words.last(flags, "format"))


def ls(given: list[str]) -> None:
    flags, _ = words.read(given, "format filter", "quiet", short="q=quiet f=filter")
    found = [
        {**one, "Label": lambda key, one=one: one["Labels"].get(key, "")}
        for one in store.every("volumes")
        if words.matches(flags.get("filter", []), {"name": one["Name"]}, one["Labels"])
    ]
    rows(found, words.last(flags, "format"), "Name" if words.on(flags, "quiet") else "")


def rm(given: list[str]) -> int:
    flags, rest = words.read(given, "", "force", short="f=force")
    code = 0
    with store.lock():
        for name in rest:
            path = store.folder("volumes", name)
            if not os.path.isdir(path):
                if not words.on(flags, "force"):
                    print(f"Error: No such volume: {name}", file=sys.stderr)
                    code = 1
                    continue
            elif users := known.users_of(name):
                message = f"remove {name}: volume is in use - [{', '.join(users)}]"
                print(f"Error response from daemon: {message}", file=sys.stderr)
                code = 1
                continue
            store.remove_tree(path)
            print(name)
    return code
