"""Making the images, and getting them from the cache into the local Docker daemon."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mngr.simcloud.docker import LABEL, DockerError, docker, require, there
from mngr.simcloud.images import apt, recipes
from mngr.simcloud.images.cache import folder, key, locked, say, whole
from mngr.simcloud.images.dockerroot import docker_root_ready, fill_docker_root, make_docker_root
from mngr.simcloud.images.make import bootstrap, install
from mngr.simcloud.images.work import side_by_side

PLAIN = "debian:bookworm-slim"
AGENT = "mngr/agent:bookworm"
INIT = "/lib/systemd/systemd"
MAKE_LIMIT_S = 600.0


@dataclass(frozen=True)
class Images:
    """Names in the local daemon: machine images, and the volume that a fresh /var/lib/docker is copied from."""

    stock: str
    baked: str
    docker_root: str


def ensure() -> dict[str, str]:
    """Have every image in the local daemon: from there, else from the cache, else made (about a minute)."""
    images = names()
    return {
        "plain": PLAIN,
        "agent": AGENT,
        "stock": images.stock,
        "baked": images.baked,
        "docker_root": images.docker_root,
    }


def names() -> Images:
    """The same, for those who boot machines."""
    require()
    keys = _keys()
    images = Images(
        f"mngr-simcloud:stock-{keys['stock']}",
        f"mngr-simcloud:baked-{keys['baked']}",
        f"mngr-simcloud-docker-{keys['docker']}",
    )
    if _all_there(images, keys):
        return images
    with locked():
        _bring(images, keys)
    return images


def _keys() -> dict[str, str]:
    """Each image's key covers its recipe, this computer's way to its packages, and what it is built on."""
    network = [apt.settings(), *(path.read_text() for path in apt.sources(recipes.SUITE))]
    network += [f"{name} {data!r}" for name, data in apt.certificates().items()]
    base = key(*network, *recipes.LEFT_OUT, recipes.file("base.sh"))
    agent = key(base, *recipes.AGENT_PACKAGES, recipes.file("install.sh"))
    stock = key(*network, *recipes.MACHINE_PACKAGES, *recipes.LEFT_OUT, recipes.file("machine.sh"))
    baked = key(stock, *recipes.DOCKER_PACKAGES, recipes.file("install.sh"))
    return {"base": base, "agent": agent, "stock": stock, "baked": baked, "docker": key(agent, baked)}


def _all_there(images: Images, keys: dict[str, str]) -> bool:
    wanted = {PLAIN, AGENT, images.stock, images.baked, f"mngr-simcloud:base-{keys['base']}"}
    if there("image", *wanted) != wanted or _labelled_key(AGENT) != keys["agent"]:
        return False
    return docker_root_ready(images.docker_root) and _labelled_key(PLAIN) in (keys["base"], "")


def _bring(images: Images, keys: dict[str, str]) -> None:
    base = f"mngr-simcloud:base-{keys['base']}"
    side_by_side(lambda: _containers(base, keys), lambda: _machines(images, keys))
    if docker_root_ready(images.docker_root):
        return
    tarball = folder() / f"docker-{keys['docker']}.tar"
    if not tarball.exists():
        timed("making the machines' /var/lib/docker", lambda: _make_docker_root(images, base, tarball))
    fill_docker_root(images.docker_root, images.baked, tarball)


def _containers(base: str, keys: dict[str, str]) -> None:
    """What agents' containers are made from. A `debian:bookworm-slim` that isn't ours stays as it is."""
    _rootfs("base", keys["base"], base, (), "bash")
    if _labelled_key(PLAIN) is None or _labelled_key(PLAIN):
        docker("tag", base, PLAIN)
    _layer("agent", keys["agent"], AGENT, base, recipes.AGENT_PACKAGES, "bash")


def _machines(images: Images, keys: dict[str, str]) -> None:
    _rootfs("stock", keys["stock"], images.stock, recipes.MACHINE_PACKAGES, INIT)
    _layer("baked", keys["baked"], images.baked, images.stock, recipes.DOCKER_PACKAGES, INIT)


def _make_docker_root(images: Images, base: str, tarball: Path) -> None:
    """Under the tags that a user's machine would have pulled."""
    with tempfile.TemporaryDirectory() as scratch, whole(tarball) as part:
        inner = Path(scratch) / "inner.tar"
        docker("tag", base, "mngr-simcloud:inner")
        docker("save", "--output", str(inner), "mngr-simcloud:inner", AGENT, limit_s=MAKE_LIMIT_S)
        docker("rmi", "mngr-simcloud:inner")
        make_docker_root(images.baked, inner, {"mngr-simcloud:inner": PLAIN}, part)


def _rootfs(name: str, made: str, tag: str, packages: tuple[str, ...], command: str) -> None:
    """An image of one layer, bootstrapped from packages."""
    if there("image", tag):
        return
    tarball = folder() / f"{name}-{made}.tar"
    if not tarball.exists():
        last_step = recipes.file("base.sh" if name == "base" else "machine.sh")
        timed(f"making the {name} image", lambda: bootstrap(tarball, packages, last_step))
    docker(
        *("import", "--change", f'CMD ["{command}"]', "--change", f"LABEL {LABEL}=image {LABEL}.key={made}"),
        *("--change", "ENV PATH /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        *(str(tarball), tag),
        limit_s=MAKE_LIMIT_S,
    )


def _layer(name: str, made: str, tag: str, below: str, packages: tuple[str, ...], command: str) -> None:
    """An image on top of another, with more packages."""
    if _labelled_key(tag) == made:
        return
    tarball = folder() / f"{name}-{made}.tar"
    if not tarball.exists():
        changes = [f'CMD ["{command}"]', f"LABEL {LABEL}=image {LABEL}.key={made}"]
        timed(f"making the {name} image", lambda: install(tarball, tag, below, packages, changes))
    docker("load", "--input", str(tarball), limit_s=MAKE_LIMIT_S)


def _labelled_key(tag: str) -> str | None:
    """The key of an image made here; empty for somebody else's, None if there is none of that name."""
    try:
        return docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}.key"}}}}', tag)
    except DockerError:
        return None


def timed(what: str, act: Callable[[], None]) -> None:
    """Say on standard error what is being done, and how long it took."""
    say(f"{what} …")
    began = time.monotonic()
    act()
    say(f"{what}: {time.monotonic() - began:.0f} s")
