"""What a host is given of an agent's type: its command lines, what is done before and after them, and the rules by which the
watcher sees its states."""

from collections.abc import Sequence

from mngr.agents.types import AgentType
from mngr.model.errors import InvalidInput


def type_files(name: str, kind: AgentType, words: Sequence[str]) -> dict[str, str]:
    """The files of an agent that are made of its type, by name: `command.sh` and `rules`, and where they have a meaning
    `ready.sh`, `continue.sh`, `ends.sh`. `words`: those that come after the command.

    Words pass through the quoting helper, so quotes, newlines and Unicode arrive unchanged. Raises
    InvalidInput if there is nothing to run or a word holds a NUL.
    """
    files = {"command.sh": command_script(kind, words), "rules": rules(kind)}
    if kind.install or kind.prepare:
        files["ready.sh"] = _ready_script(name, kind)
    again = continued(kind, words)
    if kind.continues and again is not None:
        there = f"if ( {kind.continues_if}\n) >/dev/null 2>&1; then\n" if kind.continues_if else ""
        files["continue.sh"] = _paths(kind) + there + _line(kind.continues, again) + "\n"
        if there:
            files["continue.sh"] += f"else\n{_line(kind.command, words)}\nfi\n"
    if kind.ends:
        files["ends.sh"] = kind.ends + "\n"
    return files


def rules(kind: AgentType) -> str:
    """`agents/<id>/rules`: a line a rule, in order: `STATE<TAB>SOURCE<TAB>ERE`, SOURCE title, told or screen; and
    `-<TAB>process<TAB>ERE`."""
    helpers = f"-\tprocess\t{kind.helpers}\n" if kind.helpers else ""
    return helpers + "".join(
        f"{rule.state}\t{source}\t{getattr(rule, source)}\n"
        for rule in kind.states
        for source in ("title", "told", "screen")
        if getattr(rule, source)
    )


def continued(kind: AgentType, words: Sequence[str]) -> Sequence[str] | None:
    """Of the words after a command those that it gets again when it goes on: its options, but not the task at their end, which
    it was given. None where the first is another command's name (`codex exec …`), which is run anew instead."""
    if len(words) > 1 and not words[0].startswith("-"):
        return None
    before = words[-2] if len(words) > 1 else ""
    if before == "--" or before in kind.tasks:
        return words[:-2]
    alone = not before.startswith("-") or before in kind.switches or "=" in before
    return words[:-1] if words and alone and not words[-1].startswith("-") else words


def command_script(kind: AgentType, words: Sequence[str]) -> str:
    """The text of an agent's `command.sh`. Raises as `type_files`."""
    if not kind.command and words and not words[0]:
        raise InvalidInput("the agent's command is empty", hint="write it after --")
    command = _line(kind.command, words)
    if not command:
        raise InvalidInput(
            "no command given", hint="write it after --: mngr create my-agent -- python3 -m http.server"
        )
    return _paths(kind) + command + "\n"


def _line(command: str | list[str], words: Sequence[str]) -> str:
    """A command with words after it, as a shell line."""
    from mngr.transport import quote

    try:
        if isinstance(command, str):
            return f"{command} {quote.line(words)}".strip()
        return quote.line([*command, *words])
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def _paths(kind: AgentType) -> str:
    """Whoever isn't root has programs installed in the home folder."""
    return "PATH=$PATH:$HOME/.local/bin\n" if kind.install else ""


def _ready_script(name: str, kind: AgentType) -> str:
    """What is done before the command: values, and a script of the package that works on them."""
    from mngr.hosts import scripts
    from mngr.transport import quote

    values = {
        "name": name, "version": kind.version, "install": kind.install, "prepare": kind.prepare,
        "needs": "\n".join(kind.needs), "check": kind.check or f"command -v {quote.line([kind.first])}",
        "shows": kind.shows_version or f"{quote.line([kind.first])} --version",
    }  # fmt: skip
    return "".join(f"mngr_{key}={quote.word(value)}\n" for key, value in values.items()) + scripts.text(
        "type-ready"
    )
