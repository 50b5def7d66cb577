"""The sweep of the docker backend: removes what creates and destroys that were cut short left behind."""

from mngr.backends.docker import lost
from mngr.backends.docker.daemon import Daemon, is_unfinished
from mngr.containers import image, kept_images, snapshots
from mngr.containers.survey import Seen, Survey, Volume
from mngr.model.errors import Conflict, MngrError
from mngr.providers.contract import Swept


def sweep(daemon: Daemon, *, dry_run: bool) -> Swept:
    """Finishes destroys, and removes containers, volumes and images that never became a host, if nobody builds them.

    A container or volume with agents is never touched. Raises Unreachable if docker or the store can't be read.
    """
    swept = Swept()
    survey = daemon.store.survey(probe=False, volumes=True)
    for host_id, record in survey.stored.going.items():
        if record is None or record.builder == daemon.context.laptop:
            what = f"host {record.name if record else host_id} (its destroy was cut short)"
            _release(daemon, host_id, what, swept, dry_run, with_record=True)
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
    what = f"{'container' if isinstance(seen, Seen) else 'volume'} {seen.name} of host {seen.host_name}"
    mine = seen.laptop == daemon.context.laptop
    if not mine and daemon.context.clock.now() < seen.until:
        swept.kept.append(f"{what}: another MNGR_HOME may be making it")
        return
    try:
        agents = daemon.agents_on(seen)
        if agents:
            holds = f"{what}: it has no record, and holds agents: {', '.join(agents)}"
            if mine and isinstance(seen, Seen):
                _write_anew(daemon, seen, holds, swept, dry_run)
            else:
                swept.kept.append(holds)
            return
    except MngrError as error:
        swept.errors.append(f"{what}: whether it holds agents can't be told: {error.message}")
        return
    _release(daemon, seen.host_id, f"{what} (its create was cut short)", swept, dry_run)


def _write_anew(daemon: Daemon, seen: Seen, holds: str, swept: Swept, dry_run: bool) -> None:
    """The state volume was lost, and the record of a host with agents with it. What it `holds` is never touched."""
    try:
        with daemon.hold(seen.host_id):
            if not dry_run and lost.restore(daemon, seen.host_id) is None:
                swept.kept.append(holds)
            else:
                swept.finished.append(
                    f"{'would write' if dry_run else 'wrote'} the record of host {seen.host_name} anew"
                )
    except Conflict:
        swept.kept.append(f"{holds}; another mngr is at work on it")
    except MngrError as error:
        swept.kept.append(f"{holds}; its record can't be written anew: {error.message}")


def _release(
    daemon: Daemon,
    host_id: str,
    what: str,
    swept: Swept,
    dry_run: bool,
    *,
    with_record: bool = False,
) -> None:
    try:
        with daemon.hold(host_id):
            if not with_record and not is_unfinished(host_id, daemon.store.survey("-")):
                return  # it was finished since we looked
            if not dry_run:
                daemon.remove(host_id, unfinished=not with_record)
            swept.released.append(what)
    except Conflict:
        swept.kept.append(f"{what}: another mngr is at work on it")
    except MngrError as error:
        swept.errors.append(f"{what}: {error.message}")


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
        swept.released.append(f"image {name}")
    for name in kept_images.unused(daemon.docker, daemon.context.clock.now()):
        if dry_run or not daemon.docker.run("rmi", name, check=False).code:
            swept.released.append(f"image {name} (kept for the next host, and of no use by now)")


def _snapshots(daemon: Daemon, survey: Survey, swept: Swept, dry_run: bool) -> None:
    """Snapshots that were cut short."""
    for snapshot_id, record in survey.stored.making.items():
        if record.builder != daemon.context.laptop:
            continue
        try:
            with daemon.hold(snapshot_id):
                if not dry_run:
                    snapshots.clear(daemon.store, snapshot_id, record)
                swept.released.append(
                    f"snapshot {snapshot_id} of host {record.name} (its making was cut short)"
                )
        except Conflict:
            swept.kept.append(f"snapshot {snapshot_id}: being made")
        except MngrError as error:
            swept.errors.append(f"snapshot {snapshot_id}: {error.message}")


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
        swept.released.append(f"container {daemon.store.name} (no host needs it; the volume stays)")


def _local_files(daemon: Daemon, survey: Survey) -> None:
    """Ports of hosts that are no more, given back."""
    stored = survey.stored
    known = {*survey.containers, *survey.volumes, *stored.hosts, *stored.going}
    known |= {key.partition(".")[0] for key in stored.problems}
    for host_id in set(daemon.ports.taken().values()) - known:
        if not daemon.is_held(host_id):
            daemon.ports.free(host_id)
            daemon.access.forget(host_id)
