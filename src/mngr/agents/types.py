"""Agent types: what a type runs, and how it gets onto a host that lacks it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from mngr.model.environment import check_key
from mngr.model.errors import InvalidInput
from mngr.model.guess import did_you_mean
from mngr.model.names import check_name


class StateRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to see how an agent is: `state` holds where `title` (of its pane), `told` (what it last said in OSC 7501) or
    a line of `screen` (the last lines of its pane) has a match. All three are POSIX extended regular expressions.

    `running`, or why it waits: `finished` (at its prompt), `permission`, `question`, `login`."""

    state: Literal["running", "finished", "permission", "question", "login"]
    title: str = ""
    told: str = ""
    screen: str = ""


class Transcript(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a program's own record of the conversation is. `read`: a shell line that prints it as JSON, one message a
    line; `role`, `text`, `at`: where in a message these are, as paths (`message.content[].text`)."""

    read: str
    role: str = ""
    text: str = ""
    at: str = ""


class AgentType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[agent_types.NAME]` in the config, or `types/NAME.toml` in this package.

    `command`: argv, or one shell line as a string. `continues`: the same, which goes on with the last conversation. `args`:
    added after the command. `env`: added to the agent's environment; `pass_env`: variables taken along where the caller
    has them.

    Shell lines that run on the host: `install`, when `check` (by default `command -v` of the first word) fails, with
    MNGR_VERSION set to `version`; `prepare`, before each start; `ends`, when it is stopped, for what outlives its session.
    `needs`: what `install` wants to be there (`node`). `as_root`: what doesn't work as root, in words.

    `states`: how its states are seen, the first rule that matches. `prompt`: the line of its screen (a regular expression)
    that is its prompt while nothing is typed there. `answers`: the keys, by tmux's names, that answer `yes` and `no`.
    """

    command: str | list[str] = ""
    continues: str | list[str] = ""
    env: dict[str, str] = {}
    pass_env: list[str] = []
    needs: list[str] = []
    version: str = ""
    install: str = ""
    check: str = ""
    prepare: str = ""
    ends: str = ""
    as_root: str = ""
    states: list[StateRule] = []
    prompt: str = ""
    answers: dict[str, list[str]] = {}
    transcript: Transcript | None = None


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
