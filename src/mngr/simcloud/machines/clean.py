"""Removing what machines leave in the local Docker daemon, found by its labels."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from mngr.simcloud import docker as d
from mngr.simcloud.machines import cgroups, process

LIST = {
    "container": ("ps", "--all"),
    "volume": ("volume", "ls"),
    "image": ("images", "--all"),
    "network": ("network", "ls"),
}
REMOVE = {
    "container": ("rm", "--force", "--volumes"),
    "volume": ("volume", "rm", "--force"),
    "image": ("rmi", "--force"),
    "network": ("network", "rm"),
}


def clean(run: str | None) -> int:
    """Remove what one run left, or all that runs whose process has ended left. Returns an exit code."""
    process.forget_ended()
    d.require()
    filters = [f"{d.LABEL}={run}"] if run else [f"{process.LABEL}={id}" for id in _ended()]
    removed = [what for label in filters for what in remove(label)]
    cgroups.remove_empty()
    print(
        f"simcloud: removed {', '.join(removed) if removed else 'nothing: nothing was left'}", file=sys.stderr
    )
    return 0


def remove(label: str) -> list[str]:
    """Remove every object with a label (`key=value`); their names. Goes on after one that can't be removed."""
    removed = []
    for kind in REMOVE:
        names = _labelled(kind, label)
        with ThreadPoolExecutor(4) as pool:
            removed += [
                f"{kind} {name}"
                for name in pool.map(lambda name, kind=kind: _remove(kind, name), names)
                if name
            ]
    return removed


def _remove(kind: str, name: str) -> str:
    try:
        d.docker(*REMOVE[kind], name)
        return name
    except d.DockerError as problem:
        if "No such" not in str(problem):
            print(f"simcloud: {problem}", file=sys.stderr)
        return ""


def _labelled(kind: str, label: str) -> list[str]:
    return d.lines(*LIST[kind], "--quiet", "--filter", f"label={label}")


def _ended() -> list[str]:
    """The processes that have left something, and live no more."""
    found: set[str] = set()
    for kind in ("container", "volume"):
        form = "{{.Label " + f'"{process.LABEL}"' + "}}"
        found.update(d.lines(*LIST[kind], "--filter", f"label={process.LABEL}", "--format", form))
    for image in _labelled("image", process.LABEL):
        form = "{{index .Config.Labels " + f'"{process.LABEL}"' + "}}"
        found.add(d.docker("image", "inspect", "--format", form, image))
    return sorted(id for id in found if id and not process.lives(id))
