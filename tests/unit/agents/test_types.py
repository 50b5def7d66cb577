"""Agent types, and the script that a type and words make."""

import re
import subprocess
import tomllib
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mngr.agents.type_files import command_script, continued, rules, type_files
from mngr.agents.types import AgentType, find_type, shipped
from mngr.model.errors import InvalidInput

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
COMMAND = find_type("command", {})


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=4))
def test_words_after_the_dashes_arrive_unchanged(argv: list[str]) -> None:
    script = command_script(COMMAND, ["printf", r"%s\0", *argv])
    out = subprocess.run(["sh", "-c", script], capture_output=True, timeout=20, check=True).stdout
    assert out == b"".join(word.encode() + b"\0" for word in argv)


@settings(max_examples=20, deadline=None)
@given(st.lists(words, min_size=1, max_size=3))
def test_words_come_after_the_type_s_own_command(argv: list[str]) -> None:
    for kind in (AgentType(command=["printf", r"%s\0"]), AgentType(command=r"printf '%s\0'")):
        out = subprocess.run(
            ["sh", "-c", command_script(kind, argv)], capture_output=True, timeout=20, check=True
        ).stdout
        assert out == b"".join(word.encode() + b"\0" for word in argv)


def test_a_nul_in_a_word_is_refused() -> None:
    with pytest.raises(InvalidInput, match="NUL"):
        command_script(COMMAND, ["echo", "a\0b"])


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        command_script(COMMAND, [])
    assert str(raised.value) == "no command given"


@pytest.mark.parametrize(
    ("words", "again"),
    [
        ([], []),
        (["do it"], []),
        (["--model", "big"], ["--model", "big"]),
        (["--model", "big", "do it"], ["--model", "big"]),
        (["--loud", "-v"], ["--loud", "-v"]),
        (["--quick", "do it"], ["--quick"]),
        (["--quick", "doit"], ["--quick"]),
        (["--model=big", "do it"], ["--model=big"]),
        (["--role", "be kind to all"], ["--role", "be kind to all"]),
        (["--quick", "-i", "do it"], ["--quick"]),
        (["--quick", "--", "-it"], ["--quick"]),
        (["exec", "do it"], None),
    ],
)
def test_a_task_is_not_given_twice(words: list[str], again: list[str] | None) -> None:
    kind = AgentType(command="x", switches=["--quick"], tasks=["-i"])
    assert continued(kind, words) == again


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as raised:
        find_type("claud", {"mine": {"command": "x"}})
    assert str(raised.value) == "unknown agent type 'claud'"
    assert raised.value.hint.startswith("did you mean claude? known: claude, codex, command, ")
    assert ", mine, " in raised.value.hint


@pytest.mark.parametrize("name", shipped())
def test_what_ships_is_as_it_should_be(name: str) -> None:
    """Given as one's own, each key is checked as one's own is."""
    ships = find_type(name, {})
    assert ships.about
    assert find_type("mine", {"mine": msgspec.to_builtins(ships)}) == ships


def test_a_key_of_one_s_own_wins_and_the_rest_stays() -> None:
    ships = find_type("claude", {})
    mine = find_type("claude", {"claude": {"version": "2.0.1", "env": {"MINE": "1"}}})
    assert mine == msgspec.structs.replace(ships, version="2.0.1", env={**ships.env, "MINE": "1"})
    assert ships.env, ships.version


def test_dangerous_or_not_claude_gets_its_task_once() -> None:
    words = ["--dangerously-skip-permissions", "fix the tests"]
    again = type_files("claude", find_type("claude", {}), words)["continue.sh"]
    assert "\nclaude --continue --dangerously-skip-permissions\n" in again


def test_what_belongs_to_a_key_goes_with_it() -> None:
    """Else a restart would run what ships instead of one's own command, and one's own install would have to bring their version."""
    ships = find_type("claude", {})
    command = ["claude", "--model", "opus"]
    mine = find_type("claude", {"claude": {"command": command}})
    assert mine == msgspec.structs.replace(ships, command=command, continues="", continues_if="")
    assert "continue.sh" not in type_files("claude", mine, [])
    again = {"command": command, "continues": [*command, "--continue"], "continues_if": "true"}
    kept = find_type("claude", {"claude": again})
    assert (kept.continues, kept.continues_if) == (again["continues"], "true")
    mine = find_type("claude", {"claude": {"install": "curl x | sh"}})
    assert mine == msgspec.structs.replace(ships, install="curl x | sh", version="", needs=[])
    mine = find_type("claude", {"claude": {"install": "curl x | sh", "version": "9", "needs": ["node"]}})
    assert (mine.version, mine.needs) == ("9", ["node"])


def test_rules_are_a_line_each_in_their_order() -> None:
    kind = find_type(
        "t",
        {
            "t": {
                "command": "x",
                "helpers": "^x-",
                "states": [
                    {"state": "permission", "title": "^! ", "screen": r"Allow \(y\)"},
                    {"state": "running", "told": "state=working"},
                ],
            }
        },
    )
    assert rules(kind) == (
        "-\tprocess\t^x-\npermission\ttitle\t^! \npermission\tscreen\tAllow \\(y\\)\nrunning\ttold\tstate=working\n"
    )


