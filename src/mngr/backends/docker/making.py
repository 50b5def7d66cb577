"""Making a host on the Docker daemon of this computer: what is checked before, and what is taken back after a failure."""

from __future__ import annotations

import contextlib

import msgspec

from mngr.backends.docker.daemon import Daemon
from mngr.containers import container, users
from mngr.containers import image as images
from mngr.containers.build_args import BuildArgs, split
from mngr.model.background import begin
from mngr.model.clock import iso
from mngr.model.errors import Interrupted, InvalidInput, MngrError, Unreachable, brief
from mngr.model.progress import Progress, Step
from mngr.model.records import HostRecord
from mngr.model.views import Offer
from mngr.providers.contract import HostSpec, IdleRequest

ADDRESS = "127.0.0.1"

#: An unfinished container of another laptop is left alone for so long.
LEASE_S = 900


def check(daemon: Daemon, spec: HostSpec) -> Offer:
    """As HostProvider.check. Also asks the daemon whether it has the image made ready for hosts (`ready_image`)."""
    build = _build(spec)
    if spec.snapshot:
        from mngr.containers import snapshots

        snapshots.check(spec.snapshot)
    if spec.snapshot and (build.builds or spec.image):
        raise InvalidInput(
            "a snapshot brings its own image", hint="leave out --image and the build arguments"
        )
    if build.builds and spec.image:
        raise InvalidInput("--image and an image that is built exclude each other", hint="give one")
    image = _image(daemon, spec)
    users.check(_user(daemon, spec))
    container.check(_start_args(daemon, spec), image, daemon.config.host_dir)
    ready = image_user = ""
    if not spec.snapshot and not build.builds:
        ready, user = images.ready(daemon.docker, image)
        if users.check(user) and not _user(daemon, spec):
            image_user = user
    shown = build.context if build.builds else image
    return Offer(image=shown, image_user=image_user, ready_image=ready)


def create(daemon: Daemon, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
    """As HostProvider.create; the caller holds the host."""
    try:
        return _make(daemon, spec, offer, progress)
    except BaseException as failure:
        _take_back(daemon, spec, failure)
        raise


def _make(daemon: Daemon, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
    store, clock = daemon.store, daemon.context.clock
    idle = (spec.idle or IdleRequest()).over(daemon.idle)
    image = _image(daemon, spec)
    wanted = container.ContainerSpec(
        host_id=spec.id, host_name=spec.name, provider=daemon.name, laptop=daemon.context.laptop,
        image=image, ready_image=offer.ready_image, build=_build(spec),
        public_key=daemon.access.container_key(), publish="", start_args=_start_args(daemon, spec), labels=spec.labels,
        until=clock.now() + LEASE_S, host_dir=daemon.config.host_dir, host_json=_host_json(daemon, spec),
        restart=container.restart_policy(idle), idle=idle, host_stop="exit", max_lifetime_s=idle.max_lifetime_s,
        store="" if store.was_seen else store.name, prepare=True, user=users.check(_user(daemon, spec)),
    )  # fmt: skip
    saved = None
    if spec.snapshot:
        from mngr.containers import snapshots

        image, saved = snapshots.restore(store, spec.snapshot, spec.id, container.owner(wanted), progress)
        wanted = msgspec.structs.replace(
            wanted, image=image, ready_image="", prepare=False, user=users.restored(spec.user, saved.user)
        )
    made, port = _run(daemon, wanted, progress)
    if saved:
        from mngr.containers import snapshots

        snapshots.fill(daemon.docker, spec.id, wanted.host_dir, saved, wanted.start_args, progress)
    daemon.access.pin_container(spec.id, ADDRESS, port, made.host_key)
    record = HostRecord(
        id=spec.id, name=spec.name, provider=daemon.name, backend=daemon.backend, created_at=iso(clock.now()),
        builder=daemon.context.laptop, image=made.image, address=ADDRESS, ssh_port=port, host_dir=wanted.host_dir,
        user=made.user, host_key=made.host_key, idle=idle, labels=spec.labels, handle={"container": made.name},
    )  # fmt: skip
    progress(Step("ssh"))
    saved = begin(lambda: store.save(record, spec.agent))
    try:
        container.first_login(
            daemon.ssh(record), wanted, timeout=daemon.config.ssh_connect_timeout, clock=clock, docker=daemon.docker,
            agent=spec.agent, agent_files=spec.agent_files, after=saved, ended=spec.agent_ended,
        )  # fmt: skip
    except BaseException:
        with contextlib.suppress(MngrError):  # what went wrong first is said
            saved()
        raise
    saved()
    return record


def _run(daemon: Daemon, wanted: container.ContainerSpec, progress: Progress) -> tuple[container.Made, int]:
    """The container, published on the host's port; on another one if somebody has that."""
    avoid: set[int] = set()
    while True:
        port = daemon.ports.reserve(wanted.host_id, frozenset(avoid))
        spec = msgspec.structs.replace(wanted, publish=f"{ADDRESS}:{port}")
        try:
            made = container.create(daemon.docker, spec, progress)
        except container.PortTaken:
            avoid.add(port)
            if len(avoid) > 20:
                raise
            continue
        published = int(made.publish.rpartition(":")[2])
        daemon.ports.keep(wanted.host_id, published)
        return made, published


def _take_back(daemon: Daemon, spec: HostSpec, failure: BaseException) -> None:
    """After a create that failed: removes what it made, unless that holds agents that aren't this call's."""
    try:
        survey = daemon.store.survey(spec.id, probe=False, volumes=True)
        seen = survey.containers.get(spec.id) or survey.volumes.get(spec.id)
        agents = {agent.id for agent in survey.stored.agents.get(spec.id, [])}
        agents.update(daemon.agents_on(seen) if seen else [])
        ours = {spec.agent.id} if spec.agent and not spec.resumed else set[str]()
        if not agents - ours and spec.id not in survey.stored.going:
            daemon.remove(spec.id)
    except (MngrError, KeyboardInterrupt) as error:
        if isinstance(failure, Unreachable):
            return  # nothing was made, or the sweep finds it
        interrupted = isinstance(failure, KeyboardInterrupt) or isinstance(error, KeyboardInterrupt)
        raise (Interrupted if interrupted else MngrError)(
            f"{brief(failure)}; and its container {container.name_of(spec.id)} isn't removed: {brief(error)}",
            hint="`mngr gc` tries again",
            details=getattr(failure, "details", ""),
        ) from failure


def _image(daemon: Daemon, spec: HostSpec) -> str:
    return spec.image or daemon.config.default_image


def _user(daemon: Daemon, spec: HostSpec) -> str:
    return spec.user or daemon.config.default_user


def _build(spec: HostSpec) -> BuildArgs:
    return split(spec.build_args, {"vps": (), "docker": ()})


def _start_args(daemon: Daemon, spec: HostSpec) -> list[str]:
    return [*daemon.config.default_start_args, *spec.start_args]


def _host_json(daemon: Daemon, spec: HostSpec) -> str:
    facts = {"id": spec.id, "name": spec.name, "provider": daemon.name, "backend": daemon.backend}
    return msgspec.json.format(msgspec.json.encode(facts), indent=1).decode()
