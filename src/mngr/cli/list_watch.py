"""`mngr list --watch`: the table drawn anew when something changes, or (for programs) the rows that changed."""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from mngr.cli.output import write_rows
from mngr.model.clock import within
from mngr.model.errors import MngrError, NotFound
from mngr.model.events import REMOVED, RENAMED, Event
from mngr.model.views import Listing
from mngr.ops import events
from mngr.ops.context import Mngr
from mngr.ops.on_change import OnChange

if TYPE_CHECKING:
    from mngr.cli.rows import Row
    from mngr.model.views import HostView

#: A host of which something unknown was told is looked at for so long, in seconds.
LOOK_S = 8.0

Picked = Callable[[Listing], Sequence["Row"]]


def watch(
    mngr: Mngr, whole: Listing, providers: Sequence[str], picked: Picked, draw: Callable[[Sequence["Row"]], object], form: str,
    fields: Callable[["Row"], dict[str, Any]], shape: dict[str, Any],
) -> int:  # fmt: skip
    """Follows what was listed, until Ctrl-C. `picked`: the rows that were asked for. `draw`: prints the table of some. In another
    `form` than `human` the rows that changed are printed, as `fields` has them."""
    screen = _Drawn(draw) if form == "human" else None
    rows = _Printed(form, fields, shape)
    notes: list[str] = []
    with (
        screen.full() if screen else suppress(KeyboardInterrupt),
        OnChange(mngr, lambda e: notes.append(str(e))) as on_change,
    ):
        (screen.show if screen else rows.show)(picked(whole), notes)
        chosen = events.Chosen(whole.hosts, {}, whole.errors)
        for told in events.follow(mngr, chosen, providers=providers, changes=on_change):
            if isinstance(told, Listing):
                whole = told
            elif isinstance(told, Event):
                _apply(mngr, whole, told)
            if screen or told is not None:
                (screen.show if screen else rows.show)(picked(whole), notes)
    return 130


def _apply(mngr: Mngr, whole: Listing, event: Event) -> None:
    """What an event says, into the listing; what it doesn't say is looked up."""
    host = next((one for one in whole.hosts if one.record.id == event.host_id), None)
    if host is None:
        return
    agent = next((one for one in host.agents if one.record.id == event.agent_id), None)
    if not event.agent_id or agent is None:
        if event.state != REMOVED:
            _look(mngr, whole, host)
    elif event.state == REMOVED:
        host.agents.remove(agent)
    elif event.state == RENAMED:
        agent.record = msgspec.structs.replace(agent.record, name=event.name)
    else:
        known: Any = event
        agent.state, agent.reason, agent.exit_code = known.state, known.reason, event.exit_code
        agent.since, agent.signal = event.at, ""


def _look(mngr: Mngr, whole: Listing, host: "HostView") -> None:
    place = whole.hosts.index(host)
    with suppress(MngrError), within(LOOK_S):
        try:
            whole.hosts[place] = mngr.provider(host.record.provider).view(host.record.id)
        except NotFound:
            del whole.hosts[place]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Drawn:
    """The whole screen: what differs is written over what was there, in one go."""

    def __init__(self, draw: Callable[[Sequence["Row"]], object]) -> None:
        self._draw = draw
        self._last: tuple[str, tuple[int, int]] = ("", (0, 0))

    @contextmanager
    def full(self) -> Iterator[None]:
        """The terminal's other screen, without a cursor; afterwards it is as it was, with the last table below."""
        out = sys.stdout
        out.write("\033[?1049h\033[?25l\033[H\033[2J")
        try:
            with suppress(KeyboardInterrupt):
                yield
        finally:
            out.write("\033[?25h\033[?1049l" + self._last[0])
            out.flush()

    def show(self, found: Sequence["Row"], notes: Sequence[str] = ()) -> None:
        import shutil

        size = shutil.get_terminal_size()
        text = _Terminal()
        with redirect_stdout(text):
            if found:
                self._draw(found)
            else:
                print("no agents")
        lines = text.getvalue().splitlines() + [note[: size.columns] for note in notes[-3:]]
        if len(lines) > size.lines - 1:
            lines = [
                *lines[: max(1, size.lines - 2)],
                f"… and {len(lines) - size.lines + 2} more"[: size.columns],
            ]
        frame = "".join(f"{line}\n" for line in lines)
        if (frame, size) != self._last:
            self._last = (frame, size)
            sys.stdout.write("\033[H" + "".join(f"{line}\033[K\r\n" for line in lines) + "\033[J")
            sys.stdout.flush()


class _Printed:
    """Rows for programs: all at first, then those that changed; one that is gone has the state `removed`."""

    def __init__(self, form: str, fields: Callable[["Row"], dict[str, Any]], shape: dict[str, Any]) -> None:
        self._form, self._fields, self._shape = form, fields, shape
        self._last: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}

    def show(self, found: Sequence["Row"], notes: Sequence[str] = ()) -> None:
        import json

        now: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
        for row in found:
            if row.agent:
                fields = self._fields(row)
                # What differs at each look isn't news.
                still = {
                    key: value
                    for key, value in fields.items()
                    if key not in ("active_at", "signal", "since", "host")
                }
                key = (row.host.record.id, row.agent.record.id)
                now[key] = (json.dumps([still, row.host.state]), fields)
        gone = [{**fields, "state": REMOVED} for key, (_, fields) in self._last.items() if key not in now]
        changed = [one for key, (text, one) in now.items() if self._last.get(key, ("",))[0] != text]
        write_rows(self._form, [*changed, *gone], self._shape)
        sys.stdout.flush()
        self._last = now
