"""What one look at a machine's docker showed: the reading side of scripts/survey.sh."""

import contextlib
import re

import msgspec

from mngr.hosts.probe import HostFacts, cause, describe_reason, stopped_at
from mngr.hosts.probe import parse as parse_probe
from mngr.model.errors import Unreachable
from mngr.model.ids import is_id
from mngr.model.numbers import whole
from mngr.model.records import AgentRecord, HostRecord, decode
from mngr.model.states import DOWN, HostState
from mngr.model.views import AgentView, HostView, IdleView, Problem


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A host's container as the daemon shows it.

    `state`: created, running, paused, restarting, removing, exited, dead. `exit_code`: of an exited one.
    `reason`: the line of its `stop/reason`, `ended_at`: when it came to its end, `codes`: what `stop/codes` says of agents that ended before it did, by id
    (of exited ones; an agent may have written anything there). `facts`: what the probe saw (of running ones), or
    `failed`: why it didn't. `laptop`, `until`: who was building it, and the time (epoch s) when it is nobody's.
    """

    host_id: str
    host_name: str
    name: str
    state: str
    exit_code: int | None = None
    image: str = ""
    laptop: str = ""
    until: float = 0
    host_dir: str = "/mngr"
    publish: str = ""
    created_at: str = ""
    reason: str = ""
    ended_at: float | None = None
    codes: dict[str, int] = {}
    facts: HostFacts | None = None
    failed: str = ""


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A host's volume. `laptop`, `until`: as Seen."""

    host_id: str
    host_name: str
    name: str
    laptop: str = ""
    until: float = 0


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """All that the store holds, by host id. `going`: hosts whose destroy was begun; `removed`: the marks of those that
    are gone, or are going and had no record. A record that can't be read is in
    `problems` (the key says whose), never dropped. `snapshots`: their descriptions, unread, by id; `making`: those that aren't whole (yet), with their host. `there`: whether there is a
    store at all."""

    there: bool = False

    hosts: dict[str, HostRecord] = {}
    agents: dict[str, list[AgentRecord]] = {}
    going: dict[str, HostRecord | None] = {}
    removed: set[str] = set()
    problems: dict[str, Problem] = {}
    snapshots: dict[str, bytes] = {}
    making: dict[str, HostRecord] = {}


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Containers and (where asked for) volumes with our labels, by host id, and the store. `store_up`: whether the state
    container runs."""

    containers: dict[str, Seen] = {}
    volumes: dict[str, Volume] = {}
    stored: Stored = Stored()
    store_up: bool = False


def parse_survey(output: bytes, instance: str) -> Survey:
    """The survey in what survey.sh printed. Raises Unreachable if the output isn't whole."""
    parts = _parts(output)
    if not {"containers", "volumes", "store"} <= parts.keys():
        raise Unreachable("docker's answer was cut short")
    containers = {}
    for line in parts["containers"].decode(errors="replace").splitlines():
        seen = _seen(line, parts)
        if seen:
            containers[seen.host_id] = seen
    volumes = {}
    for line in parts["volumes"].decode(errors="replace").splitlines():
        name, host_id, host_name, laptop, until = (line.split("|") + [""] * 5)[:5]
        if is_id(host_id) and name == f"mngr-{host_id}":
            volumes[host_id] = Volume(
                host_id=host_id, host_name=host_name, name=name, laptop=laptop, until=_number(until)
            )
    down = "snapshots" in parts
    stored = parse_store(parts["store"], instance, parts.get("snapshots", b""))
    return Survey(containers=containers, volumes=volumes, stored=stored, store_up=stored.there and not down)


def _parts(output: bytes) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}
    sizes, _, rest = output.partition(b"\0")
    for row in sizes.decode(errors="replace").splitlines()[:-1]:  # the last one is their sum
        size, _, key = row.strip().partition(" ")
        if (number := whole(size)) is not None:
            parts[key], rest = rest[:number], rest[number:]
    if rest != b"\0end":
        raise Unreachable("docker's answer was cut short")
    return parts


