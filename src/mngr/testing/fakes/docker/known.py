"""The containers that there are: found by name or id, one after another, removed."""

from __future__ import annotations

import os
import sys

import process
import store
from store import Error

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any


def find(ref: str) -> dict[str, Any]:
    for one in store.every("containers"):
        if one["Name"] == f"/{ref.removeprefix('/')}" or (len(ref) >= 4 and one["Id"].startswith(ref)):
            return one
    raise Error(f"No such container: {ref}")


def running(ref: str) -> dict[str, Any]:
    container = find(ref)
    if not process.alive(container):
        raise Error(f"Container {container['Id']} is not running")
    return container


def users_of(volume: str) -> list[str]:
    return [
        one["Id"]
        for one in store.every("containers")
        if any(mount["Name"] == volume for mount in one["Mounts"])
    ]


def remove(container: dict[str, Any], volumes_too: bool) -> None:
    top = store.folder("containers", container["Id"])
    gone = f"{top}.gone"
    os.rename(top, gone)
    store.remove_tree(gone)
    for mount in container["Mounts"] if volumes_too else []:
        if mount["Type"] == "volume" and len(mount["Name"]) == 64:
            store.remove_tree(store.folder("volumes", mount["Name"]))


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