@pytest.mark.parametrize(
    ("own", "said", "hint"),
    [
        ({"comand": "x"}, "[agent_types.t]: unknown key 'comand'", "did you mean command?"),
        ({"command": 3}, "[agent_types.t]: command: must be text or a list, not a number", ""),
        ({"env": {"A-B": "1"}}, "[agent_types.t]: env: 'A-B' can't be a variable's name", ""),
        ({"pass_env": ["A=b"]}, "[agent_types.t]: pass_env: 'A=b' can't be a variable's name", ""),
        ({"needs": ["nodejs"]}, "[agent_types.t]: needs: 'nodejs' is none of npm, node, `node 20` (at least 20)", ""),
        ({"version": "1 2"}, "[agent_types.t]: version: '1 2' isn't one word", ""),
        ({"answers": {"yess": ["y"]}}, "[agent_types.t]: answers: unknown key 'yess'", "did you mean yes?"),
        ({"answers": {"yes": ["Entr"]}}, "[agent_types.t]: answers.yes: 'Entr' is no key's name", "did you mean Enter?"),
        ({"prompt": "("}, "[agent_types.t]: prompt: `grep -E` takes '(' for no extended regular expression: Unmatched ( or \\(", ""),
        ({"prompt": "a\tb"}, "[agent_types.t]: prompt: a regular expression holds no tab and no line end", ""),
        ({"prompt": "^> $"}, "[agent_types.t]: prompt: '^> $' never matches: a line has no blanks at its end", ""),
        ({"states": [{"state": "finished", "screen": "^[>] $"}]},
         "[agent_types.t]: states[0].screen: '^[>] $' never matches: a line has no blanks at its end", ""),
        ({"states": [{"state": "running"}]}, "[agent_types.t]: states[0]: has none of title, told, screen, so it never holds", ""),
        ({"states": [{"state": "running", "titel": "x"}]}, "[agent_types.t]: states[0]: unknown key 'titel'", "did you mean title?"),
        ({"states": [{"state": "runs", "title": "x"}]},
         "[agent_types.t]: states[0].state: must be one of running, finished, permission, question, login", ""),
        ({"answers": {"yes": ["y"], "no": [3]}}, "[agent_types.t]: answers.no[0]: must be text, not a number", ""),
        ({"env": {"A": "x", "B": 3}}, "[agent_types.t]: env.B: must be text, not a number", ""),
        ({"states": [{"state": "running", "title": "[a"}]}, "[agent_types.t]: states[0].title: `grep -E` takes", ""),
        ({"transcript": {"reed": "x"}}, "[agent_types.t]: transcript: unknown key 'reed'", "did you mean read?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_type_is_said_with_its_key(own: dict[str, object], said: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        find_type("t", {"t": {"command": "x", **own}})
    assert str(raised.value).startswith(said), raised.value
    assert hint in raised.value.hint


def test_the_type_in_the_documentation_knows_its_program() -> None:
    """Aider 0.86.2, on docker."""
    text = (Path(__file__).parents[3] / "docs/agents.md").read_text()
    block = text[text.index("    [agent_types.aider]") :].split("\n\n", 1)[0]
    kind = find_type("aider", tomllib.loads(dedent(block))["agent_types"])
    for line, state in {
        ">": "finished",
        "Would you like to see what's new in this version? (Y)es/(N)o [Yes]:": "permission",
        "Open documentation url for more info? (Y)es/(N)o/(D)on't ask again [Yes]:": "permission",
        "Would you like to see what's new in this version? (Y)es/(N)o [Yes]: n": "",
        "> hello aider": "",
    }.items():
        assert next((one.state for one in kind.states if re.search(one.screen, line)), "") == state, line
        assert bool(re.search(kind.prompt, line)) == (state == "finished")


@pytest.mark.parametrize(
    ("name", "session", "text"),
    [
        ("claude", ".claude/projects/{dashes}/0-1.jsonl", ""),
        ("codex", ".codex/sessions/2026/11/30/rollout-1.jsonl", '{{"payload":{{"cwd":"{work}"}}}}'),
        ("gemini", ".gemini/tmp/work/chats/session-1.jsonl", ""),
    ],
)
def test_a_conversation_is_the_folder_s_own(tmp_path: Path, name: str, session: str, text: str) -> None:
    """Another folder's isn't gone on with, nor one that was begun and has nothing in it."""
    ships = find_type(name, {})

    def there(work: Path) -> bool:
        done = subprocess.run(
            ["sh", "-c", ships.continues_if], cwd=work, capture_output=True, timeout=20, check=False,
            env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        return done.returncode == 0

    mine, other = tmp_path / "my work.1", tmp_path / "another"
    for work in (mine, other):
        work.mkdir()
    for project, work in ("a", other), ("work", mine):
        (tmp_path / ".gemini/tmp" / project / "chats").mkdir(parents=True)
        (tmp_path / ".gemini/tmp" / project / ".project_root").write_text(str(work))
    assert not there(mine)
    dashes = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in str(mine))
    file = tmp_path / session.format(dashes=dashes)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.format(work=mine))
    assert there(mine)
    assert not there(other)
