"""Why a message isn't in an agent's hands, as errors."""

from __future__ import annotations

from mngr.agents.talk import Outcome
from mngr.model.errors import Conflict, MngrError

#: So much of a screen is quoted: lines, and columns.
LINES, COLUMNS = 8, 100


def brief(screen: str) -> str:
    """The last lines of a screen that aren't blank, cut."""
    lines = [line for line in screen.split("\n") if line.strip()][-LINES:]
    return "\n".join(line if len(line) <= COLUMNS else line[:COLUMNS] + "…" for line in lines)


class NotSent(Conflict):
    """An agent that can't be talked to just now; nothing was typed. `why`: `permission`, `question`, `login`, `prompt`,
    `done`, `stopped` or `locked`. `screen`: what its terminal shows."""

    def __init__(self, message: str, why: str, screen: str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint, details=brief(screen))
        self.why, self.screen = why, screen


class NotTaken(MngrError):
    """A message was typed, and that the agent took it can't be seen. `screen`: what its terminal shows."""

    def __init__(self, message: str, screen: str = "", *, hint: str = "") -> None:
        super().__init__(message, hint=hint, details=brief(screen))
        self.screen = screen


#: What an agent asks for that can't be talked to, by the word for it.
ASKS = {
    "permission": "asks for permission",
    "question": "asks a question",
    "login": "wants somebody to log in",
}


def failure(name: str, outcome: Outcome, wait_s: float | None) -> MngrError:
    """What to raise for a message that isn't in the agent's hands."""
    screen, start = outcome.screen, f"`mngr send --start {name} …` starts it first"
    match outcome.ending:
        case "unasked":
            doing = f" ({outcome.detail})" if outcome.detail else ""
            return NotSent(
                f"{name} asks nothing just now{doing}; nothing was typed", "unasked", screen,
                hint=f"`mngr send {name} …` is for a message",
            )  # fmt: skip
        case "norules" if outcome.detail == "older":
            return NotSent(
                f"whether {name} asks something can't be seen: an older mngr started it, without the rules of its type; nothing was typed",
                "norules", screen, hint=f"`mngr start {name}` gives it its rules",
            )  # fmt: skip
        case "norules":
            return NotSent(
                f"whether {name} asks something can't be seen: its type has no rules for that; nothing was typed", "norules",
                screen, hint=f"`mngr connect {name}`; docs/agents.md says how a type gets `states`",
            )  # fmt: skip
        case "blocked":
            answers = outcome.detail != "login"
            hint = (
                f"`mngr answer {name} yes|no|N|TEXT` answers it"
                if answers
                else f"`mngr connect {name}` and log in"
            )
            return NotSent(
                f"nothing was sent to {name}: it {ASKS.get(outcome.detail, 'waits')}",
                outcome.detail,
                screen,
                hint=hint,
            )
        case "noprompt":
            waited = f" within {wait_s:g} s" if wait_s is not None else ""
            return NotSent(
                f"nothing was sent to {name}: its prompt didn't show empty{waited}", "prompt", screen,
                hint=f"what is typed there would be sent along: `mngr connect {name}` to see to it; --force types all the same",
            )  # fmt: skip
        case "ended":
            return NotSent(
                f"nothing was sent to {name}: its command has ended (exit code {outcome.detail})",
                "done",
                screen,
                hint=start,
            )
        case "stopped":
            return NotSent(f"nothing was sent to {name}: it is stopped", "stopped", hint=start)
        case "locked":
            return NotSent(
                f"nothing was sent to {name}: others are talking to it", "locked", hint="try again"
            )
        case "unknown":
            return NotTaken(
                f"whether {name} got the message isn't known: what typed it there was killed", screen,
                hint=f"`mngr screen {name}` shows its terminal",
            )  # fmt: skip
        case "untaken":
            return NotTaken(
                f"{name} doesn't show what was typed: it doesn't read its terminal just now", screen,
                hint=f"the text may be read later; `mngr screen {name}` shows its terminal",
            )  # fmt: skip
        case _:
            return NotTaken(
                f"{name} didn't take the message: it doesn't leave its prompt, after several Enters", screen,
                hint=f"the text may still stand there, and would be sent along with the next one: `mngr connect {name}`",
            )  # fmt: skip