def _seen(line: str, parts: dict[str, bytes]) -> Seen | None:
    (
        name, state, status, image, created, host_id, host_name, laptop, until, host_dir, publish
    ) = (line.split("|") + [""] * 11)[:11]  # fmt: skip
    # Whoever runs an image made from a host's container by hand gets its labels too: the name tells.
    if not is_id(host_id) or name != f"mngr-{host_id}":
        return None
    code = re.match(r"Exited \((\d+)\)", status)
    facts, failed = None, parts.get(f"failed:{host_id}", b"").decode(errors="replace").strip()
    if f"failed:{host_id}" in parts:
        failed = failed or "no answer within 5 s"
    elif f"probe:{host_id}" in parts:
        facts = parse_probe(parts[f"probe:{host_id}"])
    reason, ended_at, codes = _stop_folder(parts.get(f"stop:{host_id}", b""))
    return Seen(
        host_id=host_id, host_name=host_name, name=name, state=state, image=image, laptop=laptop, publish=publish,
        exit_code=int(code.group(1)) if code else None, until=_number(until), created_at=created,
        host_dir=host_dir or "/mngr", failed=failed, facts=facts,
        reason=reason, ended_at=ended_at, codes=codes,
    )  # fmt: skip


def _stop_folder(tar: bytes) -> tuple[str, float | None, dict[str, int]]:
    """The line of `stop/reason`, when `stop/ended` was written, and the exit codes in `stop/codes`, as far as the tar goes."""
    import io
    import tarfile

    reason, ended_at, codes = "", None, {}
    with contextlib.suppress(tarfile.TarError), tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.isfile() else None
            text = file.read(1000).decode(errors="replace").strip() if file else ""
            folder, _, name = entry.name.rpartition("/")
            if entry.name == "stop/reason":
                reason = text
            elif entry.name == "stop/ended":
                ended_at = float(entry.mtime)
            elif folder == "stop/codes" and is_id(name) and re.fullmatch("[0-9]{1,3}", text):
                codes[name] = int(text)
    return reason, ended_at, codes


def parse_store(tar: bytes, instance: str, rest: bytes = b"") -> Stored:
    """The store in the tar (or with its `rest` in another) that it came as. Raises Unreachable if that isn't whole."""
    stored = Stored(there=bool(tar or rest))
    for path, content in [*_files(tar), *_files(rest)]:
        folder, _, name = path.partition("/")
        key, _, kind = name.rpartition(".")
        if folder == "snapshots" and kind == "json":
            stored.snapshots[key] = content
        elif folder == "snapshots" and kind == "making":
            with contextlib.suppress(ValueError):
                stored.making[key] = decode(content, HostRecord)
        elif folder == "hosts":
            _host_file(stored, instance, name, content)
    for finished in stored.making.keys() & stored.snapshots.keys():
        del stored.making[finished]
    for agents in stored.agents.values():
        agents.sort(key=lambda one: (one.created_at, one.name))
    return stored


def _host_file(stored: Stored, instance: str, name: str, content: bytes) -> None:
    """Takes in `<host id>.json`, `<host id>.gone` or `<host id>/agents/<agent id>.json`; the rest isn't ours."""
    host_id = name[: len("host-") + 16]
    if not is_id(host_id):
        return
    kind = name.removeprefix(host_id)
    try:
        if kind == ".json":
            record = decode(content, HostRecord)
            if record.id != host_id:
                raise ValueError(f"it speaks of {record.id}")
            stored.hosts[host_id] = record
        elif kind == ".gone" and not content:
            stored.removed.add(host_id)
        elif kind == ".gone":
            stored.going[host_id] = None
            stored.going[host_id] = decode(content, HostRecord)
        elif kind.startswith("/agents/") and kind.endswith(".json"):
            stored.agents.setdefault(host_id, []).append(decode(content, AgentRecord))
    except ValueError as error:
        if kind != ".gone":
            what = f"host {host_id}" if kind == ".json" else f"agent {kind[8:-5]} on host {host_id}"
            stored.problems[host_id + kind] = Problem(
                provider=instance,
                what=what,
                error=f"its record can't be read: {error}",
                hint=f"the file is hosts/{name} in the volume mngr-state-{instance}; nothing was removed",
            )


