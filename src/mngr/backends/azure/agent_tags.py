"""Agents' records in a VM's tags, which can be read while it is deallocated.

A tag an agent and field, `mngr-agent-<agent id>-<field>`, while there is room; else all records in `mngr-agents-0`,
`mngr-agents-1` …, as JSON, compressed and in base64. Azure takes 50 tags a VM, and 256 characters a value. What doesn't fit
is shortened: first commands, then labels and work dirs; the names stay. Both forms are read.

`mngr-agents` has their count: tags that were lost, damaged or written by two at once don't match it, and prove nothing. After
it stands `shortened` where something had to be left out.
"""

import base64
import re
import zlib
from collections.abc import Collection, Mapping, Sequence

import msgspec

from mngr.model.ids import is_id
from mngr.model.names import is_name
from mngr.model.records import AgentRecord

LONGEST = 256
MOST = 50
#: Of these, those that are left to agents; the others are the host's and the user's own.
ROOM = 32
#: How many agents there are.
COUNT = "mngr-agents"
_SHORTENED = "shortened"
_FIELDS = ("name", "type", "work_dir", "created_at", "command", "labels")
#: What goes first where there is no room, in this order.
_DROPPED = (("command",), ("command", "labels"), ("command", "labels", "work_dir"))

_ONE = re.compile(r"mngr-agent-(agent-[0-9a-f]{16})-([a-z_]+)")
_PACKED = re.compile(r"mngr-agents-(\d+)")


def is_ours(key: str) -> bool:
    return bool(key == COUNT or _ONE.fullmatch(key) or _PACKED.fullmatch(key))


def write(agents: Sequence[AgentRecord], room: int = ROOM) -> tuple[dict[str, str], bool]:
    """The tags of these agents, and whether something had to be left out. `room`: how many tags there may be."""
    total = {COUNT: count(len(agents))}
    plain = total | {key: value for agent in agents for key, value in _plain(agent).items()}
    if len(plain) <= room and all(len(value) <= LONGEST for value in plain.values()):
        return plain, False
    for dropped in ((), *_DROPPED):
        if dropped:
            total = {COUNT: count(len(agents), short=True)}
        packed = total | _packed(agents, dropped)
        if len(packed) <= room:
            return packed, bool(dropped)
    fit = list(agents)
    while len(packed := total | _packed(fit, _DROPPED[-1])) > room and fit:
        fit.pop()
    return (packed if fit else {}), True


def count(number: int, *, short: bool = False) -> str:
    """The value of the tag `COUNT`; `short`: something is left out of the records."""
    return f"{number} {_SHORTENED}" if short else str(number)


def whole(tags: Mapping[str, str]) -> list[AgentRecord] | None:
    """As `read`; None unless these are all that were written."""
    found = read(tags)
    return found if tags.get(COUNT, "").split()[:1] == [str(len(found))] else None


def shortened(tags: Mapping[str, str]) -> bool:
    """Whether the records lack what had no room."""
    return _SHORTENED in tags.get(COUNT, "").split()[1:]


def read(tags: Mapping[str, str]) -> list[AgentRecord]:
    """The agents in a VM's tags. Tags can be written by others: what is no record is left out."""
    found: dict[str, dict[str, str]] = {}
    for key, value in tags.items():
        if one := _ONE.fullmatch(key):
            found.setdefault(one[1], {})[one[2]] = value
    records = [record for id, fields in found.items() if (record := _agent(id, fields))]
    records += _unpacked(tags)
    by_id = {record.id: record for record in records}
    return sorted(by_id.values(), key=lambda one: (one.created_at, one.name))


def _plain(agent: AgentRecord) -> dict[str, str]:
    tags = {}
    for field in _FIELDS:
        value = getattr(agent, field)
        if value:
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            tags[f"mngr-agent-{agent.id}-{field}"] = text
    return tags


def _agent(id: str, fields: Mapping[str, str]) -> AgentRecord | None:
    try:
        return _checked(
            AgentRecord(
                id=id,
                name=fields["name"],
                type=fields.get("type", "shell"),
                command=msgspec.json.decode(fields.get("command", "[]"), type=list[str]),
                work_dir=fields.get("work_dir", ""),
                labels=msgspec.json.decode(fields.get("labels", "{}"), type=dict[str, str]),
                created_at=fields.get("created_at", ""),
            )
        )
    except (KeyError, ValueError):
        return None


def _packed(agents: Sequence[AgentRecord], dropped: Collection[str]) -> dict[str, str]:
    rows = [
        {
            "id": one.id,
            **{
                field: getattr(one, field)
                for field in _FIELDS
                if field not in dropped and getattr(one, field)
            },
        }
        for one in agents
    ]
    text = base64.b64encode(zlib.compress(msgspec.json.encode(rows), 9)).decode()
    return {
        f"mngr-agents-{at}": text[at * LONGEST : (at + 1) * LONGEST] for at in range(-(-len(text) // LONGEST))
    }


def _unpacked(tags: Mapping[str, str]) -> list[AgentRecord]:
    parts = sorted((int(one[1]), value) for key, value in tags.items() if (one := _PACKED.fullmatch(key)))
    if not parts or [at for at, _ in parts] != list(range(len(parts))):
        return []
    try:
        data = zlib.decompressobj().decompress(
            base64.b64decode("".join(text for _, text in parts)), 1_000_000
        )
        rows = msgspec.json.decode(data, type=list[AgentRecord])
    except (ValueError, zlib.error):
        return []
    return [record for row in rows if (record := _checked(row))]


def _checked(record: AgentRecord) -> AgentRecord | None:
    return record if is_id(record.id) and is_name(record.name) else None
