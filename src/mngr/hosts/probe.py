"""One probe of a host: all its facts in one round trip."""

from typing import Literal, get_args

import msgspec

from mngr.hosts.scripts import script
from mngr.model import numbers
from mngr.model.records import AgentRecord, decode
from mngr.model.states import QUIET_S, Reason
from mngr.model.views import AgentView, IdleView
from mngr.transport.base import Transport

REASONS: dict[str, Reason] = {one: one for one in get_args(Reason)}


class HostFacts(msgspec.Struct, kw_only=True):
    """What a probe saw. `sshd_down`: of a container. `started_at`: when its process 1 did;
    `stopping_since`: its end is decided, or has begun. `problems` names records that couldn't be read; they are never dropped in silence. `untold`: why the
    host couldn't tell the config's `tell_url` of the newest change; "" if it could."""

    agents: list[AgentView] = []
    idle: IdleView | None = None
    problems: list[str] = []
    untold: str = ""
    sshd_down: bool = False
    started_at: float | None = None
    stopping_since: float | None = None


def probe(transport: Transport, host_dir: str, *, label: str = "", timeout: float = 10) -> HostFacts:
    """The agents of a host, their states, and how idle it is. Raises Unreachable, TimedOut, CommandFailed."""
    args = (label,) if label else ()
    return parse(script(transport, "probe", host_dir, *args, timeout=timeout).stdout)


def parse(output: bytes) -> HostFacts:
    """The facts in what `probe.sh` printed."""
    words = output.decode(errors="replace").split("\0")
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    facts = HostFacts()
    now = _number(pairs.get("now", ""))
    seen = _mtimes(pairs.get("mtimes", ""))
    older = _alive_panes(pairs.get("panes", ""))
    for key, text in pairs.items():
        kind, _, agent_id = key.partition(":")
        if kind != "agent":
            continue
        try:
            record = decode(text, AgentRecord)
            if record.id != agent_id:
                raise ValueError("it is another agent's")
        except ValueError as error:
            facts.problems.append(f"the record of {agent_id} can't be read: {error}")
            continue
        alive = f"alive:{agent_id}" in pairs or any(agent_id in command for command in older)
        view = _agent(
            record, now, seen, alive, pairs.get(f"exit:{agent_id}"), pairs.get(f"state:{agent_id}", "")
        )
        view.half_made = f"half:{agent_id}" in pairs
        facts.agents.append(view)
    facts.agents.sort(key=lambda agent: (agent.record.created_at, agent.record.name))
    facts.sshd_down = "sshd" in pairs
    facts.untold = _untold(pairs.get("untold", ""))
    facts.started_at = _started(now, pairs.get("first", ""))
    facts.stopping_since = seen.get("stop/ended") or seen.get("stop/reason")
    # Of a clock that was set back there may be files of the future: what they tell of has been.
    past = {path: min(at, now) if now else at for path, at in seen.items()}
    facts.idle = idle_view(pairs.get("idle", ""), past, pairs.get("reason", ""), pairs.get("why", ""))
    return facts


def _agent(
    record: AgentRecord, now: float, seen: dict[str, float], alive: bool, exit_code: str | None, told: str
) -> AgentView:
    """`told`: the line of the watcher, `STATE REASON SINCE SIGNAL…`; without one the time tells at which it was last busy."""
    active_at = seen.get(f"agents/{record.id}/busy", 0.0)
    code = numbers.exit_code(exit_code or "")
    view = AgentView(record=record, state="stopped", exit_code=code, active_at=active_at or None)
    if exit_code is not None:
        view.state = "done"
    elif alive and not _read_state(view, told):
        view.state = "running" if -CLOCK_SLACK_S < now - active_at < QUIET_S else "waiting"
    return view


#: A file that is dated further in the future says nothing.
CLOCK_SLACK_S = 5


def _read_state(view: AgentView, line: str) -> bool:
    """Puts into `view` what the watcher's line says; False if it says nothing."""
    words = line.split(maxsplit=3)
    if len(words) < 3 or words[0] not in ("running", "waiting"):
        return False
    view.state = words[0]
    view.reason = REASONS.get(words[1], "")
    view.since = _number(words[2]) or None
    view.signal = _shown(words[3]) if len(words) > 3 else ""
    return True


