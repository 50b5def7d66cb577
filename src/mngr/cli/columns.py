"""The columns of `mngr list`, for people."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mngr.model.states import DOWN, word

if TYPE_CHECKING:
    from mngr.cli.rows import Row
    from mngr.model.views import AgentView, HostView, StopSaves

Cell = Callable[["Row", float], str]


def _name(row: "Row", now: float) -> str:
    return row.agent.record.name if row.agent else f"@{row.host.record.name}"


def _state(row: "Row", now: float) -> str:
    if row.agent:
        return agent_state(row.agent)
    return "" if row.host.agents_known else "unknown"


def _exit(row: "Row", now: float) -> str:
    return "" if row.agent is None or row.agent.exit_code is None else str(row.agent.exit_code)


def agent_state(agent: "AgentView") -> str:
    """`running`, `waiting: permission`."""
    return f"{agent.state}: {agent.reason}" if agent.reason and agent.state == "waiting" else agent.state


#: Title → what a row has there at a time. `--columns` takes the titles in lower case, with `-` for a space.
COLUMNS: dict[str, Cell] = {
    "NAME": _name,
    "STATE": _state,
    "EXIT": _exit,
    "HOST": lambda row, now: f"{row.host.record.name}.{row.host.record.provider}",
    "HOST STATE": lambda row, now: host_state(row.host, now),
    "PRICE": lambda row, now: price(row.host),
    "COST SO FAR": lambda row, now: so_far(row.host),
    "IDLE": lambda row, now: idle(row.host, now),
    "TYPE": lambda row, now: row.agent.record.type if row.agent else "",
    "NOTE": lambda row, now: note(row.host),
    "LABELS": lambda row, now: pairs(row.agent.record.labels) if row.agent else "",
}

#: Most important first: the order in which a narrow terminal's room is given away.
RANKS = ("NAME", "STATE", "EXIT", "HOST", "HOST STATE", "PRICE", "NOTE", "IDLE", "COST SO FAR", "TYPE", "LABELS")  # fmt: skip

#: What a column can be shortened to; 0: never. (A host's state is a word of eleven letters at most; its reason comes after.)
FLOORS = {
    "NAME": 14, "STATE": 10, "EXIT": 0, "HOST": 14, "HOST STATE": 11, "PRICE": 0, "NOTE": 21, "IDLE": 13, "COST SO FAR": 16,
    "TYPE": 5, "LABELS": 8,
}  # fmt: skip

#: Where a column is wide enough: what is wider is shortened first.
EASE = {
    "NAME": 24,
    "STATE": 19,
    "HOST": 24,
    "HOST STATE": 24,
    "NOTE": 30,
    "IDLE": 28,
    "COST SO FAR": 29,
    "TYPE": 8,
    "LABELS": 16,
}

#: What a cell does without before it is cut: `permission`; `stopped 3m: idle`, `stopped 3m`; `stops in 13m`; `until 2026-12-29`.
LESS = {
    "STATE": (r"^waiting: ",),
    "HOST STATE": (r" ago\b", r":.*", r" [0-9].*"),
    "IDLE": (r" \(after .*\)$", r", idle for .*", r" \(max lifetime\)"),
    "COST SO FAR": (r", stops saved [0-9.]+", r"\bpaid ", r", (renews|ends)$"),
}


def title(name: str) -> str:
    """`host-state` → `HOST STATE`."""
    return name.strip().replace("-", " ").upper()


def idle(host: "HostView", now: float) -> str:
    seen = host.idle
    if seen is None:
        return ""
    parts = []  # what matters most comes first: the rest may be cut
    if host.state == "running" and seen.stops_at:
        why = f" ({CAUSES[seen.stop_cause]})" if seen.stop_cause == "lifetime" else ""
        parts.append(f"stops in {span(seen.stops_at - now)}{why}")
    if host.state == "running" and seen.idle_since:
        after = f" (after {seen.last_seen})" if seen.last_seen else ""
        parts.append(f"idle for {span(now - seen.idle_since)}{after}")
    return ", ".join(parts)


#: Why a host stops.
CAUSES = {"": "", "idle": "idle", "lifetime": "max lifetime", "evicted": "evicted"}


def host_state(host: "HostView", now: float) -> str:
    """`running`, `stopping: idle`, `stopped 2m ago: idle`, `evicted 2m ago`."""
    text = word(host.state)
    if host.state in (*DOWN, "evicted") and host.stopped_at:
        text += f" {span(now - host.stopped_at)} ago"
    why = CAUSES[host.idle.stop_cause] if host.idle and host.state in (*DOWN, "stopping") else ""
    return f"{text}: {why}" if why else text


def price(host: "HostView") -> str:
    record = host.record
    if record.price_per_hour:
        return f"{record.price_per_hour:.4g} {record.currency}/h"
    return f"{host.price_per_month:.4g} {record.currency}/month" if host.price_per_month else ""


def so_far(host: "HostView") -> str:
    parts = []
    if host.cost_so_far is not None and host.record.price_per_hour:
        parts.append(f"{host.cost_so_far:.2f} {host.record.currency}")
    if host.saved:
        parts.append(f"stops saved {host.saved:.2f}")
    if host.paid_until:
        parts.append(
            f"paid until {host.paid_until}"
            + ("" if host.renews is None else ", renews" if host.renews else ", ends")
        )
    return ", ".join(parts)


def saves(host: "HostView") -> str:
    """What a stop saves: `all but its disk (0.05 of 0.06 USD/h)`."""
    record = host.record
    return saved(host.stop_saves) + saved_of(
        record.price_per_hour, record.price_stopped_per_hour, record.currency
    )


def saved(by: "StopSaves | None") -> str:
    """What a stop saves, as a phrase: `all but its disk and its address`; "" where nothing is paid."""
    if by is None:
        return ""
    if "machine" in by.paid_on:
        return f"nothing on {by.cloud}: `mngr destroy` ends the {'renewal' if by.renews else 'bill'}"
    return "all but its " + " and its ".join(by.paid_on) if by.paid_on else "all"


def saved_of(per_hour: float | None, stopped: float | None, currency: str) -> str:
    """` (0.05 of 0.06 USD/h)`; "" where that isn't known."""
    if per_hour is None or stopped is None:
        return ""
    return f" ({per_hour - stopped:.4g} of {per_hour:.4g} {currency}/h)"


def note(host: "HostView") -> str:
    down = host.state in (*DOWN, "crashed") and host.record.price_per_hour
    parts = [f"a stop saves {saves(host)}" if down and host.stop_saves else ""]
    parts += [host.problem, host.untold]
    if host.record.ssh_trust != "pinned":
        parts.append(f"ssh_trust: {host.record.ssh_trust}")
    return "; ".join(part for part in parts if part)


def pairs(labels: dict[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in labels.items())


def span(seconds: float) -> str:
    """`42s`, `7m`, `3h`, `2d`."""
    seconds = max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