def _files(tar: bytes) -> list[tuple[str, bytes]]:
    import io
    import tarfile

    if not tar:
        return []
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            found = [
                (entry.name, file.read())
                for entry in archive.getmembers()
                if entry.isfile() and (file := archive.extractfile(entry))
            ]
    except tarfile.TarError as error:
        raise Unreachable(f"the store's answer was cut short: {error}") from None
    if not tar.rstrip(b"\n").endswith(b"\0" * 1024):
        raise Unreachable("the store's answer was cut short")
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def state_of(seen: Seen | None) -> tuple[HostState, str]:
    """The state of a host that has a record, and what is wrong with it if something is."""
    if seen is None:
        return "failed", "its container is gone"
    if seen.state == "running":
        return "running", f"its agents can't be seen: {seen.failed}" if seen.failed else ""
    if seen.state == "paused":
        return (
            "running",
            "its container is paused: by a snapshot that was cut short (`mngr gc` mends that), or `docker pause`",
        )
    if seen.state in ("created", "restarting", "dead"):
        return "crashed", f"its container is {seen.state}; `docker logs {seen.name}` says more"
    if seen.state == "removing":
        return "stopping", "its container is being removed"
    if _lifetime_over(seen):
        return "stopped", ""
    if seen.reason or seen.exit_code == 0:
        return "paused", ""
    if seen.exit_code == 143:
        return "stopped", ""
    return (
        "crashed",
        f"its container ended with exit code {seen.exit_code}{_EXITS.get(seen.exit_code or 0, '')}",
    )


_EXITS = {
    137: ": it was killed, perhaps for using too much memory",
    255: ": the machine or its docker went down",
}


def host_view(
    record: HostRecord, seen: Seen | None, stored: Stored, ends_at: float | None = None
) -> HostView:
    """The host as it is now: its agents as seen inside, or (of one that is down) as they were recorded, done if they
    ended before it did. Those of a host that stopped itself before any was there are half made. `ends_at`: when its lifetime
    does, where the machine keeps that; else process 1 does."""
    state, problem = state_of(seen)
    view = HostView(record=record, state=state, problem=problem)
    facts = seen.facts if seen else None
    if facts:
        view.agents, view.idle = _joined(facts.agents, stored.agents.get(record.id, [])), facts.idle
        view.agents_known = not facts.problems
        if state == "running" and facts.stopping_since:
            view.state, view.stopped_at = "stopping", facts.stopping_since
        elif view.idle:
            lasts = record.idle.max_lifetime_s
            if ends_at := ends_at or (facts.started_at + lasts if facts.started_at and lasts else None):
                view.idle.end_at(ends_at)
        if facts.sshd_down and state == "running":
            view.sshd_down = True
            problem = "; ".join(
                filter(None, [problem, f"its sshd doesn't answer; `mngr start @{record.name}` sees to it"])
            )
        view.problem = "; ".join([*([problem] if problem else []), *facts.problems])
        view.untold = facts.untold
        return view
    down = state not in ("running", "failed")
    # By the watcher's last look.
    never_came = state == "paused" and seen is not None and " agents=0" in seen.reason
    codes = seen.codes if seen and down else {}
    view.agents = [
        AgentView(record=agent, state="done", exit_code=codes[agent.id])
        if agent.id in codes
        else AgentView(record=agent, state="stopped" if down else "unknown", half_made=never_came)
        for agent in stored.agents.get(record.id, [])
    ]
    unread = [one.error for key, one in stored.problems.items() if key.startswith(record.id + "/")]
    # Without the host's record, those of its agents may be gone as well.
    view.agents_known = record.id in stored.hosts | stored.going and not unread
    view.problem = "; ".join([*([problem] if problem else []), *unread])
    view.idle = IdleView(mode=record.idle.mode, timeout_s=record.idle.timeout_s)
    if seen and state in DOWN:
        view.stopped_at = stopped_at(seen.reason) or seen.ended_at
        if state == "paused" or _lifetime_over(seen):
            view.idle.stop_cause = "lifetime" if _lifetime_over(seen) else "idle"
            view.idle.stop_reason = _reason(seen)
    return view


def _lifetime_over(seen: Seen) -> bool:
    return seen.state == "exited" and (cause(seen.reason) == "lifetime" or seen.exit_code == 124)


def _joined(inside: list[AgentView], stored: list[AgentRecord]) -> list[AgentView]:
    """What is there, and agents that were announced and never got there."""
    there = {one.record.id for one in inside}
    missing = [
        AgentView(record=one, state="stopped", half_made=True) for one in stored if one.id not in there
    ]
    return [*inside, *missing]


def _reason(seen: Seen) -> str:
    if seen.reason:
        return describe_reason(seen.reason)
    return "reached its max lifetime" if seen.exit_code == 124 else "idle"
