"""Talking to an agent over its terminal: typing a message, and what it shows. Each is one round trip."""

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from mngr.agents.tmux import Place
from mngr.hosts import scripts
from mngr.hosts.scripts import script
from mngr.model.plain import plain
from mngr.transport.base import CommandFailed

#: How a message or an answer ended, as scripts/agent-send.sh and agent-answer.sh say it.
Ending = Literal[
    "proven", "likely", "failed", "untaken", "blocked", "noprompt", "unasked", "norules", "ended", "stopped", "locked", "cut",
    "unknown",
]  # fmt: skip


#: `first`: to an agent that was started a moment ago. `force`: whatever it shows.
How = Literal["", "first", "force"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended: a word, what belongs to it (of `blocked`: the state; of `ended`: the exit code), and the lines that the
    terminal shows."""

    ending: Ending
    detail: str = ""
    screen: str = ""


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent's terminal shows now. `alternate`: a program has taken the whole screen. `ended`: the command that it
    shows has ended; then the last line says so, right below what was there. `lines`: without the blanks at their ends, and
    without blank lines at the end."""

    columns: int
    rows: int
    cursor_x: int
    cursor_y: int
    cursor_shown: bool
    alternate: bool
    ended: bool
    title: str
    lines: list[str]


#: A host lets one message at a time through to an agent: so long is its turn waited for, and then the message itself.
TURN_S = 60.0


def send(
    place: Place,
    agent_id: str,
    token: str,
    text: bytes,
    *,
    prompt: str,
    prompt_at: str = "screen",
    wait_s: int,
    how: How = "",
) -> Outcome | None:
    """Types `text` at the agent's prompt, and sees to it that it was taken. `prompt`, `prompt_at`: as in AgentType. `wait_s`: so long is the
    prompt waited for. `token`: of this message; repeated with it, a message isn't sent twice. None: there is no such agent.

    Raises Unreachable, TimedOut, CommandFailed."""
    words = [place.host_dir, agent_id, place.label, token, str(len(text)), prompt, prompt_at, str(wait_s)]
    return _outcome(
        place, "agent-send", [*words, *([how] if how else [])], text, wait_s + TURN_S + len(text) / 20_000
    )


def answer(place: Place, agent_id: str, token: str, keys: Sequence[str], text: bytes) -> Outcome | None:
    """Answers what the agent asks, if it asks: with keys by tmux's names or, where there are none, with `text` and Enter. All
    else as `send`."""
    words = [place.host_dir, agent_id, place.label, token, str(len(text)), *keys]
    return _outcome(place, "agent-answer", words, text, TURN_S)


def _outcome(place: Place, name: str, words: list[str], text: bytes, limit_s: float) -> Outcome | None:
    try:
        done = script(place.transport, name, *words, input=text, timeout=limit_s)
    except CommandFailed as failed:
        if failed.completed.code == 3:
            return None
        raise
    line, _, screen = done.text.partition("\n")
    ending, _, detail = line.partition(" ")
    if ending not in get_args(Ending):
        raise CommandFailed(f"{name} on {place.transport.place} ended without a word", done)
    return Outcome(ending=ending, detail=detail, screen=plain(screen).rstrip())  # type: ignore[arg-type]


def screen(place: Place, agent_id: str) -> Screen | Literal["stopped"] | None:
    """What the agent's terminal shows now. None: there is no such agent; `stopped`: it has no terminal. Raises Unreachable,
    TimedOut, CommandFailed."""
    try:
        done = script(place.transport, "agent-screen", place.host_dir, agent_id, place.label)
    except CommandFailed as failed:
        if failed.completed.code not in (3, 4):
            raise
        return None if failed.completed.code == 3 else "stopped"
    head, _, text = done.text.partition("\n")
    words = head.split(" ", 8)
    if len(words) != 9 or not all(word.isascii() and word.isdigit() and len(word) < 7 for word in words[:4]):
        raise CommandFailed(f"agent-screen on {place.transport.place} told no size of the terminal", done)
    columns, rows, x, y, shown, alternate, dead, history, title = words
    lines = [plain(line).rstrip() for line in text.split("\n")]
    lines = _trimmed(lines)
    if dead == "1":
        # tmux says at the bottom that it has ended, and has scrolled a line off for that.
        lines = [*_trimmed(lines[:-1]), *lines[-1:]]
    elif history != "0":
        del lines[:1]
    return Screen(
        columns=int(columns), rows=int(rows), cursor_x=int(x), cursor_y=int(y), cursor_shown=shown == "1",
        alternate=alternate == "1", ended=dead == "1", title=plain(title).strip(), lines=lines,
    )  # fmt: skip


def _trimmed(lines: list[str]) -> list[str]:
    """Without the blank ones at the end."""
    end = len(lines)
    while end and not lines[end - 1]:
        end -= 1
    return lines[:end]


def follow_argv(place: Place, agent_id: str, at: str, lines: int, *, raw: bool = False) -> list[str]:
    """The argv that tells what comes on the agent's terminal, on its host (scripts/agent-follow.sh)."""
    words = [place.host_dir, agent_id, place.label, at, str(lines), *(["raw"] if raw else [])]
    return ["sh", "-c", scripts.text("agent-follow"), "agent-follow", *words]
