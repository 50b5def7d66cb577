"""A host whose record is gone with the state volume: written anew from what its container knows.

A container that holds agents had its record before the first of them came, so it isn't a create that was cut short.
"""

import contextlib

import msgspec

from mngr.containers import image
from mngr.containers.docker import Docker
from mngr.containers.store import HostStore
from mngr.containers.survey import Seen
from mngr.hosts.probe import idle_view
from mngr.model.errors import MngrError, NotFound
from mngr.model.idle import parse_mode
from mngr.model.numbers import whole
from mngr.model.records import AgentRecord, HostRecord, Idle, decode

#: The labels that keep a host's lifetime, in seconds, and whom its agents run as.
LIFETIME, USER = "mngr.lifetime", "mngr.user"


class Known(msgspec.Struct, kw_only=True):
    """What a container knows: its host's record as far as that goes, and its agents'."""

    record: HostRecord
    agents: list[AgentRecord] = []


def read(docker: Docker, seen: Seen, template: HostRecord) -> Known:
    """What the container `seen` knows. `template` has what else is known of the host. Raises NotFound if the container is
    gone; MngrError if it can't be read, or an agent's record in it can't."""
    done = docker.script("container-record", seen.name, seen.host_dir, timeout=60, check=False)
    if done.code:
        kind = NotFound if done.code == 3 else MngrError
        raise kind(f"the container of host {seen.host_name} can't be read: {image.last_line(done)}")
    words = done.stdout.decode(errors="replace").split("\0")
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    labels, inherited = _labels(pairs.get("labels", "")), _labels(pairs.get("image-labels", ""))
    port = seen.publish.rpartition(":")[2]
    record = msgspec.structs.replace(
        template,
        created_at=template.created_at or pairs.get("created", ""),
        builder=template.builder or seen.laptop,
        image=template.image or seen.image,
        host_dir=seen.host_dir,
        user=template.user or labels.get(USER, ""),
        host_key=template.host_key or pairs.get("key", ""),
        ssh_port=whole(port, 5) or template.ssh_port,
        idle=_idle(pairs.get("idle", ""), labels, template.idle),
        labels=template.labels
        or {
            key: value
            for key, value in labels.items()
            if not key.startswith("mngr.") and inherited.get(key) != value
        },
    )
    try:
        agents = [decode(text, AgentRecord) for key, text in pairs.items() if key.startswith("agent:")]
    except ValueError as error:
        raise MngrError(f"the record of an agent on host {seen.host_name} can't be read: {error}") from None
    return Known(record=record, agents=agents)


def write(store: HostStore, known: Known) -> HostRecord:
    """Writes the records, durably; the state container is made again. Repeatable. Raises as `HostStore.save`."""
    store.save(known.record)
    for agent in known.agents:
        store.save_agent(known.record.id, agent)
    return known.record


def _labels(text: str) -> dict[str, str]:
    with contextlib.suppress(ValueError):
        return msgspec.json.decode(text, type=dict[str, str] | None) or {}
    return {}


def _idle(conf: str, labels: dict[str, str], default: Idle) -> Idle:
    view = idle_view(conf, {}, "")
    with contextlib.suppress(MngrError, ValueError):
        if view is not None:
            lifetime = float(labels.get(LIFETIME, default.max_lifetime_s))
            return Idle(mode=parse_mode(view.mode), timeout_s=view.timeout_s, max_lifetime_s=lifetime)
    return default