def _shown(text: str) -> str:
    """A line from a host for people: it may hold anything."""
    return "".join(one for one in text.strip() if one.isprintable())[:200]


def _untold(line: str) -> str:
    from mngr.model.clock import iso

    at, _, why = line.strip().partition(" ")
    if not _number(at) or not why.isascii() or not why.isprintable():
        return ""
    return f"can't tell tell_url of changes: {why} ({iso(_number(at))})"


def _mtimes(text: str) -> dict[str, float]:
    rows = (line.partition(" ") for line in text.splitlines())
    return {path: _number(at) for at, _, path in rows if _number(at)}


def _started(now: float, first: str) -> float | None:
    """When process 1 began: `first` is the time that the kernel is up (s), and when in that it began, in
    ticks, of which Linux has 100 a second."""
    try:
        up, ticks = map(float, first.split())
    except ValueError:
        return None
    return now - up + ticks / 100


def _alive_panes(text: str) -> list[str]:
    """What the live panes run in which an agent's shell was started; the command names its agent."""
    rows = (line.split(" ", 1) for line in text.splitlines())
    return [row[1] for row in rows if len(row) == 2 and row[0] == "0" and "run-agent.sh" in row[1]]


def _number(text: str) -> float:
    """0 for what isn't a number of seconds: a host's files may hold anything."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0.0


#: The signals of `activity/*`, in words.
SIGNALS = {
    "user": "typing",
    "agent": "an agent at work",
    "ssh": "an SSH session",
    "create": "a create",
    "start": "a start",
    "boot": "the host's start",
    "process": "an agent's process",
}


def idle_view(conf: str, seen: dict[str, float], reason: str, why: str = "") -> IdleView | None:
    """From the text of `idle.conf` and the mtimes of `activity/*`: idle since when, and when it stops. `reason`: the line
    of `stop/reason`. `why`: which agent was last seen at work, and how."""
    settings = dict(line.split("=", 1) for line in conf.splitlines() if "=" in line)
    if not settings:
        return None
    view = IdleView(mode=settings.get("mode", ""), timeout_s=_number(settings.get("timeout", "")))
    signals = [
        (seen[f"activity/{s}"], s) for s in settings.get("signals", "").split() if f"activity/{s}" in seen
    ]
    if signals:
        view.idle_since, view.last_signal = max(signals)
        agent = why.splitlines()[0][:200] if view.last_signal == "agent" and why.strip() else ""
        view.last_seen = agent or SIGNALS.get(view.last_signal, view.last_signal)
        if view.timeout_s and settings.get("host_stop") != "none":
            # Who starts a host has that long to use it.
            view.stops_at = max(view.idle_since, seen.get("activity/boot", 0)) + view.timeout_s
            view.stop_cause = "idle"
    if reason:
        view.stop_cause, view.stop_reason = cause(reason), describe_reason(reason)
    return view


def cause(line: str) -> Literal["idle", "lifetime"]:
    """Of a line of `stop/reason`: the end of a host's lifetime, which was asked for, or idleness."""
    return "lifetime" if line.startswith("lifetime") else "idle"


def stopped_at(line: str) -> float | None:
    """When a line of `stop/reason` was written, in seconds since the epoch."""
    return _number(_facts(line)[1].get("at", "")) or None


def _facts(line: str) -> tuple[str, dict[str, str]]:
    kind, *words = line.split()[:20] or [""]
    return kind, dict(word.split("=", 1) for word in words if "=" in word)


def describe_reason(line: str) -> str:
    """A line of `stop/reason` for people: why the host stopped itself, and what was last seen when."""
    from mngr.model.clock import iso

    kind, facts = _facts(line)
    since, at = _number(facts.get("since", "")), _number(facts.get("at", ""))
    if kind == "idle" and since:
        return f"idle since {iso(since)} (last seen: {facts.get('last', '?')}; mode {facts.get('mode', '?')}, {facts.get('timeout', '?')} s)"
    if kind == "lifetime":
        return "reached its max lifetime" + (f" at {iso(at)}" if at else "")
    return line.strip()[:200]
