"""Snapshots of hosts: the container's image and its volume, of the same moment.

They stay with the docker daemon that made them (image `mngr-snapshot:<id>`, `blobs/<id>.tar` and `snapshots/<id>.json`
in the state volume), or travel as one file (a tar of `meta.json`, `volume.tar`, `image.tar`), from which any provider
makes a host. A snapshot is there once its description is, and gone once that is gone.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from mngr.containers import image as images
from mngr.containers import mounts
from mngr.containers.container import name_of
from mngr.containers.docker import Docker
from mngr.containers.snapshot_file import SnapshotFile, write_file
from mngr.containers.store import HostStore
from mngr.containers.survey import Stored
from mngr.hosts.scripts import script
from mngr.model.clock import Clock, iso
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound
from mngr.model.ids import is_id, new_snapshot_id
from mngr.model.notes import LeftOutOfSnapshot, MountKept
from mngr.model.numbers import whole
from mngr.model.progress import Progress, Step
from mngr.model.records import HostRecord, encode
from mngr.model.views import Problem
from mngr.providers.contract import Snapshot
from mngr.transport.base import CommandFailed

#: What takes longer (disks and lines are slow) isn't waited for, in seconds.
LIMIT_S = 3600


def image_name(snapshot_id: str) -> str:
    return f"mngr-snapshot:{snapshot_id}"


def is_file(text: str) -> bool:
    """Whether `HostSpec.snapshot` means a file rather than a snapshot's id."""
    return not (is_id(text) and text.startswith("snap-"))


def check(text: str) -> None:
    """Raises InvalidInput, before anything is paid, if `HostSpec.snapshot` is neither an id nor a snapshot's file."""
    if text and is_file(text):
        with SnapshotFile(Path(text)):
            pass


def create(
    store: HostStore,
    record: HostRecord,
    name: str,
    clock: Clock,
    progress: Progress,
    *,
    snapshot_id: str = "",
    agent: str = "",
) -> Snapshot:
    """Takes one; the host is paused for as long as that takes. Raises NotFound, Conflict, MngrError.

    `snapshot_id`: for callers that hold a lock on it meanwhile, so that a sweep tells it from a cut-short one.
    """
    progress(Step("snapshot"))
    snapshot_id = snapshot_id or new_snapshot_id()
    mounted = mounts.of(store.docker, name_of(record.id))
    _tell_left_out(record.name, mounted.left_out, progress, restored=False)
    store.put(f"snapshots/{snapshot_id}.making", encode(record))
    done = store.docker.script(
        "snapshot-create", name_of(record.id), image_name(snapshot_id), store.name, snapshot_id,
        *mounted.volumes.values(), timeout=LIMIT_S, check=False,
    )  # fmt: skip
    if done.code:
        destroy(store, snapshot_id)
        if done.code == 3:
            raise NotFound(f"the container of host {record.name} is gone")
        if done.code == 4:
            raise Conflict(f"host {record.name} can't be saved now: {images.last_line(done)}")
        raise CommandFailed(
            f"no snapshot of host {record.name}: {images.last_line(done)}",
            done,
            hint="is the disk full? What was half made is removed",
        )
    sizes = [whole(word) or 0 for word in done.text.split()]
    snapshot = Snapshot(
        id=snapshot_id, name=name, host_id=record.id, host_name=record.name, provider=record.provider,
        created_at=iso(clock.now()), size_bytes=sum(sizes), user=record.user, volumes=list(mounted.volumes), left_out=mounted.left_out,
        host_dir=record.host_dir, laptop=record.builder, agent=agent,
    )  # fmt: skip
    store.put(f"snapshots/{snapshot_id}.json", msgspec.json.format(msgspec.json.encode(snapshot), indent=1))
    store.drop(f"snapshots/{snapshot_id}.making")
    return snapshot


def of(stored: Stored, host_id: str = "") -> list[Snapshot]:
    """The snapshots in a store, oldest first; of one host, if given. For those that can't be read, see `unread`."""
    found: list[Snapshot] = []
    for data in stored.snapshots.values():
        try:
            found.append(msgspec.json.decode(data, type=Snapshot))
        except ValueError:
            continue
    wanted = [one for one in found if host_id in ("", one.host_id)]
    return sorted(wanted, key=lambda one: (one.created_at, one.id))


def unread(stored: Stored, instance: str) -> list[Problem]:
    """An error row for each description that can't be read."""
    found = []
    for snapshot_id, data in sorted(stored.snapshots.items()):
        try:
            msgspec.json.decode(data, type=Snapshot)
        except ValueError as error:
            problem = Problem(
                provider=instance, what=f"snapshot {snapshot_id}", error=f"its description can't be read: {error}",
                hint=f"the file is snapshots/{snapshot_id}.json in the volume mngr-state-{instance}; nothing was removed",
            )  # fmt: skip
            found.append(problem)
    return found


def find(stored: Stored, snapshot_id: str) -> Snapshot:
    """Raises NotFound."""
    for one in of(stored):
        if one.id == snapshot_id:
            return one
    raise NotFound(f"there is no snapshot {snapshot_id}", hint="`mngr snapshot list` shows what there is")


