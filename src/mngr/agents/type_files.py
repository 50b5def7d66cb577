"""What a host is given of an agent's type: its command line, and the rules by which the watcher sees its states."""

from collections.abc import Sequence

from mngr.agents.types import AgentType
from mngr.model.errors import InvalidInput


def rules(kind: AgentType) -> str:
    """`agents/<id>/rules`: a line a rule, in order: `STATE<TAB>SOURCE<TAB>ERE`, SOURCE title, told or screen."""
    return "".join(
        f"{rule.state}\t{source}\t{getattr(rule, source)}\n"
        for rule in kind.states
        for source in ("title", "told", "screen")
        if getattr(rule, source)
    )


def command_script(kind: AgentType, words: Sequence[str]) -> str:
    """The text of an agent's `command.sh`: install if missing, then the command with `words` after it.

    Words pass through the quoting helper, so quotes, newlines and Unicode arrive unchanged. Raises
    InvalidInput if there is nothing to run or a word holds a NUL.
    """
    from mngr.transport import quote

    try:
        tail = quote.line(words)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    if isinstance(kind.command, str):
        command = f"{kind.command} {tail}".strip()
    else:
        command = quote.line([*kind.command, *words])
    if not kind.first and not kind.command and words and not words[0]:
        raise InvalidInput("the agent's command is empty", hint="write it after --")
    if not command:
        raise InvalidInput(
            "no command given", hint="write it after --: mngr create my-agent -- python3 -m http.server"
        )
    install = ""
    if kind.install:
        check = kind.check or f"command -v {quote.line([kind.first])} >/dev/null"
        install = f"if ! {{ {check}\n}}; then\nMNGR_VERSION={quote.word(kind.version)}\n{kind.install}\nfi\n"
    prepare = f"( {kind.prepare}\n)\n" if kind.prepare else ""
    return install + prepare + command + "\n"
