"""The container that is a host: making it, stopping, starting, removing it.

Works over any Docker: the daemon may be this computer's or a rented machine's. Everything may be repeated
after being killed at any point: a container that is there already is adopted and brought to its end.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from mngr.containers import image as images
from mngr.containers import users
from mngr.containers.build_args import BuildArgs
from mngr.containers.docker import Docker
from mngr.containers.docker_flags import check_image
from mngr.containers.start_args import check_start_args
from mngr.hosts import scripts
from mngr.hosts.scripts import script
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound
from mngr.model.progress import Progress, Step
from mngr.model.records import HostRecord, Idle
from mngr.transport.base import CommandFailed, Completed

#: How a container that runs into its limits ends itself; see scripts/entrypoint.sh and watch.sh.
HostStop = Literal["exit", "sentinel"]

#: Process 1's text is part of the container's settings, out of the agents' reach; it runs from a file, as it fills `ps`.
#: Variables whose names /bin/sh can't hold are noted before they are lost (NUL and line end as line end and \\001).
#: With a lifetime, `timeout` becomes process 1: its timer is the kernel's, and no signal from inside stops or kills it.
_FIRST = """PATH=$PATH:/usr/bin:/bin
file=$2/commands/entrypoint.sh
mkdir -p "$2/commands" "$2/ssh" && rm -f "$file" && printf %s "$1" >"$file" || exit 3
(umask 077; exec tr '\\n\\000' '\\001\\n' <"/proc/$$/environ" >"$2/ssh/environ")
exec ${4:+timeout -s USR1 -k 7 "$4"} /bin/sh "$file" "$2" "$3" "${5-}"
"""


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A container as asked for. Times in seconds.

    `image`: used when `build` builds nothing; pulled if the daemon lacks it. `start_args`: the user's, for
    `docker run`. `publish`: where its sshd can be reached on the machine, `ADDRESS:PORT` or `PORT`.
    `public_key`: the one client key that may log in.
    `until`: after this time anybody may remove an unfinished container (epoch s; a label). `labels`: beside those that name
    its owner. `host_stop`: see watch.sh. `max_lifetime_s`: a cap kept by the container's process 1 (docker backend;
    on rented machines a timer of the machine does that: leave 0). `store`: the name of the state container to make in
    the same round trip, if it isn't there. `ready_image`: what to use for `image`, as `images.ready` said ("": itself).
    `prepare`: keep the image with the packages that a host needs, for the next host (on a machine that carries one host
    worth it for what is built only, as a snapshot of such a machine has it). `user`: whom agents run as; `image` is whom the image says ("": root).
    """

    host_id: str
    host_name: str
    provider: str
    laptop: str
    image: str
    public_key: str
    publish: str
    ready_image: str = ""
    build: BuildArgs = BuildArgs()
    start_args: Sequence[str] = ()
    labels: dict[str, str] = {}
    until: float = 0
    host_dir: str = "/mngr"
    backend: str = ""
    restart: str = "always"
    idle: Idle = Idle()
    host_stop: HostStop = "sentinel"
    max_lifetime_s: float = 0
    store: str = ""
    prepare: bool = False
    user: str = ""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A container that is up: its sshd's host key (`ssh-ed25519 AAAA…`), the image it was made from, where its sshd is
    published (an adopted one: where it was, not where `spec` says), and whom its agents run as ("": root)."""

    name: str
    host_key: str
    image: str
    publish: str
    user: str = ""


class PortTaken(Conflict):
    """Another process or container has the port that the container's sshd was to be published on."""


def name_of(host_id: str) -> str:
    """The name of a host's container, and of its volume."""
    return f"mngr-{host_id}"