def destroy(store: HostStore, snapshot_id: str) -> None:
    """Image, volume and description, in this order. Gone already is success."""
    if is_file(snapshot_id):
        raise InvalidInput(f"{snapshot_id!r} isn't a snapshot's id", hint="`mngr snapshot list` shows them")
    done = store.docker.run("rmi", image_name(snapshot_id), check=False)
    if done.code and "No such image" not in done.error:
        raise MngrError(f"the image of snapshot {snapshot_id} can't be removed: {images.last_line(done)}")
    store.drop(
        f"blobs/{snapshot_id}.tar", f"blobs/.{snapshot_id}.part",
        f"snapshots/{snapshot_id}.json", f"snapshots/{snapshot_id}.making",
    )  # fmt: skip


def clear(store: HostStore, snapshot_id: str, record: HostRecord) -> None:
    """Removes what a cut-short `create` left, and lets the host go on. Repeatable."""
    store.docker.run("unpause", name_of(record.id), check=False)
    destroy(store, snapshot_id)


def export(store: HostStore, snapshot_id: str, file: Path, progress: Progress) -> None:
    """Writes the snapshot into `file`, which only its owner can read: it holds what agents were given, secrets too.
    The file appears whole or not at all. Raises NotFound, Conflict if it is there already."""
    snapshot = find(store.read(), snapshot_id)
    if file.exists():
        raise Conflict(f"{file} is there already", hint="choose another name, or remove it")
    progress(Step("export"))
    # Not in the state container: without a host it doesn't run.
    argv = (
        "run", "--rm", "--pull", "never", "--network", "none", "--user", "0:0", "--log-driver", "none",
        "--mount", f"type=volume,source={store.name},target=/state,readonly",
        "--entrypoint", "cat", image_name(snapshot_id), f"/state/blobs/{snapshot_id}.tar",
    )  # fmt: skip
    with write_file(file) as out:
        out.add("meta.json", msgspec.json.encode(snapshot))
        out.stream("volume.tar", lambda target: store.docker.receive(*argv, out=target, timeout=LIMIT_S))
        out.stream(
            "image.tar",
            lambda target: store.docker.receive("save", image_name(snapshot_id), out=target, timeout=LIMIT_S),
        )


def restore(
    store: HostStore, snapshot: str, host_id: str, owner: dict[str, str], progress: Progress
) -> tuple[str, Snapshot]:
    """Brings a snapshot (an id, or a file) to a new host: its volume is filled; the image's name is returned. What it
    holds of other volumes `fill` lays into the container, once there is one.

    `owner`: the labels of `container.owner`. Repeatable: a volume that was filled before is left as it is. Raises
    NotFound, InvalidInput, MngrError.
    """
    progress(Step("restore"))
    image = images.built_name(host_id)
    labels = ",".join(f"volume-label={key}={value}" for key, value in owner.items())
    if is_file(snapshot):
        with SnapshotFile(Path(snapshot)) as file:
            saved = file.snapshot
            _tell_left_out(saved.host_name, saved.left_out, progress, restored=True)
            _load(store, file, image)
            done = store.docker.send_script(
                "snapshot-restore", name_of(host_id), labels, "-", saved.id, image, "\n".join(saved.volumes), _meta(saved),
                chunks=file.chunks("volume.tar"), timeout=LIMIT_S,
            )  # fmt: skip
    else:
        saved = find(store.read(), snapshot)
        _tell_left_out(saved.host_name, saved.left_out, progress, restored=True)
        store.docker.run("tag", image_name(snapshot), image)
        done = store.docker.script(
            "snapshot-restore", name_of(host_id), labels, store.name, snapshot, image, "\n".join(saved.volumes), _meta(saved),
            timeout=LIMIT_S, check=False,
        )  # fmt: skip
    if done.code:
        raise CommandFailed(
            f"snapshot {snapshot} can't be brought to the new host: {images.last_line(done)}",
            done,
            hint="is the disk full? The command may be run again",
        )
    return image, saved


def fill(
    docker: Docker,
    host_id: str,
    host_dir: str,
    saved: Snapshot,
    start_args: Sequence[str],
    progress: Progress,
) -> None:
    """Lays what the snapshot holds of other volumes into the new host's container, before any agent runs there.
    Repeatable. Raises CommandFailed."""
    if not saved.volumes:
        return
    progress(Step("volumes"))
    inside = docker.container(name_of(host_id))
    done = script(inside, "snapshot-volumes", host_dir, *mounts.targets(start_args), timeout=LIMIT_S)
    for place in done.text.splitlines():
        progress(MountKept(place=place))


def _meta(saved: Snapshot) -> str:
    return msgspec.json.encode(saved).decode()


def _tell_left_out(host: str, left_out: dict[str, str], progress: Progress, *, restored: bool) -> None:
    for place, why in left_out.items():
        progress(LeftOutOfSnapshot(host=host, place=place, why=why, restored=restored))


def _load(store: HostStore, file: SnapshotFile, image: str) -> None:
    """The file's image, called `image`. A snapshot of the same id that is there already keeps its name."""
    loaded = image_name(file.snapshot.id)
    known = store.docker.run("image", "inspect", "-f", "{{.Id}}", loaded, check=False).code == 0
    if not known:
        done = store.docker.send("load", chunks=file.chunks("image.tar"), timeout=LIMIT_S)
        if done.code:
            raise CommandFailed(
                f"docker on {store.docker.place} can't load the image in {file.path}: {images.last_line(done)}",
                done,
                hint="is the disk full?",
            )
    store.docker.run("tag", loaded, image)
    if not known:
        store.docker.run("rmi", loaded)
