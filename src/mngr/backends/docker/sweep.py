"""The sweep of the docker backend: removes what creates and destroys that were cut short left behind."""

from mngr.backends.docker import lost
from mngr.backends.docker.daemon import Daemon, is_unfinished
from mngr.containers import image, kept_images, snapshots
from mngr.containers.survey import Seen, Survey, Volume
from mngr.model.errors import Conflict, MngrError
from mngr.model.swept import Found, Swept


def sweep(daemon: Daemon, *, dry_run: bool) -> Swept:
    """Finishes destroys, and removes containers, volumes and images that never became a host, if nobody builds them.

    A container or volume with agents is never touched. Raises Unreachable if docker or the store can't be read.
    """
    swept = Swept()
    survey = daemon.store.survey(probe=False, volumes=True)
    for host_id, record in survey.stored.going.items():
        if record is None or record.builder == daemon.context.laptop:
            name = record.name if record else host_id
            found = Found(thing="host", name=name, why="destroy-cut-short")
            _release(daemon, host_id, found, swept, dry_run, with_record=True)
    unfinished: dict[str, Seen | Volume] = {**survey.volumes, **survey.containers}
    for host_id, seen in unfinished.items():
        if is_unfinished(host_id, survey):
            _unfinished(daemon, seen, swept, dry_run)
    _images(daemon, survey, swept, dry_run)
    _snapshots(daemon, survey, swept, dry_run)
    _old_store(daemon, survey, swept, dry_run)
    if not dry_run:
        _local_files(daemon, survey)
    return swept


def _unfinished(daemon: Daemon, seen: Seen | Volume, swept: Swept, dry_run: bool) -> None:
    thing = "container" if isinstance(seen, Seen) else "volume"
    found = Found(thing=thing, name=seen.name, host=seen.host_name, why="create-cut-short")
    mine = seen.laptop == daemon.context.laptop
    if not mine and daemon.context.clock.now() < seen.until:
        swept.kept.append(found.instead("in-the-making", by=seen.laptop))
        return
    try:
        agents = daemon.agents_on(seen)
        if agents:
            holds = found.instead("holds-agents", others=agents)
            if mine and isinstance(seen, Seen):
                _write_anew(daemon, seen, holds, swept, dry_run)
            else:
                swept.kept.append(holds)
            return
    except MngrError as error:
        swept.errors.append(found.instead("agents-unknown", error.message))
        return
    _release(daemon, seen.host_id, found, swept, dry_run)


def _write_anew(daemon: Daemon, seen: Seen, holds: Found, swept: Swept, dry_run: bool) -> None:
    """The state volume was lost, and the record of a host with agents with it. What it `holds` is never touched."""
    try:
        with daemon.hold(seen.host_id):
            if not dry_run and lost.restore(daemon, seen.host_id) is None:
                swept.kept.append(holds)
            else:
                swept.finished.append(Found(thing="host", name=seen.host_name, why="record-written"))
    except MngrError as error:
        swept.kept.append(holds.instead("holds-agents", error.message))


def _release(
    daemon: Daemon, host_id: str, found: Found, swept: Swept, dry_run: bool, *, with_record: bool = False
) -> None:
    try:
        with daemon.hold(host_id):
            if not with_record and not is_unfinished(host_id, daemon.store.survey("-")):
                return  # it was finished since we looked
            if not dry_run:
                daemon.remove(host_id, unfinished=not with_record)
            swept.released.append(found)
    except Conflict:
        swept.kept.append(found.instead("busy"))
    except MngrError as error:
        swept.errors.append(found.instead("failed", error.message))


def _images(daemon: Daemon, survey: Survey, swept: Swept, dry_run: bool) -> None:
    """Images that were built for hosts that are no more, and what was kept to make such images faster."""
    listed = daemon.docker.run(
        "image", "ls", "--filter", f"label=mngr.provider={daemon.name}", "--filter", f"label=mngr.laptop={daemon.context.laptop}",
        "--format", "{{.Repository}}:{{.Tag}}",
    )  # fmt: skip
    for name in listed.text.split():
        repository, _, host_id = name.partition(":")
        known = host_id in survey.containers or host_id in survey.volumes or host_id in survey.stored.hosts
        if image.built_name(host_id) != f"{repository}:{host_id}" or known or daemon.is_held(host_id):
            continue
        if not dry_run:
            daemon.docker.run("rmi", name, check=False)
        swept.released.append(Found(thing="image", name=name, why="no-host"))
    for name in kept_images.unused(daemon.docker, daemon.context.clock.now()):
        if dry_run or not daemon.docker.run("rmi", name, check=False).code:
            swept.released.append(Found(thing="image", name=name, why="unused"))


def _snapshots(daemon: Daemon, survey: Survey, swept: Swept, dry_run: bool) -> None:
    """Snapshots that were cut short."""
    for snapshot_id, record in survey.stored.making.items():
        if record.builder != daemon.context.laptop:
            continue
        found = Found(thing="snapshot", name=snapshot_id, host=record.name, why="snapshot-cut-short")
        try:
            with daemon.hold(snapshot_id):
                if not dry_run:
                    snapshots.clear(daemon.store, snapshot_id, record)
                swept.released.append(found)
        except Conflict:
            swept.kept.append(found.instead("busy", doing="snapshot"))
        except MngrError as error:
            swept.errors.append(found.instead("failed", error.message))


def _old_store(daemon: Daemon, survey: Survey, swept: Swept, dry_run: bool) -> None:
    """A state container that an older mngr made doesn't end when there is no host. Its volume stays, and has all."""
    if not survey.store_up or survey.containers or survey.stored.hosts or survey.stored.going:
        return
    policy = daemon.docker.run(
        "inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", daemon.store.name, check=False
    )
    if policy.text.strip() == "always":
        if not dry_run:
            daemon.docker.run("rm", "-f", daemon.store.name)
        swept.released.append(Found(thing="container", name=daemon.store.name, why="no-host"))


def _local_files(daemon: Daemon, survey: Survey) -> None:
    """Ports of hosts that are no more, given back."""
    stored = survey.stored
    known = {*survey.containers, *survey.volumes, *stored.hosts, *stored.going}
    known |= {key.partition(".")[0] for key in stored.problems}
    for host_id in set(daemon.ports.taken().values()) - known:
        if not daemon.is_held(host_id):
            daemon.ports.free(host_id)
            daemon.access.forget(host_id)
