"""Making a host on the Docker daemon of this computer: what is checked before, and what is taken back after a failure."""

from __future__ import annotations

import contextlib

import msgspec

from mngr.backends.docker.parts import Parts
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


def check(parts: Parts, spec: HostSpec) -> Offer:
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
    image = _image(parts, spec)
    users.check(_user(parts, spec))
    container.check(_start_args(parts, spec), image, parts.config.host_dir)
    details: dict[str, str] = {}
    if not spec.snapshot and not build.builds:
        details["ready_image"], user = images.ready(parts.docker, image)
        if users.check(user) and not _user(parts, spec):
            details["image_user"] = user
    return Offer(image=build.context if build.builds else image, details=details)


def create(parts: Parts, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
    """As HostProvider.create; the caller holds the host."""
    try:
        return _make(parts, spec, offer, progress)
    except BaseException as failure:
        _take_back(parts, spec, failure)
        raise


def _make(parts: Parts, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
    store, clock = parts.store, parts.context.clock
    idle = (spec.idle or IdleRequest()).over(parts.idle)
    image = _image(parts, spec)
    wanted = container.ContainerSpec(
        host_id=spec.id, host_name=spec.name, provider=parts.name, laptop=parts.context.laptop,
        image=image, ready_image=offer.details.get("ready_image", ""), build=_build(spec),
        public_key=parts.access.container_key(), publish="", start_args=_start_args(parts, spec), labels=spec.labels,
        until=clock.now() + LEASE_S, host_dir=parts.config.host_dir, host_json=_host_json(parts, spec),
        restart=container.restart_policy(idle), idle=idle, host_stop="exit", max_lifetime_s=idle.max_lifetime_s,
        store="" if store.was_seen else store.name, prepare=True, user=users.check(_user(parts, spec)),
    )  # fmt: skip
    saved = None
    if spec.snapshot:
        from mngr.containers import snapshots

        image, saved = snapshots.restore(store, spec.snapshot, spec.id, container.owner(wanted), progress)
        wanted = msgspec.structs.replace(
            wanted, image=image, ready_image="", prepare=False, user=users.restored(spec.user, saved.user)
        )
    made, port = _run(parts, wanted, progress)
    if saved:
        from mngr.containers import snapshots

        snapshots.fill(parts.docker, spec.id, wanted.host_dir, saved, wanted.start_args, progress)
    parts.access.pin_container(spec.id, ADDRESS, port, made.host_key)
    record = HostRecord(
        id=spec.id, name=spec.name, provider=parts.name, backend=parts.backend, created_at=iso(clock.now()),
        builder=parts.context.laptop, image=made.image, address=ADDRESS, ssh_port=port, host_dir=wanted.host_dir,
        user=made.user, host_key=made.host_key, idle=idle, labels=spec.labels, handle={"container": made.name},
    )  # fmt: skip
    progress(Step("ssh"))
    saved = begin(lambda: store.save(record, spec.agent))
    try:
        container.first_login(
            parts.ssh(record), wanted, timeout=parts.config.ssh_connect_timeout, clock=clock, docker=parts.docker,
            agent=spec.agent, agent_files=spec.agent_files, after=saved, ended=spec.agent_ended,
        )  # fmt: skip
    except BaseException:
        with contextlib.suppress(MngrError):  # what went wrong first is said
            saved()
        raise
    saved()
    return record


def _run(parts: Parts, wanted: container.ContainerSpec, progress: Progress) -> tuple[container.Made, int]:
    """The container, published on the host's port; on another one if somebody has that."""
    avoid: set[int] = set()
    while True:
        port = parts.ports.reserve(wanted.host_id, frozenset(avoid))
        spec = msgspec.structs.replace(wanted, publish=f"{ADDRESS}:{port}")
        try:
            made = container.create(parts.docker, spec, progress)
        except container.PortTaken:
            avoid.add(port)
            if len(avoid) > 20:
                raise
            continue
        published = int(made.publish.rpartition(":")[2])
        parts.ports.keep(wanted.host_id, published)
        return made, published


def _take_back(parts: Parts, spec: HostSpec, failure: BaseException) -> None:
    """After a create that failed: removes what it made, unless that holds agents that aren't this call's."""
    try:
        survey = parts.store.survey(spec.id, probe=False, volumes=True)
        seen = survey.containers.get(spec.id) or survey.volumes.get(spec.id)
        agents = {agent.id for agent in survey.stored.agents.get(spec.id, [])}
        agents.update(parts.agents_on(seen) if seen else [])
        ours = {spec.agent.id} if spec.agent and not spec.resumed else set[str]()
        if not agents - ours and spec.id not in survey.stored.going:
            parts.remove(spec.id)
    except (MngrError, KeyboardInterrupt) as error:
        if isinstance(failure, Unreachable):
            return  # nothing was made, or the sweep finds it
        interrupted = isinstance(failure, KeyboardInterrupt) or isinstance(error, KeyboardInterrupt)
        raise (Interrupted if interrupted else MngrError)(
            f"{brief(failure)}; and its container {container.name_of(spec.id)} isn't removed: {brief(error)}",
            hint="`mngr gc` tries again",
            details=getattr(failure, "details", ""),
        ) from failure


def _image(parts: Parts, spec: HostSpec) -> str:
    return spec.image or parts.config.default_image


def _user(parts: Parts, spec: HostSpec) -> str:
    return spec.user or parts.config.default_user


def _build(spec: HostSpec) -> BuildArgs:
    return split(spec.build_args, {"vps": (), "docker": ()})


def _start_args(parts: Parts, spec: HostSpec) -> list[str]:
    return [*parts.config.default_start_args, *spec.start_args]


def _host_json(parts: Parts, spec: HostSpec) -> str:
    facts = {"id": spec.id, "name": spec.name, "provider": parts.name, "backend": parts.backend}
    return msgspec.json.format(msgspec.json.encode(facts), indent=1).decode()
