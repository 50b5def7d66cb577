"""`mngr type`."""

import tomllib

import pytest

from mngr.agents.types import shipped
from support.local import Local

OWN = """
[agent_types.mine]
command = ["tool", "--fast"]
about = 'says "hello"'
prepare = '''
one
two
'''
env = { TOKEN = "hunter2" }
answers = { yes = ["y", "Enter"] }
states = [{ state = "running", title = '^\\S "' }]

[agent_types.broken]
comand = "x"

[agent_types.claude]
version = "2.0.1"
env = { MORE = "hunter2" }
"""


@pytest.fixture
def own(mngr: Local) -> Local:
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text(OWN)
    return mngr


def test_all_types_are_listed_also_a_broken_one(own: Local) -> None:
    rows = {row["name"]: row for row in own.json("type", "list")["types"]}
    assert sorted(rows) == sorted([*shipped(), "mine", "broken"])
    assert (rows["mine"]["from"], rows["claude"]["from"], rows["shell"]["from"]) == (
        "config",
        "mngr, config",
        "mngr",
    )
    assert rows["claude"]["version"] == "2.0.1"
    assert rows["broken"]["problem"] == f"{own.home}/config.toml: [agent_types.broken]: unknown key 'comand'"
    assert [name for name, row in rows.items() if row["default"]] == ["shell"]
    shown = own.run("type", "list").stdout
    assert "unknown key 'comand'" in shown
    assert own.run("type", "list", "-q").stdout.split() == sorted(rows)
    assert "mine " in own.run("type", "list", "--format", "{name} {version}").stdout


@pytest.mark.parametrize("name", [*shipped(), "mine"])
def test_what_is_shown_may_stand_in_a_config(own: Local, name: str) -> None:
    """And says the same there."""
    shown = own.run("type", "show", name).stdout
    before = own.json("type", "show", name)
    assert "hunter2" not in shown
    tomllib.loads(shown)
    (own.home / "config.toml").write_text(shown)
    again = own.json("type", "show", name)
    assert {**before, "from": "", "env": ""} == {**again, "from": "", "env": ""}


def test_a_type_that_is_not_there_or_broken_is_said(own: Local) -> None:
    assert "did you mean mine?" in own.run("type", "show", "min", code=2).stderr
    assert "unknown key 'comand'" in own.run("type", "show", "broken", code=2).stderr


def test_values_that_may_be_secrets_are_shown_nowhere(own: Local) -> None:
    for args in (
        ("type", "show", "mine"),
        ("type", "show", "mine", "--format", "json"),
        ("type", "list", "--format", "json"),
    ):
        assert "hunter2" not in own.run(*args).stdout
    assert own.json("type", "show", "claude")["env"]["MORE"] == "********"
