"""What the agents of a host do, as scripts/host-events.sh tells: what it prints, line by line."""

from collections.abc import Iterable, Iterator

import msgspec

from mngr.hosts import scripts
from mngr.model.names import is_name
from mngr.model.numbers import exit_code

#: A listener is sent something at least this often, in seconds.
EVERY_S = 10
#: So much of what a host remembers is read, from its end, in bytes: more than the 2,000 lines that it may have (host-events.sh).
PAST_BYTES = 262144


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent is (AgentView)."""

    agent_id: str
    name: str
    state: str
    reason: str = ""
    exit_code: int | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A change: line `number` of the host's, at `at` by its clock. `of.agent_id`: "" for the host itself."""

    number: int
    at: float
    of: Known


class States(msgspec.Struct, frozen=True, kw_only=True):
    """How all agents were, as it was looked after line `number` was there. `at`: the host's time."""

    at: float
    number: int
    agents: list[Known]


class Beat(msgspec.Struct, frozen=True):
    """Nothing more for now."""


def argv(host_dir: str, label: str, since: int, *, every: int = EVERY_S, once: bool = False) -> list[str]:
    """The argv that listens to a host, on it: to the lines with a number above `since` (-1: those to come)."""
    text = scripts.text("host-events")
    words = [host_dir, label, str(since), str(every), *(["once"] if once else [])]
    return ["sh", "-c", text, "host-events", *words]


def read(lines: Iterable[str]) -> Iterator[Line | States | Beat]:
    """What the lines mean. An agent may have written anything: what isn't understood is left out."""
    at, number, agents = 0.0, 0, list[Known]()
    for text in lines:
        kind, *words = text.split()[:9] or [""]
        if kind == "at" and len(words) == 2:
            at, number, agents = _number(words[0]), int(_number(words[1])), []
        elif kind == "=" and len(words) == 5:
            known = _known(words)
            agents += [known] if known else []
        elif kind == ".":
            yield States(at=at, number=number, agents=agents)
        elif kind == "+" and len(words) == 7:
            known = _known(words[2:])
            if known:
                yield Line(number=int(_number(words[0])), at=_number(words[1]), of=known)
        elif kind == "*":
            yield Beat()


def lines_of(text: str) -> list[Line]:
    """Those of a file `agents/.events`."""
    found = read(f"+ {line}" for line in text.splitlines() if line.split(" ", 1)[0].isdigit())
    return [one for one in found if isinstance(one, Line)]


def _known(words: list[str]) -> Known | None:
    agent_id, name, state, reason, code = ("" if word == "-" else word for word in words)
    named = all(is_name(word) for word in (agent_id, name, reason) if word)
    if (
        not named
        or not state.isalpha()
        or not state.isascii()
        or len(state) > 20
        or bool(agent_id) != bool(name)
    ):
        return None
    return Known(agent_id=agent_id, name=name, state=state, reason=reason, exit_code=exit_code(code))


def _number(text: str) -> float:
    """0 for what is none."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0.0
