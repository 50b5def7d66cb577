"""`docker build`, with as much of a Dockerfile as hosts need."""

from __future__ import annotations

import os

import images
import rootfs
import store
import words
from lazy import json, shutil, subprocess, tempfile
from store import Error

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any

BUILD_VALUES = "add-host build-arg cache-from cpu-shares file iidfile label memory network platform progress secret tag target"
BUILD_SWITCHES = "compress force-rm no-cache pull quiet rm squash"


def build(given: list[str]) -> int:
    flags, rest = words.read(
        given, BUILD_VALUES, BUILD_SWITCHES, short="f=file t=tag q=quiet m=memory c=cpu-shares"
    )
    with tempfile.TemporaryDirectory(dir=store.ROOT) as top:
        context = rest[0] if rest else "."
        if context == "-":
            subprocess.run(["tar", "-C", top, "-xf", "-"], check=True)
            context = top
        path = words.last(flags, "file", "Dockerfile")
        path = path if os.path.isabs(path) else os.path.join(context, path)
        if not os.path.exists(path):
            raise Error(
                f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat {path}: no such file or directory"
            )
        with store.lock():
            image = _build(context, path, flags)
            for name in flags.get("tag", []):
                images.give_name(image, name)
    if "iidfile" in flags:
        with open(words.last(flags, "iidfile"), "w") as file:
            file.write(f"sha256:{image['Id']}")
    print(f"sha256:{image['Id']}" if words.on(flags, "quiet") else f"Successfully built {image['Id'][:12]}")
    return 0


def _build(context: str, path: str, flags: dict[str, list[str]]) -> dict[str, Any]:
    """Every instruction into one layer over FROM's."""
    given = words.pairs(flags.get("build-arg", []))
    args: dict[str, str] = {}
    id, base, config = store.new_id(), {"Layers": []}, {}
    top = store.folder("images", id)
    os.makedirs(f"{top}/layer")
    steps = _lines(path)
    for number, (word, rest) in enumerate(steps, 1):
        print(f"Step {number}/{len(steps)} : {word} {rest}", flush=True)
        if word == "ARG":
            name, _, value = rest.partition("=")
            args[name] = given.get(name, value)
        elif word == "FROM":
            base = images.wanted(_filled(rest.split()[0], args), "missing")
            config = json.loads(json.dumps(base["Config"]))
        elif word == "RUN":
            _run(top, base, config, rest, args)
        elif word in ("COPY", "ADD"):
            _copy(
                top,
                context,
                config,
                [_filled(part, args) for part in rest.split() if not part.startswith("--")],
            )
        else:
            images.change(config, [f"{word} {_filled(rest, args)}"])
    config["Labels"] = {**config.get("Labels", {}), **words.pairs(flags.get("label", []))}
    image = images.meta(id, [*base["Layers"], id], config)
    store.write("images", id, image)
    return image


def _lines(path: str) -> list[tuple[str, str]]:
    with open(path) as file:
        text = file.read().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(line.split()[0].upper(), " ".join(line.split(None, 1)[1:])) for line in lines]


def _filled(text: str, args: dict[str, str]) -> str:
    for name, value in args.items():
        text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
    return text


def _run(top: str, base: dict[str, Any], config: dict[str, Any], line: str, args: dict[str, str]) -> None:
    id = store.new_id()
    rootfs.make(id)
    there = store.folder("containers", id)
    shutil.rmtree(f"{there}/upper")
    os.rename(f"{top}/layer", f"{there}/upper")
    box = {
        "Id": id,
        "Mounts": [],
        "Config": {
            **config,
            "Hostname": id[:12],
            "Env": [*config["Env"], *(f"{k}={v}" for k, v in args.items())],
        },
    }
    script = (
        rootfs.mounts(box, base)
        + f"exec chroot {there}/root {store.join(rootfs.inside(box, ['/bin/sh', '-c', line]))}\n"
    )
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--propagation", "private", "/bin/sh", "-c", script],
        stderr=subprocess.STDOUT,
    )
    os.rename(f"{there}/upper", f"{top}/layer")
    store.remove_tree(there)
    if done.returncode:
        store.remove_tree(top)
        raise Error(f"The command '/bin/sh -c {line}' returned a non-zero code: {done.returncode}", 1)


def _copy(top: str, context: str, config: dict[str, Any], parts: list[str]) -> None:
    *sources, target = parts
    to = f"{top}/layer" + os.path.normpath(os.path.join("/", config.get("WorkingDir", ""), target))
    for source in sources:
        path = os.path.join(context, source)
        if not os.path.exists(path):
            raise Error(
                f"COPY failed: file not found in build context or excluded by .dockerignore: stat {source}: file does not exist"
            )
        if os.path.isdir(path):
            os.makedirs(to, exist_ok=True)
            subprocess.run(["cp", "-a", f"{path}/.", to], check=True)
        else:
            into = (
                os.path.join(to, os.path.basename(path)) if target.endswith("/") or len(sources) > 1 else to
            )
            os.makedirs(os.path.dirname(into), exist_ok=True)
            shutil.copy(path, into)
