"""Agent types: what a type runs, how it gets onto a host that lacks it, how its states are seen. Each that ships is a file
`shipped/NAME.toml`, found by being there and read when it is asked for."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

import msgspec

from mngr.model.errors import InvalidInput
from mngr.model.guess import did_you_mean
from mngr.model.names import check_name

_FOLDER = os.path.join(os.path.dirname(__file__), "shipped")


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
    line; MNGR_SINCE is an empty file as old as the agent. `role`, `text`, `at`, `id`: where in a message these are, as paths
    (`message.content[].text`; with `|` between them the first that leads to something). A message whose `id` comes again is the
    same one, as it is now."""

    read: str
    role: str = ""
    text: str = ""
    at: str = ""
    id: str = ""


class AgentType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[agent_types.NAME]` in the config over `shipped/NAME.toml` of this package.

    `about`: what it is, in a few words. `command`: argv, or one shell line as a string. `continues`: the same, which goes on
    with the last conversation; `continues_if`: a shell line that says whether there is one. `switches`: options that take no
    value, so that a word after one is a task; `tasks`: options whose value is a task. `env`: added to the agent's
    environment; `pass_env`: variables taken along where the caller has them.

    Shell lines that run on the host: `install`, when `check` (by default `command -v` of the first word) fails, with
    MNGR_VERSION set to `version`; `shows_version` (by default `FIRST --version`) prints the version that came;
    `prepare`, before each start; `ends`, when it is stopped, for what outlives its session.
    `needs`: what `install` wants to be there: `npm`, `node`, `node 20` (at least). `as_root`: words of a command that don't work as root, and why.

    `helpers`: the names (a regular expression) of processes that are the program's own, however late it starts them: no work
    that goes on in the background. `states`: how its states are seen, the first rule that matches. `prompt`: the line of its screen (a regular expression)
    that is its prompt while nothing is typed there; `prompt_at`: any line, or that in which the cursor stands. `answers`: the keys, by tmux's names, that answer `yes` and `no`.
    """

    about: str = ""
    command: str | list[str] = ""
    continues: str | list[str] = ""
    continues_if: str = ""
    switches: list[str] = []
    tasks: list[str] = []
    env: dict[str, str] = {}
    pass_env: list[str] = []
    needs: list[str] = []
    version: str = ""
    install: str = ""
    check: str = ""
    shows_version: str = ""
    prepare: str = ""
    ends: str = ""
    as_root: dict[str, str] = {}
    helpers: str = ""
    states: list[StateRule] = []
    prompt: str = ""
    prompt_at: Literal["screen", "cursor"] = "screen"
    answers: dict[str, list[str]] = {}
    transcript: Transcript | None = None

    @property
    def first(self) -> str:
        """The first word of `command`: the program, where it is one."""
        words = self.command.split() if isinstance(self.command, str) else self.command
        return words[0] if words else ""


#: Types as the config has them: name → key → value.
Configured = Mapping[str, Mapping[str, Any]]


def shipped() -> list[str]:
    """The names of the types that ship, sorted. Reads none of them."""
    return sorted(name.removesuffix(".toml") for name in os.listdir(_FOLDER) if name.endswith(".toml"))


def known(configured: Configured) -> list[str]:
    """The names of all types, sorted."""
    return sorted({*shipped(), *configured})


def find_type(
    name: str, configured: Configured, where: Callable[[str], str] | None = None, *, checked: bool = True
) -> AgentType:
    """The type called `name`: what ships under that name, and over it, key by key, what is configured. Raises InvalidInput
    naming the known ones; or the key and its file, which `where` knows of a configured one. `checked`: False where it was
    looked at before, and is only read."""
    if name not in known(configured):
        raise InvalidInput(
            f"unknown agent type {name!r}",
            hint=f"{did_you_mean(name, known(configured))} known: {', '.join(known(configured))}; define more as ".lstrip()
            + f"[agent_types.{check_name(name, 'agent type')}] in the config",
        )
    from mngr.agents import type_checks
    from mngr.config.schema import convert

    base, own = _shipped(name), configured.get(name, {})
    says = where or (lambda key: f"[agent_types.{name}]")

    def place(key: str) -> str:
        return says(key) if key in own or key not in base else os.path.join(_FOLDER, f"{name}.toml")

    type_checks.check_keys(own, says)
    kind = convert(_over(base, own), AgentType, place)
    if checked:
        type_checks.check(kind, place, own)
    return kind


def _shipped(name: str) -> dict[str, Any]:
    """What ships under that name; nothing, if nothing does."""
    import tomllib

    if name not in shipped():
        return {}
    with open(os.path.join(_FOLDER, f"{name}.toml"), "rb") as file:
        return tomllib.load(file)


#: What a key of a type that ships takes with it, where somebody has one of their own.
_BELONGS = {"command": ("continues", "continues_if"), "install": ("version", "shows_version", "needs")}


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """`own` over `base`; a table stays, but for the keys that it gets. What belongs to a key of `base` that `own` has is left
    out with it: another command isn't gone on with by the one that ships, another install has no say in its version."""
    gone = {one for key, those in _BELONGS.items() if key in own for one in those}
    merged = {key: value for key, value in base.items() if key not in gone}
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = {**cast(Mapping[str, Any], before), **cast(Mapping[str, Any], value)}
        merged[key] = value
    return merged