def create(docker: Docker, spec: ContainerSpec, progress: Progress) -> Made:
    """Image, volume, container, packages, keys, sshd. Repeatable by host id.

    Then pin `host_key` and call `login.first_login`. Raises MngrError (with the end of a failing build's output),
    PortTaken, Unreachable, TimedOut. What it made stays, for a repeat or for `remove`.
    """
    if spec.build.builds:
        whose = {key: owner(spec)[key] for key in ("mngr.provider", "mngr.laptop")}
        image, source = images.build(docker, spec.host_id, spec.build, whose, progress)
        prepared = images.prepared_name(images.kept_name(spec.build, whose))
        spec = msgspec.structs.replace(spec, image=image)
    else:
        image, prepared = check_image(spec.image), images.prepared_name(spec.image)
        source = spec.ready_image or image
    if spec.user == users.IMAGES:
        user = images.user(docker, image, progress, built=spec.build.builds)
        spec = msgspec.structs.replace(spec, user=users.check(user))
    progress(Step("container"))
    state, what, publish, source = _run(docker, spec, source, progress)
    if (
        state == "lacks"
        and spec.prepare
        and source == image
        and images.prepare(docker, image, prepared, progress)
    ):
        # The container has nothing yet: another one, from the image that was made ready, takes its place.
        docker.run("rm", "-f", "-v", name_of(spec.host_id))
        state, what, publish, source = _run(docker, spec, prepared, progress)
    if state == "lacks":
        _install(docker, spec, what, progress)
        state, what, publish, _ = _run(docker, spec, source, progress)
    if what.startswith("mngr-no-user "):
        raise InvalidInput(
            f"the image {image} has no {what.removeprefix('mngr-no-user ')}",
            hint="--user takes one of its /etc/passwd, any number, or `image`; root needs none",
        )
    if state != "ready" or not what.startswith("ssh-"):
        raise MngrError(
            f"the container of host {spec.host_name} ended before its sshd was up",
            hint="its image needs a root user, /bin/sh and a writable file system",
            details=what[-3000:],
        )
    return Made(
        name=name_of(spec.host_id), host_key=what, image=image, publish=publish or spec.publish, user=spec.user
    )  # fmt: skip


def record(spec: ContainerSpec, made: Made, **more: Any) -> HostRecord:
    """The record of the host that `made` is; `more`: the fields that its container doesn't tell."""
    return HostRecord(
        id=spec.host_id, name=spec.host_name, provider=spec.provider, backend=spec.backend, builder=spec.laptop,
        image=made.image, host_dir=spec.host_dir, user=made.user, host_key=made.host_key, idle=spec.idle,
        labels=spec.labels, **more,
    )  # fmt: skip


def start(docker: Docker, host_id: str, *, restart: str = "always") -> None:
    """`docker start`, and the restart policy back on. Running already is success. Raises NotFound, PortTaken."""
    done = docker.script("container-start", name_of(host_id), restart, check=False)
    if done.code == 11:
        raise PortTaken(
            f"the ssh port of host {host_id} on {docker.place} is taken: {images.last_line(done)}",
            hint="end what listens there, then start the host again",
        )
    _gone_or_failed(done, docker, host_id, "start")


def stop(docker: Docker, host_id: str) -> None:
    """`docker stop` for good: nothing but `start` brings it back. Stopped already is success. Raises NotFound."""
    _gone_or_failed(docker.script("container-stop", name_of(host_id), check=False), docker, host_id, "stop")


def remove(docker: Docker, host_id: str, *, store: str = "", unfinished: bool = False) -> None:
    """Container, volume and the image that was built for it. Gone already is success.

    `store`: a state container whose record of the host goes in the same round trip; a remove that is killed
    leaves the record marked, and `Stored.going` shows it. What a killed client writes about the host later is refused.
    `unfinished`: only a host without a record; raises Conflict if it has got one by now.
    """
    words = [store, host_id, *(["unfinished"] if unfinished else [])] if store else []
    done = docker.script(
        "container-remove", name_of(host_id), images.built_name(host_id), *words, timeout=120, check=False
    )
    if done.code == 5:
        raise Conflict(f"host {host_id} has got its record meanwhile")
    _gone_or_failed(done, docker, host_id, "remove")


def restart_policy(idle: Idle) -> str:
    """Where the daemon itself ends a host's lifetime: then it doesn't bring it back, which would begin that anew."""
    return "no" if idle.max_lifetime_s else "on-failure"


