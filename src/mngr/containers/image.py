"""The image of a host: used as it is, pulled, built from the user's context, or made ready beforehand."""

from mngr.containers.build_args import BuildArgs
from mngr.containers.docker import Docker
from mngr.hosts import scripts
from mngr.model.errors import MngrError, NotFound
from mngr.model.progress import Progress, Step
from mngr.transport.base import Completed

#: A pull or build that takes longer isn't waited for.
PULL_LIMIT_S = 1800
BUILD_LIMIT_S = 3600


def built_name(host_id: str) -> str:
    """The image that is built for a host."""
    return f"mngr-host:{host_id}"


def prepared_name(image: str) -> str:
    """The image that `image` becomes with the packages that a host needs; kept for the next host from the same image."""
    import hashlib

    text = f"{image}\n{scripts.text('container-packages')}"
    return f"mngr-prepared:{hashlib.sha256(text.encode()).hexdigest()[:24]}"


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


def build(docker: Docker, host_id: str, args: BuildArgs, owner: dict[str, str], progress: Progress) -> str:
    """Builds the user's image, labelled with its `owner`, and returns its name. Raises MngrError with the end of a failing build's output."""
    import tempfile

    from mngr.containers.build_context import pack_context

    progress(Step("build image"))
    name = built_name(host_id)
    flags = [
        "--force-rm",
        "--tag",
        name,
        *(f"--label={key}={value}" for key, value in owner.items()),
        *args.docker,
    ]
    if args.remote:
        flags += ["--file", args.dockerfile] if args.dockerfile else []
        done = docker.run("build", *flags, args.context, timeout=BUILD_LIMIT_S, check=False)
    else:
        with tempfile.TemporaryFile(prefix="mngr-context-") as tar:
            dockerfile = pack_context(args, tar)
            tar.seek(0)
            chunks = iter(lambda: tar.read(1 << 20), b"")
            done = docker.send(
                "build", *flags, "--file", dockerfile, "-", chunks=chunks, timeout=BUILD_LIMIT_S
            )
    if done.code:
        raise MngrError(
            f"building the image from {args.context} failed: {last_line(done)}",
            hint="correct the Dockerfile or the build arguments and run the command again",
            details=tail(done),
        )
    return name


def prepare(docker: Docker, image: str, progress: Progress) -> bool:
    """Makes `prepared_name(image)`, once for all hosts from that image. False if that failed (with no network in
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
    done = docker.run(
        "build", "--force-rm", "--tag", prepared_name(image), "--label", f"mngr.prepared-from={base}", "-",
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
