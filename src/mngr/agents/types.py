"""Agent types: what a type runs, and how it gets onto a host that lacks it."""

from collections.abc import Sequence

import msgspec

from mngr.model.environment import check_key
from mngr.model.errors import InvalidInput
from mngr.model.guess import did_you_mean
from mngr.model.names import check_name


class AgentType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[agent_types.NAME]` in the config.

    `command`: argv, or one shell line as a string. `args`: added after the command. `env`: added to the
    agent's environment. `install`: a shell line that runs on the host when `check` (a shell line; by default
    `command -v` of the first word) fails.
    """

    command: str | list[str] = ""
    env: dict[str, str] = {}
    install: str = ""
    check: str = ""


#: `shell` is the default; `command` is what `mngr create … -- CMD` makes.
BUILT_IN = {
    "shell": AgentType(command='exec "${SHELL:-$(command -v bash || command -v sh)}" -l'),
    "command": AgentType(),
}


def find_type(name: str, configured: dict[str, AgentType]) -> AgentType:
    """The type called `name`. Raises InvalidInput naming the known ones."""
    known = {**BUILT_IN, **configured}
    if name not in known:
        raise InvalidInput(
            f"unknown agent type {name!r}",
            hint=f"{did_you_mean(name, known)} known: {', '.join(sorted(known))}; define more as ".lstrip()
            + f"[agent_types.{check_name(name, 'agent type')}] in the config",
        )
    for key in known[name].env:
        check_key(key, f"[agent_types.{name}.env]")
    return known[name]


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
        first = kind.command.split()[0] if kind.command.split() else ""
    else:
        command = quote.line([*kind.command, *words])
        first = kind.command[0] if kind.command else ""
    if not first and not kind.command and words and not words[0]:
        raise InvalidInput("the agent's command is empty", hint="write it after --")
    if not command:
        raise InvalidInput(
            "no command given", hint="write it after --: mngr create my-agent -- python3 -m http.server"
        )
    install = ""
    if kind.install:
        check = kind.check or f"command -v {quote.line([first])} >/dev/null"
        install = f"if ! {{ {check}\n}}; then\n{kind.install}\nfi\n"
    return install + command + "\n"
