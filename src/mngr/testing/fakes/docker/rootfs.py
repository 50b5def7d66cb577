"""A container's file system: layers of images over the file system below, in a mount namespace of its own."""

from __future__ import annotations

import os

import store

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any

CODE = "/.fakes/code"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Folders of the file system below that an image doesn't have.
HIDDEN = (
    "root",
    "tmp",
    "home",
    "srv",
    "mnt",
    "work",
    "mngr",
    "var/lib/docker",
    "var/lib/mngr",
    "var/lib/cloud",
)


def make(id: str) -> None:
    """The empty top layer of a container."""
    top = store.folder("containers", id)
    for name in ("upper", "work", "root"):
        os.makedirs(os.path.join(top, name), exist_ok=True)


def hide(upper: str) -> None:
    """Makes the base image: what is below, less what belongs to the computer it is on."""
    for name in HIDDEN:
        path = os.path.join(upper, name)
        os.makedirs(path, exist_ok=True)
        os.setxattr(path, "trusted.overlay.opaque", b"y")
    os.chmod(os.path.join(upper, "tmp"), 0o1777)
    os.chmod(os.path.join(upper, "root"), 0o700)


def mounts(container: dict[str, Any], image: dict[str, Any]) -> str:
    """A shell script's lines that set the file system up at DIR/root, in the namespace that they run in."""
    top = store.folder("containers", container["Id"])
    root = os.path.join(top, "root")
    layers = [os.path.join(store.folder("images", layer), "layer") for layer in reversed(image["Layers"])]
    options = f"lowerdir={':'.join([*layers, store.LOWER])},upperdir={top}/upper,workdir={top}/work"
    lines = [
        "set -e",
        f"mount -t overlay overlay -o {store.quote(options)} {root}",
        f"mount -t proc proc {root}/proc",
        f"mount --rbind /dev {root}/dev",
        f"mount -t tmpfs -o mode=755 tmpfs {root}/run",
        f"mkdir -p {root}/usr/local/sbin && mount --bind {CODE}/inside {root}/usr/local/sbin",
    ]
    for mount in container["Mounts"]:
        at = store.quote(root + mount["Destination"])
        source = store.quote(mount["Source"])
        if mount["Type"] == "tmpfs":
            lines.append(f"mkdir -p {at} && mount -t tmpfs tmpfs {at}")
        elif os.path.isdir(mount["Source"]):
            lines.append(f"mkdir -p {at} && mount --bind {source} {at}")
        else:
            lines.append(f"mkdir -p $(dirname {at}) && touch {at} && mount --bind {source} {at}")
        if not mount["RW"]:
            lines.append(f"mount -o remount,ro,bind {at}")
    return "\n".join(lines) + "\n"


def environment(container: dict[str, Any], more: list[str] = []) -> list[str]:  # noqa: B006
    """`K=V` words as a process in the container gets them."""
    values = {"PATH": PATH, "HOSTNAME": container["Config"]["Hostname"], "HOME": "/root"}
    for word in [*container["Config"]["Env"], *more]:
        key, eq, value = word.partition("=")
        if eq or key in os.environ:
            values[key] = value if eq else os.environ[key]
    return [f"{key}={value}" for key, value in values.items()]


def inside(container: dict[str, Any], argv: list[str], *, env: list[str] = [], cwd: str = "") -> list[str]:  # noqa: B006
    """The argv, for whoever is in the container's namespaces and root already."""
    there = cwd or container["Config"]["WorkingDir"] or "/"
    return ["/usr/bin/env", "-i", "-C", there, *environment(container, env), *argv]
