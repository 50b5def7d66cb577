"""The rules of the types that ship, on screens that were taken from the real programs (tests/programs sees them live).

`screens/NAME.txt`: "== EXPECTED | SIZE | WHAT IT DOES | TITLE | WHAT IT TOLD", then the last lines of its pane, each behind a bar;
long runs of blanks and rules are cut. "hostile": it has finished, and its answer is full of the programs' own words.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mngr.agents.types import find_type

FOLDER = Path(__file__).with_name("screens")
#: A rule looks at that many of the last lines that are not blank.
LINES = 15


@dataclass
class Screen:
    expected: str
    size: str
    doing: str
    title: str
    told: str
    lines: list[str] = field(default_factory=list[str])


def screens(name: str) -> Iterator[Screen]:
    one: Screen | None = None
    for line in (FOLDER / f"{name}.txt").read_text().splitlines():
        if line.startswith("== "):
            if one:
                yield one
            expected, size, doing, *titles, told = (part.strip(" ") for part in line[3:].split(" | "))
            one = Screen(expected, size, doing, " | ".join(titles), told)
        elif one:
            one.lines.append(line[1:])
    if one:
        yield one


def matches(pattern: str, lines: list[str]) -> bool:
    """As on a host: byte by byte, in the C locale."""
    env = {**os.environ, "LC_ALL": "C"}
    text = "".join(f"{line}\n" for line in lines)
    return not subprocess.run(
        ["grep", "-qE", "-e", pattern], input=text.encode(), env=env, check=False
    ).returncode


def seen(name: str, screen: Screen) -> str:
    for rule in find_type(name, {}).states:
        for pattern, where in (
            (rule.title, [screen.title]),
            (rule.told, [screen.told] if screen.told else []),
            (rule.screen, screen.lines[-LINES:]),
        ):
            if pattern and where and matches(pattern, where):
                return rule.state
    return ""


ALL = [(path.stem, one) for path in sorted(FOLDER.glob("*.txt")) for one in screens(path.stem)]


@pytest.mark.parametrize(("name", "screen"), ALL, ids=[f"{name}-{one.size}-{one.doing}" for name, one in ALL])
def test_a_screen_is_seen_as_what_it_is(name: str, screen: Screen) -> None:
    assert seen(name, screen) == screen.expected


def test_each_program_was_seen_in_each_state() -> None:
    for name in ("claude", "codex", "gemini", "opencode"):
        there = {(one.expected, one.size) for of, one in ALL if of == name}
        for size in ("200x50", "80x24"):
            assert {(state, size) for state in ("running", "finished", "permission")} <= there, name


def test_without_a_title_that_says_it_the_screen_does() -> None:
    """Settings, terminals and other versions may leave titles and OSC 7501 out."""
    for name, screen in ALL:
        if screen.expected in ("running", "permission") and "loop" not in " ".join(screen.lines):
            bare = Screen(screen.expected, screen.size, screen.doing, "", "", screen.lines)
            # Codex shows no sign of work on its screen while its answer streams.
            if (name, screen.doing) != ("codex", "stream"):
                assert seen(name, bare) == screen.expected, (name, screen.size, screen.doing)


def test_without_osc_7501_the_rest_says_it() -> None:
    """Codex tells it from some version on."""
    for name, screen in ALL:
        if screen.told:
            silent = Screen(screen.expected, screen.size, screen.doing, screen.title, "", screen.lines)
            assert seen(name, silent) == screen.expected, (name, screen.size, screen.doing)
