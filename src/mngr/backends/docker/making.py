"""Making a host on the Docker daemon of this computer: what is checked before, and what is taken back after a failure."""

from __future__ import annotations

import contextlib

import msgspec

from mngr.backends.docker.daemon import Daemon
from mngr.containers import container, login, users
from mngr.containers import image as images
from mngr.containers.asked import asked, restored
from mngr.containers.start_args import limits
from mngr.model.background import begin
from mngr.model.clock import iso
from mngr.model.errors import Interrupted, MngrError, Unreachable, brief
from mngr.model.progress import Progress, Step
from mngr.model.records import HostRecord
from mngr.model.views import Offer
from mngr.providers.contract import HostSpec

ADDRESS = "127.0.0.1"

OPTION_NAMES = {"vps": (), "docker": ()}

#: An unfinished container of another laptop is left alone for so long.
LEASE_S = 900


def check(daemon: Daemon, spec: HostSpec) -> Offer:
    """As HostProvider.check. Also asks the daemon whether it has the image made ready for hosts (`ready_image`)."""
    wanted = asked(spec, daemon.config, OPTION_NAMES)
    cpus, memory = limits(wanted.start_args)
    image = wanted.build.context if wanted.build.builds else wanted.image
    offer = Offer(image=image, cpus=cpus, memory_gb=memory)
    if wanted.build.builds or spec.snapshot:
        return offer
    ready, user = images.ready(daemon.docker, image)
    other = users.check(user) and not (spec.user or daemon.config.default_user)
    return msgspec.structs.replace(offer, image_user=user if other else "", ready_image=ready)


def create(daemon: Daemon, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
    """As HostProvider.create; the caller holds the host."""
    try:
        return _make(daemon, spec, offer, progress)
    except BaseException as failure:
        _take_back(daemon, spec, failure)
        raise


def _make(daemon: Daemon, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
    store, clock = daemon.store, daemon.context.clock
    its = asked(spec, daemon.config, OPTION_NAMES)
    wanted = container.ContainerSpec(
        host_id=spec.id, host_name=spec.name, provider=daemon.name, backend=daemon.backend, laptop=daemon.context.laptop,
        image=its.image, ready_image=offer.ready_image, build=its.build,
        public_key=daemon.access.container_key(), publish="", start_args=its.start_args, labels=spec.labels,
        until=clock.now() + LEASE_S, host_dir=daemon.config.host_dir, restart=container.restart_policy(its.idle),
        idle=its.idle, host_stop="exit", max_lifetime_s=its.idle.max_lifetime_s,
        store="" if store.was_up else store.name, prepare=True, user=its.user,
    )  # fmt: skip
    wanted, fill = restored(store, daemon.docker, spec, wanted, progress)
    made, port = _run(daemon, wanted, progress)
    fill()
    daemon.access.pin_container(spec.id, ADDRESS, port, made.host_key)
    record = container.record(
        wanted, made, created_at=iso(clock.now()), address=ADDRESS, ssh_port=port, handle={"container": made.name}
    )  # fmt: skip
    progress(Step("ssh"))
    saved = begin(lambda: store.save(record, spec.agent))
    try:
        login.first_login(
            daemon.ssh(record), wanted, timeout=daemon.config.ssh_connect_timeout, clock=clock, docker=daemon.docker,
            agent=spec.agent, agent_files=spec.agent_files, after=saved, begun=spec.agent_begun,
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
