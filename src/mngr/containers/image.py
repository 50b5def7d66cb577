"""The image of a host: used as it is, pulled, built from the user's context, or made ready beforehand."""

import os

from mngr.containers.build_args import BuildArgs, dockerfile_path
from mngr.containers.docker import Docker
from mngr.hosts import scripts
from mngr.model.errors import MngrError, NotFound
from mngr.model.progress import Progress, Step
from mngr.transport.base import Completed

#: A pull or build that takes longer isn't waited for.
PULL_LIMIT_S = 1800
BUILD_LIMIT_S = 3600

#: The label of images that are kept for the next host.
KEPT = "mngr.kept"


def built_name(host_id: str) -> str:
    """The image that is built for a host."""
    return f"mngr-host:{host_id}"


def kept_name(args: BuildArgs, owner: dict[str, str]) -> str:
    """The image of the last build from this context with these arguments: with its layers the next one is short."""
    context, file = args.context, args.dockerfile
    if not args.remote:
        context, file = os.path.abspath(context), str(dockerfile_path(args).absolute())
    return f"mngr-built:{_hash(context, file, *args.docker, *owner.values())}"


def prepared_name(image: str) -> str:
    """The image that `image` becomes with the packages that a host needs; kept for the next host from the same image."""
    return f"mngr-prepared:{_hash(image, scripts.text('container-packages'))}"


def _hash(*words: str) -> str:
    import hashlib

    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:24]


def ready(docker: Docker, image: str) -> tuple[str, str]:
    """What to use for `image`: the one that was made ready from it as it is now, or itself; and whom it says that its
    processes run as ("" also if it isn't there yet). Raises Unreachable."""
    prepared = prepared_name(image)
    show = '{{.Id}} {{index .Config.Labels "mngr.prepared-from"}} {{.Config.User}}'
    done = docker.run("image", "inspect", "-f", show, image, prepared, check=False)
    rows = [line.split(" ") for line in done.text.splitlines()]
    name = prepared if len(rows) == 2 and rows[0][0] == rows[1][1] else image
    return name, rows[0][-1] if rows else ""


def user(docker: Docker, image: str, progress: Progress, *, built: bool) -> str:
    """Whom `image` says that its processes run as; one that wasn't built is pulled, if it isn't there. Raises as `pull`."""
    show = ["image", "inspect", "-f", "{{.Config.User}}", image]
    done = docker.run(*show, check=built)
    if done.code:
        pull(docker, image, progress)
        done = docker.run(*show)
    return done.text.strip()


def pull(docker: Docker, image: str, progress: Progress) -> None:
    """Brings `image` to the daemon. Raises NotFound, TimedOut, Unreachable."""
    progress(Step("pull image"))
    done = docker.run("pull", image, timeout=PULL_LIMIT_S, check=False)
    if done.code:
        raise NotFound(
            f"image {image} isn't on {docker.place} and can't be pulled: {last_line(done)}",
            hint="is the name right, and can that machine reach the registry?",
            details=tail(done),
        )


def build(
    docker: Docker, host_id: str, args: BuildArgs, owner: dict[str, str], progress: Progress
) -> tuple[str, str]:
    """Builds the user's image. Returns its name, and that of what to use: it, or what was made ready from it before.

    `owner`: labels that are the same for every host of this user, so that what is built from the same is the same. Raises
    MngrError with the end of a failing build's output."""
    import tempfile

    from mngr.containers.build_context import pack_context

    progress(Step("build image"))
    name, kept = built_name(host_id), kept_name(args, owner)
    labels = {**owner, KEPT: "1"}
    words = [name, kept, prepared_name(kept), *(f"--label={key}={value}" for key, value in labels.items())]
    words += args.docker
    if args.remote:
        words += ["--file", args.dockerfile] if args.dockerfile else []
        done = docker.script("image-build", *words, args.context, timeout=BUILD_LIMIT_S, check=False)
    else:
        with tempfile.TemporaryFile(prefix="mngr-context-") as tar:
            dockerfile = pack_context(args, tar)
            tar.seek(0)
            chunks = iter(lambda: tar.read(1 << 20), b"")
            words += ["--file", dockerfile, "-"]
            done = docker.send_script("image-build", *words, chunks=chunks, timeout=BUILD_LIMIT_S)
    if done.code:
        raise MngrError(
            f"building the image from {args.context} failed: {last_line(done)}",
            hint="correct the Dockerfile or the build arguments and run the command again",
            details=tail(done),
        )
    made, *base = done.text.splitlines()
    return name, prepared_name(kept) if [made] == base else name


def prepare(docker: Docker, image: str, prepared: str, progress: Progress) -> bool:
    """Makes `prepared` of `image`, once for all hosts from that; what was called so goes, unless it is in use. False if that failed (with no network in
    builds, say), or if building on that image runs more than this (ONBUILD): the packages can then still be installed in
    the container."""
    import io
    import json
    import tarfile

    progress(Step("packages"))
    facts = docker.run("image", "inspect", "-f", "{{.Id}}|{{json .Config}}", image)
    base, _, text = facts.text.strip().partition("|")
    config = json.loads(text)
    if config.get("OnBuild"):
        return False
    user = config.get("User")
    lines = [f"FROM {image}", "USER 0:0", "COPY packages.sh /tmp/.mngr-packages.sh"]
    lines += ["RUN sh /tmp/.mngr-packages.sh && rm -f /tmp/.mngr-packages.sh"]
    lines += [f"USER {user}"] if user else []
    files = {"Dockerfile": "\n".join(lines) + "\n", "packages.sh": scripts.text("container-packages")}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
    done = docker.script(
        "image-build", prepared, prepared, prepared, "--label", f"mngr.prepared-from={base}", "--label", f"{KEPT}=1", "-",
        input=out.getvalue(), timeout=BUILD_LIMIT_S, check=False,
    )  # fmt: skip
    return done.code == 0


def tail(done: Completed, size: int = 3000) -> str:
    """The end of what a command said."""
    said = done.text.strip() + "\n" + done.error
    return said.strip()[-size:]


def last_line(done: Completed) -> str:
    """What a command said last, less docker's advice to read its help."""
    text = (done.error or done.text).partition("\nUsage: ")[0]
    said = [
        line
        for line in text.splitlines()
        if line.strip() and not line.startswith(("Run 'docker", "See 'docker"))
    ]
    return done.why(said[-1] if said else "")
