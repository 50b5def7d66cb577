"""What a type of somebody's own may say, checked before anything is made: each error names the key and its file."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mngr.agents.types import AgentType, StateRule, Transcript
from mngr.config.schema import unknown_key, wrong_type
from mngr.model.environment import check_key
from mngr.model.errors import InvalidInput
from mngr.model.guess import did_you_mean

_SOURCES = ("title", "told", "screen")
ANSWERS = ("yes", "no")

#: Keys by tmux's names, without C-, M- and S-; a single character is one, too.
_KEYS = (
    "Enter Escape Tab BTab Space BSpace Up Down Left Right Home End PageUp PPage PgUp PageDown NPage PgDn "
    "IC Insert DC Delete "
    + " ".join(f"F{n}" for n in range(1, 13))
).split()  # fmt: skip
_NEED = re.compile(r"(npm|node|node [1-9][0-9]*)\Z")


def check_keys(own: Mapping[str, Any], where: Callable[[str], str]) -> None:
    """Raises InvalidInput for a key that there isn't, also within a rule or a transcript, naming the nearest."""
    for key in own:
        _known(key, AgentType, where(key))
    rules = own.get("states", [])
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        for key in rule if isinstance(rule, Mapping) else ():
            _known(key, StateRule, f"{where('states')}: states[{number}]")
    transcript = own.get("transcript")
    for key in transcript if isinstance(transcript, Mapping) else ():
        _known(key, Transcript, f"{where('transcript')}: transcript")


def _known(key: str, kind: type[msgspec.Struct], where: str) -> None:
    fields = [field.name for field in msgspec.structs.fields(kind)]
    if key not in fields:
        raise unknown_key(key, fields, where)


def check(kind: AgentType, where: Callable[[str], str], own: Mapping[str, Any]) -> None:
    """Raises InvalidInput. `own`: the keys that don't ship, whose regular expressions `grep` is asked about."""
    for key in kind.env:
        check_key(key, f"{where('env')}: env")
    for key in kind.pass_env:
        check_key(key, f"{where('pass_env')}: pass_env")
    for need in kind.needs:
        if not _NEED.match(need):
            raise wrong_type(
                where("needs"), "needs", f"{need!r} is none of npm, node, `node 20` (at least 20)"
            )
    if kind.version.split() not in ([], [kind.version]):
        raise wrong_type(where("version"), "version", f"{kind.version!r} isn't one word")
    for key, words in kind.answers.items():
        if key not in ANSWERS:
            raise unknown_key(key, ANSWERS, f"{where('answers')}: answers")
        for word in words:
            _check_tmux_key(word, f"{where('answers')}", f"answers.{key}")
    _check_patterns(kind, where, own)


def _check_tmux_key(word: str, where: str, key: str) -> None:
    bare = re.sub(r"\A([CMS]-)+(?=.)", "", word)
    if (len(bare) == 1 and bare.isprintable()) or bare in _KEYS:
        return
    error = wrong_type(where, key, f"{word!r} is no key's name")
    near = did_you_mean(bare, _KEYS) or "as tmux calls them: one character, Enter, Escape, Down, C-c"
    raise InvalidInput(str(error), hint=near)


def _check_patterns(kind: AgentType, where: Callable[[str], str], own: Mapping[str, Any]) -> None:
    patterns = [
        (key, key, text) for key, text in (("prompt", kind.prompt), ("helpers", kind.helpers)) if text
    ]
    for number, rule in enumerate(kind.states):
        given = [(source, getattr(rule, source)) for source in _SOURCES if getattr(rule, source)]
        if not given:
            raise wrong_type(
                where("states"), f"states[{number}]", f"has none of {', '.join(_SOURCES)}, so it never holds"
            )
        patterns += [("states", f"states[{number}].{source}", text) for source, text in given]
    for key, at, text in patterns:
        if any(sign in text for sign in "\t\n\r\0"):
            raise wrong_type(where(key), at, "a regular expression holds no tab and no line end")
        if (key == "prompt" or at.endswith(".screen")) and text.endswith(" $") and "|" not in text:
            raise wrong_type(where(key), at, f"{text!r} never matches: a line has no blanks at its end")
        if key in own:
            _check_pattern(text, where(key), at)


def _check_pattern(text: str, where: str, at: str) -> None:
    """By grep itself: what it takes there, it takes on a host."""
    from mngr.transport.base import run_local

    done = run_local(
        ["grep", "-E", "-e", text], place="this computer", what="grep", input=b"", timeout=10, apart=True
    )
    if done.code > 1:
        said = done.error.strip().rpartition(": ")[2] or f"exit code {done.code}"
        raise wrong_type(where, at, f"`grep -E` takes {text!r} for no extended regular expression: {said}")
