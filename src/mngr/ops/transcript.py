"""Agents' transcripts: read on their hosts, and kept in `$MNGR_HOME/transcripts`, where they outlive agents and hosts.

A file an agent, `ID.json`, for its owner's eyes only; the newest `KEPT` of them.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import msgspec

from mngr.agents import transcript as agents_transcript
from mngr.agents.transcript import Message
from mngr.model.errors import MngrError, NotFound, NotSupported, Unreachable
from mngr.model.names import Address, parse_address
from mngr.model.progress import Step
from mngr.model.records import HostRecord
from mngr.model.states import word
from mngr.ops import names
from mngr.ops.context import Mngr, Phases
from mngr.ops.notes import TranscriptUnread
from mngr.ops.talk import kind_of
from mngr.transport.base import CommandFailed

if TYPE_CHECKING:
    from pathlib import Path

    from mngr.model.records import AgentRecord
    from mngr.model.views import HostView
    from mngr.ops.names import Target

#: So many agents' transcripts are kept, each of `agents.transcript.MOST` bytes at most.
KEPT = 200
#: So long, in seconds, a removal waits for the transcripts of all that it removes.
KEEPING_S = 60
#: What was read so long, in seconds, before its host was down is all that was said.
SOON_S = 120
#: So many are read at a time: an SSH server takes ten sessions on a connection.
_AT_ONCE = 4


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent and its user have said. `read_at`: when its program's record was read, in seconds since the epoch; `kept`:
    it wasn't just now, as its host is down, or the agent gone. `cut`: there was more before these messages."""

    agent_id: str
    name: str
    type: str
    host: str
    provider: str
    read_at: float
    messages: list[Message]
    cut: bool = False
    kept: bool = False


def transcript(mngr: Mngr, text: str) -> Transcript:
    """An agent's transcript: as it is now where its host runs, else as it was kept. Raises NotFound, NotSupported if its type
    doesn't say where its program's record is, Unreachable if it can't be read and none is kept."""
    address = parse_address(text)
    try:
        [target] = names.resolve(mngr, [text])
    except (NotFound, Unreachable):
        if found := _gone(mngr, address):
            return found
        raise
    return of(mngr, target)


def of(mngr: Mngr, target: Target) -> Transcript:
    """As `transcript`, of an agent that was looked up."""
    if target.agent is None:
        raise NotFound(
            f"host {target.host.record.name} has no agent of that name",
            hint="`mngr list` shows what there is",
        )
    record, host = target.agent.record, target.host
    trouble: MngrError
    if host.up:
        try:
            found = _read(mngr, host.record, record)
        except (Unreachable, NotFound, CommandFailed) as error:
            trouble = error
        else:
            with contextlib.suppress(OSError):  # it is shown also where it can't be kept
                _save(_folder(mngr), found)
            return found
    else:
        trouble = Unreachable(
            f"host {host.record.name} is {word(host.state)}",
            hint=f"`mngr start {record.name}` brings it back",
        )
    if found := _load(_folder(mngr) / f"{record.id}.json"):
        return found
    raise trouble


def keep(mngr: Mngr, host: HostRecord, record: AgentRecord) -> Transcript:
    """Reads an agent's transcript on its host, which runs, and keeps it. Repeatable. Raises as `transcript`, CommandFailed,
    OSError if it can't be written."""
    found = _read(mngr, host, record)
    _save(_folder(mngr), found)
    return found


def _read(mngr: Mngr, host: HostRecord, record: AgentRecord) -> Transcript:
    kind = kind_of(mngr, record.type).transcript
    if kind is None:
        raise NotSupported(
            f"agent type {record.type} doesn't say where its program keeps a record",
            hint=f"`mngr logs {record.name}` has what its terminal showed; a type's `transcript` is in docs/agents.md",
        )
    said, cut = agents_transcript.read(mngr.place(host), record, kind)
    return Transcript(
        agent_id=record.id, name=record.name, type=record.type, host=host.name, provider=host.provider,
        read_at=mngr.clock.now(), messages=said, cut=cut,
    )  # fmt: skip


def keep_all(
    mngr: Mngr, host: HostRecord, records: list[AgentRecord], phases: Phases
) -> list[tuple[str, str]]:
    """Keeps the transcripts of agents that are about to be removed, as far as they have any, in `KEEPING_S` for all. Returns the
    names of those that couldn't be, and why; raises nothing, as no removal should fail because of it."""
    from mngr.model.background import each
    from mngr.model.clock import within

    def lost(record: AgentRecord) -> str:
        try:
            keep(mngr, host, record)
        except Exception as error:  # whatever it is: what is removed may cost money by the hour
            return str(error) or type(error).__name__
        return ""

    def has_one(record: AgentRecord) -> bool:
        try:
            return kind_of(mngr, record.type).transcript is not None
        except MngrError:
            return True  # its type isn't known any more: `keep` says how

    records = [one for one in records if has_one(one)]
    if not records:
        return []
    phases(Step("keep transcripts", at_most_s=KEEPING_S))
    with within(KEEPING_S):
        why = each(lost, records, most=_AT_ONCE)
    return [(record.name, text) for record, text in zip(records, why, strict=True) if text]


def not_kept(mngr: Mngr, host: HostView, records: list[AgentRecord]) -> list[TranscriptUnread]:
    """Of agents that are about to be removed with their host, which is down: those whose transcripts go with it, as they weren't
    kept when it stopped."""
    lost: list[TranscriptUnread] = []
    for record in records:
        try:
            if kind_of(mngr, record.type).transcript is None:
                continue
        except MngrError:
            continue  # its type isn't known any more
        kept = _load(_folder(mngr) / f"{record.id}.json")
        if kept is None or (host.stopped_at is not None and kept.read_at < host.stopped_at - SOON_S):
            read_at = kept.read_at if kept else 0.0
            lost.append(TranscriptUnread(agent=record.name, state=word(host.state), read_at=read_at))
    return lost


def _folder(mngr: Mngr) -> Path:
    return mngr.home / "transcripts"


def _save(folder: Path, one: Transcript) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder / f".{one.agent_id}.{os.getpid()}"
    try:
        with open(part, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(msgspec.json.encode(one))
        os.replace(part, folder / f"{one.agent_id}.json")
    finally:
        part.unlink(missing_ok=True)
    for old in sorted(folder.glob("*.json"), key=_age, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0


def _load(path: Path) -> Transcript | None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.structs.replace(msgspec.json.decode(path.read_bytes(), type=Transcript), kept=True)
    return None


def _gone(mngr: Mngr, address: Address) -> Transcript | None:
    """The newest that is kept of an agent of that name (or id), and of that host and provider, if they are said."""
    for path in sorted(_folder(mngr).glob("*.json"), key=_age, reverse=True):
        one = _load(path)
        if (
            one
            and address.name in (one.name, one.agent_id)
            and address.host in ("", one.host)
            and address.provider in ("", one.provider)
        ):
            return one
    return None