def owner(spec: ContainerSpec) -> dict[str, str]:
    """The labels that name whose container, volume or image this is."""
    return {
        "mngr.provider": spec.provider,
        "mngr.host-id": spec.host_id,
        "mngr.host-name": spec.host_name,
        "mngr.laptop": spec.laptop,
        "mngr.until": str(int(spec.until)),
    }


def run_arguments(spec: ContainerSpec, source: str) -> list[str]:
    """The arguments of `docker` that run the host's container from the image `source`."""
    labels = {**spec.labels, **owner(spec), "mngr.host-dir": spec.host_dir, "mngr.publish": spec.publish}
    # For a record that is lost. Always there, as an image that was saved from a container has that one's.
    labels |= {"mngr.user": spec.user, "mngr.lifetime": str(int(spec.idle.max_lifetime_s))}
    name = name_of(spec.host_id)
    volume = ",".join(
        [f"type=volume,source={name},target={spec.host_dir}"]
        + [f"volume-label={key}={value}" for key, value in owner(spec).items()]
    )
    words = ["run", "-d", "--pull", "never", "--name", name, "--user", "0:0", "--stop-signal", "TERM"]
    words += ["--hostname", spec.host_name.replace("_", "-"), "--restart", spec.restart, "--mount", volume]
    words += ["--publish", f"{spec.publish}:22"]
    words += [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
    words += check_start_args(spec.start_args, spec.host_dir)
    lifetime = str(max(1, int(spec.max_lifetime_s))) if spec.max_lifetime_s else ""
    first = [
        "-c",
        _FIRST,
        "mngr",
        scripts.text("entrypoint"),
        spec.host_dir,
        spec.public_key,
        lifetime,
        spec.user,
    ]
    return [*words, "--entrypoint", "/bin/sh", source, *first]


def _run(docker: Docker, spec: ContainerSpec, source: str, progress: Progress) -> tuple[str, str, str, str]:
    """One try at the container, from the image `source`, pulled if the daemon lacks it: state, what goes with it,
    publish, the image that was used."""
    done = _try(docker, spec, source)
    if done.code == 10 and source != spec.image:
        source = spec.image  # the one made ready from it was removed a moment ago
        done = _try(docker, spec, source)
    if done.code == 10 and not spec.build.builds:
        images.pull(docker, source, progress)
        progress(Step("container"))
        done = _try(docker, spec, source)
    if done.code == 11:
        raise PortTaken(
            f"port {spec.publish} of {docker.place} is taken",
            hint="end what listens there, or set another port",
        )
    words = done.text.split("\0")
    if done.code or len(words) != 4:
        raise CommandFailed(
            f"docker can't run the container of host {spec.host_name}: {images.last_line(done)}",
            done,
            hint="correct the start arguments (-s) or the image and run the command again",
        )
    return words[0], words[1], words[2], source


def _try(docker: Docker, spec: ContainerSpec, source: str) -> Completed:
    return docker.script(
        "container-create", name_of(spec.host_id), spec.store, spec.provider, source, scripts.text("store-ensure"),
        *run_arguments(spec, source), timeout=180, check=False,
    )  # fmt: skip


def _install(docker: Docker, spec: ContainerSpec, lacks: str, progress: Progress) -> None:
    """Installs what the image lacks in the container itself; process 1 waits for it."""
    progress(Step("packages"))
    try:
        script(docker.container(name_of(spec.host_id)), "container-packages", timeout=images.BUILD_LIMIT_S)
    except CommandFailed as failed:
        raise MngrError(
            f"the image {spec.image} lacks {lacks}, and that can't be installed: {images.last_line(failed.completed)}",
            hint="can containers there reach the package mirrors? Else use an image that has it: --image NAME",
            details=images.tail(failed.completed),
        ) from None


def _gone_or_failed(done: Completed, docker: Docker, host_id: str, verb: str) -> None:
    if done.code == 3:
        raise NotFound(
            f"the container of host {host_id} is gone from {docker.place}",
            hint="it was removed by hand; `mngr destroy` clears what is left",
        )
    if done.code:
        raise CommandFailed(
            f"can't {verb} the container of host {host_id}: {images.last_line(done)}",
            done,
            hint=f"run the command again; `docker logs {name_of(host_id)}` there says more",
        )
