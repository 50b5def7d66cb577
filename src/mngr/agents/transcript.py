"""What an agent's program has itself recorded of its conversation, as messages: who said what, when."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from mngr.agents.tmux import Place
from mngr.agents.types import Transcript
from mngr.hosts.scripts import script
from mngr.model.clock import from_iso
from mngr.model.errors import NotFound
from mngr.model.records import AgentRecord
from mngr.transport.base import CommandFailed

#: More than this of a record's end, in bytes, isn't read.
MOST = 16 << 20
#: So long may reading it take, in seconds.
LIMIT_S = 45


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `role`: as the program calls who said it (`user`, `assistant`, `gemini` …); `at`: when, in ISO 8601 and UTC,
    "" if the record doesn't say it."""

    role: str
    text: str
    at: str = ""


def read(place: Place, record: AgentRecord, kind: Transcript) -> tuple[list[Message], bool]:
    """All messages that the agent's program has on record since it was created, in their order; and whether there was more
    than is read. Raises NotFound if the agent isn't on that host, CommandFailed with what the type's line said, Unreachable."""
    words = [place.host_dir, record.id, str(_since(record)), str(MOST), str(LIMIT_S), kind.read]
    try:
        done = script(place.transport, "agent-transcript", *words, timeout=LIMIT_S + 30)
    except CommandFailed as failed:
        if failed.completed.code == 3 and not failed.completed.stdout:
            raise NotFound(f"agent {record.name} is no longer on {place.transport.place}") from None
        raise
    return list(messages(done.stdout, kind)), len(done.stdout) >= MOST


def messages(data: bytes, kind: Transcript) -> Iterator[Message]:
    """The messages in a record: of its lines those that are JSON and have a text. One whose `id` comes again is replaced."""
    found: dict[object, Message] = {}
    for number, line in enumerate(data.splitlines()):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # cut off, not wholly written yet, or brackets without an end
            continue
        text = "\n".join(values(row, kind.text)).strip()
        if text and isinstance(row, dict):
            role = next(values(row, kind.role), "")
            own = next(values(row, kind.id), "") if kind.id else ""
            at = _time(next(values(row, kind.at), ""))
            found[own or number] = Message(role=_whole(role), text=_whole(text), at=_whole(at))
    yield from found.values()


def _whole(text: str) -> str:
    """Half a character (JSON can write one) is no text that can be shown or kept: there is a ? for it."""
    return text.encode(errors="replace").decode()


def values(row: object, path: str) -> Iterator[str]:
    """The texts and numbers at a path: names with dots between them, `[]` behind one for each item of a list. Of several paths
    with `|` between them the first that leads to something."""
    for one in path.split("|"):
        seen = [text for text in _at(row, [part for part in one.strip().split(".") if part]) if text.strip()]
        if seen:
            yield from seen
            return


def _at(row: Any, parts: list[str]) -> Iterator[str]:
    if not parts:
        if isinstance(row, str | int | float) and not isinstance(row, bool):
            yield str(row)
        return
    key = parts[0].removesuffix("[]")
    inner: Any = row.get(key) if isinstance(row, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not parts[0].endswith("[]"):
        yield from _at(inner, parts[1:])
    elif isinstance(inner, list):
        for item in inner:  # pyright: ignore[reportUnknownVariableType]
            yield from _at(item, parts[1:])


def _time(text: str) -> str:
    """A time as the record has it, in ISO 8601 and UTC: numbers are seconds or thousandths since the epoch."""
    try:
        seconds = float(text)
    except ValueError:
        return text
    try:
        when = datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _since(record: AgentRecord) -> int:
    try:
        return int(from_iso(record.created_at))
    except ValueError:
        return 0
