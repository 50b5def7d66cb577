"""When a host counts as idle: the modes, and the signals that each of them listens to."""

from mngr.model.errors import InvalidInput

#: What each idle mode takes for activity. The names are those of the files in `<host dir>/activity/`.
#: `user`: input in a terminal; `agent`: output or CPU time of an agent; `ssh`: an open SSH session;
#: `create`, `start`, `boot`: these events; `process`: an agent's process being alive.
MODES: dict[str, tuple[str, ...]] = {
    "io": ("user", "agent", "ssh", "create", "start", "boot"),
    "user": ("user", "ssh", "create", "start", "boot"),
    "agent": ("agent", "ssh", "create", "start", "boot"),
    "ssh": ("ssh", "create", "start", "boot"),
    "create": ("create",),
    "start": ("start", "boot"),
    "boot": ("boot",),
    "run": ("process", "create", "start", "boot"),
    "disabled": (),
}


def parse_mode(text: str) -> str:
    """The mode's name in lower case; any case is taken. Raises InvalidInput listing the modes."""
    mode = text.lower()
    if mode not in MODES:
        raise InvalidInput(f"unknown idle mode {text!r}", hint="one of: " + ", ".join(MODES))
    return mode


def parse_duration(text: str, *, zero: bool = False) -> float:
    """Seconds from `90`, `90s`, `15m`, `2h`, `7d`; at least one; with `zero` also 0, for never. Raises InvalidInput on the rest."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = -1.0
    if not (1 <= seconds < 1e9 or (seconds == 0 and zero)):
        raise InvalidInput(f"{text!r} is not a duration", hint="write seconds, or 90s, 15m, 2h, 7d")
    return seconds
