"""Agent types, and the script that a type and words make."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mngr.agents.types import BUILT_IN, AgentType, command_script, find_type
from mngr.config.schema import convert
from mngr.model.errors import InvalidInput

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
COMMAND = BUILT_IN["command"]


def ran(script: str, **env: str) -> str:
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, timeout=20,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **env},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def test_what_is_missing_is_installed_first(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    install = f"echo installing; printf '#!/bin/sh\\necho tool \"$@\"\\n' > {tool}; chmod +x {tool}"
    kind = AgentType(command=["tool"], install=install)
    path = f"{tmp_path}:/usr/bin:/bin"
    assert ran(command_script(kind, ["a b"]), PATH=path) == "installing\ntool a b\n"
    assert ran(command_script(kind, ["a b"]), PATH=path) == "tool a b\n"


def test_check_decides_whether_something_is_installed(tmp_path: Path) -> None:
    kind = AgentType(command="echo go", install="echo installing", check=f"test -e {tmp_path}/there")
    assert ran(command_script(kind, [])) == "installing\ngo\n"
    (tmp_path / "there").touch()
    assert ran(command_script(kind, [])) == "go\n"


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as raised:
        find_type("claud", {"claude": AgentType(command="claude")})
    assert str(raised.value) == "unknown agent type 'claud'"
    assert raised.value.hint.startswith("did you mean claude? known: claude, command, shell; ")


def test_a_configured_type_replaces_a_built_in_one() -> None:
    mine = AgentType(command="zsh")
    assert find_type("shell", {"shell": mine}) is mine


def test_a_type_s_variables_need_names_that_a_shell_takes() -> None:
    with pytest.raises(InvalidInput, match="'A-B'"):
        find_type("t", {"t": AgentType(command="x", env={"A-B": "1"})})


def test_a_mistyped_setting_of_a_type_names_the_nearest() -> None:
    with pytest.raises(InvalidInput) as raised:
        convert({"comand": "x"}, AgentType, "[agent_types.t]")
    assert str(raised.value) == "[agent_types.t]: unknown key 'comand'"
    assert raised.value.hint == "did you mean command?"
