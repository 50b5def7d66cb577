"""`docker build|commit|pull|save|load|tag|rmi|images` and `docker image …`."""

from __future__ import annotations

import os
import sys

import known
import rootfs
import store
import words
from lazy import json, shlex, subprocess, tempfile
from output import inspect, rows
from store import Error

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any

BASE = "0" * 64


def wanted(name: str, pull: str) -> dict[str, Any]:
    """The image for `docker run NAME --pull PULL`."""
    try:
        return find(name)
    except Error:
        if pull == "never":
            raise Error(f"No such image: {_tagged(name)}", 125) from None
    print(f"Unable to find image '{_tagged(name)}' locally", file=sys.stderr)
    return _pull(name, 125)


def find(ref: str) -> dict[str, Any]:
    bare = ref.removeprefix("sha256:")
    for one in store.every("images"):
        if (
            _tagged(ref) in one["RepoTags"]
            or one["Id"] == bare
            or (len(bare) >= 6 and one["Id"].startswith(bare))
        ):
            return one
    raise Error(f"No such image: {ref}")


def _tagged(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"


def _pull(name: str, code: int = 1) -> dict[str, Any]:
    if _tagged(name) not in store.REGISTRY:
        raise Error(
            f"pull access denied for {name.partition(':')[0]}, repository does not exist or may require 'docker login': "
            "denied: requested access to the resource is denied",
            code,
        )
    upper = os.path.join(store.folder("images", BASE), "layer")
    if not os.path.isdir(upper):
        os.makedirs(upper)
        rootfs.hide(upper)
    image = meta(BASE, [BASE], {"Cmd": ["bash"]})
    names_before = [one["RepoTags"] for one in store.every("images") if one["Id"] == BASE]
    image["RepoTags"] = sorted({*(names_before[0] if names_before else []), _tagged(name)})
    store.write("images", BASE, image)
    return image


def meta(id: str, layers: list[str], config: dict[str, Any]) -> dict[str, Any]:
    empty = {"Cmd": [], "Entrypoint": [], "Env": [], "Labels": {}, "WorkingDir": "", "User": ""}
    return {
        "Id": id, "RepoTags": [], "Layers": layers, "Created": store.iso(), "Config": {**empty, **config},
        "Architecture": "amd64", "Os": "linux",
    }  # fmt: skip


def pull(given: list[str]) -> int:
    _, rest = words.read(given, "platform", "quiet all-tags", short="q=quiet a=all-tags")
    with store.lock():
        _pull(rest[0])
    print(rest[0])
    return 0


def view(image: dict[str, Any]) -> dict[str, Any]:
    return {
        **image,
        "Id": f"sha256:{image['Id']}",
        "Size": 75_000_000,
        "VirtualSize": 75_000_000,
        "RepoDigests": [],
    }


def show(given: list[str]) -> int:
    flags, rest = words.read(given, "format", "", short="f=format")
    found, missing = [], []
    for ref in rest:
        try:
            found.append(view(find(ref)))
        except Error:
            missing.append(f"Error: No such image: {ref}")
    return inspect(found, missing, words.last(flags, "format"))


def ls(given: list[str]) -> None:
    flags, rest = words.read(
        given, "format filter", "all no-trunc quiet digests", short="a=all q=quiet f=filter"
    )
    found = []
    for one in reversed(store.every("images")):
        for tag in one["RepoTags"] or ["<none>:<none>"]:
            repository, _, version = tag.rpartition(":")
            asked = {word.partition("=")[0]: word.partition("=")[2] for word in flags.get("filter", [])}
            reference = asked.get("reference") or (rest[0] if rest else "")
            if reference and not _fits(reference, repository, tag):
                continue
            labels = [word for word in flags.get("filter", []) if word.startswith("label=")]
            if not words.matches(labels, {}, one["Config"]["Labels"]):
                continue
            found.append(
                {
                    "Repository": repository, "Tag": version, "ID": f"sha256:{one['Id']}" if words.on(flags, "no-trunc") else one["Id"][:12],
                    "CreatedAt": one["Created"][:19].replace("T", " ") + " +0000 UTC", "Size": "75MB",
                }
            )  # fmt: skip
    rows(found, words.last(flags, "format"), "ID" if words.on(flags, "quiet") else "")


def _fits(reference: str, repository: str, tag: str) -> bool:
    from fnmatch import fnmatch

    return fnmatch(tag, reference) or fnmatch(repository, reference)


def tag(given: list[str]) -> int:
    with store.lock():
        give_name(find(given[0]), given[1])
    return 0


def give_name(image: dict[str, Any], name: str) -> None:
    """Gives it a name, which another image may lose by that."""
    for other in store.every("images"):
        if _tagged(name) in other["RepoTags"] and other["Id"] != image["Id"]:
            other["RepoTags"].remove(_tagged(name))
            store.write("images", other["Id"], other)
    image["RepoTags"] = sorted({*image["RepoTags"], _tagged(name)})
    store.write("images", image["Id"], image)


def rm(given: list[str]) -> int:
    flags, rest = words.read(given, "", "force no-prune", short="f=force")
    code = 0
    for ref in rest:
        with store.lock():
            try:
                _drop(find(ref), ref, words.on(flags, "force"))
            except Error as error:
                code = 1
                print(
                    f"Error{'' if 'No such' in str(error) else ' response from daemon'}: {error}",
                    file=sys.stderr,
                )
    return code


def _drop(image: dict[str, Any], ref: str, force: bool) -> None:
    users = [one for one in store.every("containers") if one["Image"] == f"sha256:{image['Id']}"]
    named = [name for name in image["RepoTags"] if name == _tagged(ref)]
    if named and len(image["RepoTags"]) > 1:
        image["RepoTags"].remove(named[0])
        store.write("images", image["Id"], image)
    elif users and not force:
        raise Error(
            f'conflict: unable to remove repository reference "{ref}" (must force) - container {users[0]["Id"][:12]} '
            f"is using its referenced image {image['Id'][:12]}"
        )
    elif users:
        image["RepoTags"] = []
        store.write("images", image["Id"], image)
    else:
        children = any(
            image["Id"] in one["Layers"] for one in store.every("images") if one["Id"] != image["Id"]
        )
        os.unlink(os.path.join(store.folder("images", image["Id"]), "meta"))
        if not children:
            store.remove_tree(store.folder("images", image["Id"]))
    print(f"Untagged: {ref}")


def commit(given: list[str]) -> int:
    flags, rest = words.read(
        given, "author message change", "pause", short="a=author m=message c=change p=pause"
    )
    with store.lock():
        container = known.find(rest[0])
        image = store.read("images", container["Image"].removeprefix("sha256:"))
        id = store.new_id()
        layer = os.path.join(store.folder("images", id), "layer")
        os.makedirs(os.path.dirname(layer))
        upper = os.path.join(store.folder("containers", container["Id"]), "upper")
        subprocess.run(["cp", "-a", upper, layer], check=True)
        config = {
            key: container["Config"][key] for key in ("Cmd", "Entrypoint", "Env", "Labels", "WorkingDir")
        }
        change(config, flags.get("change", []))
        made = meta(id, [*image["Layers"], id], config)
        store.write("images", id, made)
        if len(rest) > 1:
            give_name(made, rest[1])
    print(f"sha256:{id}")
    return 0


def change(config: dict[str, Any], lines: list[str]) -> None:
    """Dockerfile lines that change how an image is run, not what is in it."""
    for line in lines:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word in ("CMD", "ENTRYPOINT"):
            value = json.loads(rest) if rest.startswith("[") else ["/bin/sh", "-c", rest]
            config["Cmd" if word == "CMD" else "Entrypoint"] = value
        elif word == "LABEL":
            config["Labels"] = {**config["Labels"], **words.pairs(shlex.split(rest))}
        elif word == "ENV":
            config["Env"] = [*config["Env"], *shlex.split(rest)]
        elif word == "WORKDIR":
            config["WorkingDir"] = os.path.join(config["WorkingDir"] or "/", rest)


def save(given: list[str]) -> int:
    flags, rest = words.read(given, "output", "", short="o=output")
    image = find(rest[0])
    # Of its names it takes the one along that it was saved by.
    named = [name for name in image["RepoTags"] if name == _tagged(rest[0])]
    with tempfile.TemporaryDirectory(dir=store.ROOT) as top:
        with open(f"{top}/manifest.json", "w") as file:
            json.dump([{**image, "RepoTags": named}], file)
        argv = [
            "tar",
            "--xattrs",
            "--xattrs-include=trusted.*",
            "-C",
            top,
            "-cf",
            words.last(flags, "output", "-"),
            "manifest.json",
        ]
        for layer in image["Layers"]:
            argv += ["-C", store.ROOT, f"images/{layer}/layer"]
        return subprocess.run(argv).returncode


def load(given: list[str]) -> int:
    flags, _ = words.read(given, "input", "quiet", short="i=input q=quiet")
    with store.lock(), tempfile.TemporaryDirectory(dir=store.ROOT) as top:
        source = words.last(flags, "input", "-")
        if subprocess.run(
            ["tar", "--xattrs", "--xattrs-include=trusted.*", "-C", top, "-xf", source]
        ).returncode:
            raise Error("archive/tar: invalid tar header")
        if not os.path.exists(f"{top}/manifest.json"):
            raise Error("open manifest.json: no such file or directory")
        with open(f"{top}/manifest.json") as file:
            (image,) = json.load(file)
        for layer in image["Layers"]:
            if not os.path.isdir(store.folder("images", layer) + "/layer"):
                os.makedirs(store.folder("images", layer), exist_ok=True)
                os.rename(f"{top}/images/{layer}/layer", store.folder("images", layer) + "/layer")
        names = image["RepoTags"]
        names_before = [one["RepoTags"] for one in store.every("images") if one["Id"] == image["Id"]]
        image["RepoTags"] = names_before[0] if names_before else []
        store.write("images", image["Id"], image)
        for name in names:
            give_name(image, name)
    print(f"Loaded image: {names[0]}" if names else f"Loaded image ID: sha256:{image['Id']}")
    return 0
