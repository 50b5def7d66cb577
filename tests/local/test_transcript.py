"""`mngr transcript`, of a type of the user's own."""

import json
from pathlib import Path

import pytest

from support.local import Local

TYPE = r"""
[agent_types.says]
command = 'echo "{\"who\": \"user\", \"said\": \"$SAID\"}" >>said.jsonl; exec sleep 1000'
[agent_types.says.transcript]
read = 'test -e "$MNGR_SINCE" && cat said.jsonl'
role = "who"
text = "said"

[agent_types.quiet]
command = "sleep 1000"
[agent_types.quiet.transcript]
read = "true"

[agent_types.broken]
command = "sleep 1000"
[agent_types.broken.transcript]
read = "echo no record here >&2; exit 9"

[agent_types.three]
command = "sleep 1000"
[agent_types.three.transcript]
read = "exit 3"

[agent_types.much]
command = "sleep 1000"
[agent_types.much.transcript]
read = '''
i=0; while [ $i -lt 40000 ]; do echo '{"a": "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789"}'; i=$((i + 1)); done
'''
text = "a"
"""


@pytest.fixture
def user(mngr: Local) -> Local:
    mngr.home.mkdir(exist_ok=True)
    (mngr.home / "config.toml").write_text(TYPE)
    return mngr


def create(user: Local, name: str, kind: str, *words: str) -> None:
    user.run("create", name, kind, "--no-connect", "-q", *words)


def test_what_was_said_is_shown_and_outlives_the_agent(user: Local) -> None:
    create(user, "a1", "says", "--env", "SAID=hello there", "--env", "TOKEN=sk-secret")
    assert user.run("transcript", "a1").stdout == "user\n  hello there\n\n"
    assert json.loads(user.run("transcript", "a1", "--format", "jsonl").stdout) == {
        "role": "user", "text": "hello there", "at": "",
    }  # fmt: skip
    assert user.run("transcript", "a1", "--format", "{role}: {text}").stdout == "user: hello there\n"
    user.run("destroy", "a1", "--yes", "-q")
    gone = user.run("transcript", "a1")
    assert gone.stdout == "user\n  hello there\n\n"
    assert gone.stderr.startswith("mngr: as it was at ")
    whole = json.loads(user.run("transcript", "a1", "--format", "json").stdout)
    assert (whole["name"], whole["type"], whole["kept"], whole["cut"]) == ("a1", "says", True, False)
    [file] = (user.home / "transcripts").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "sk-secret" not in file.read_text()


def test_an_agent_that_is_destroyed_unread_is_kept_too(user: Local, tmp_path: Path) -> None:
    create(user, "a1", "says", "--env", "SAID=first")
    user.run("destroy", "a1", "--yes", "-q")
    create(user, "a1", "says", "--env", "SAID=second")
    assert "second" in user.run("transcript", "a1").stdout
    user.run("destroy", "a1", "--yes", "-q")
    assert "second" in user.run("transcript", "a1").stdout


def test_what_there_is_none_of(user: Local) -> None:
    create(user, "a1", "quiet")
    nothing = user.run("transcript", "a1")
    assert (nothing.stdout, nothing.stderr) == ("", "mngr: nothing has been said to a1 yet\n")
    create(user, "a2", "broken")
    assert "no record here" in user.run("transcript", "a2", code=1).stderr
    assert "couldn't be kept" in user.run("destroy", "a2", "--yes").stderr
    create(user, "a4", "three")
    assert "no longer" not in user.run("transcript", "a4", code=1).stderr
    user.run("create", "a3", "--no-connect", "-q", "--", "sleep", "1000")
    assert "agent type command doesn't say where" in user.run("transcript", "a3", code=2).stderr
    assert "there is no agent called nobody" in user.run("transcript", "nobody", code=3).stderr


def test_a_record_is_read_to_a_limit(user: Local) -> None:
    create(user, "a1", "much")
    told = user.run("transcript", "a1", "--format", "{at}")
    assert "what was said before that is left out" in told.stderr
    assert 30000 < len(told.stdout) < 40000


#: Types whose record, or whose table, is none that can be kept.
ODD = r"""
[agent_types.half]
command = "sleep 1000"
transcript = { read = '''echo '{"a": "half \ud800 a letter"}' ''', text = "a" }

[agent_types.deep]
command = "sleep 1000"
transcript = { read = "head -c 200000 /dev/zero | tr '\\0' '['", text = "a" }
"""


def test_a_record_that_is_odd_is_read_as_far_as_it_goes(user: Local) -> None:
    (user.home / "config.toml").write_text(ODD)
    create(user, "a1", "half")
    create(user, "a2", "deep")
    assert user.run("transcript", "a1", "--format", "{text}").stdout == "half ? a letter\n"
    assert user.run("transcript", "a2").stdout == ""
    user.run("destroy", "a1", "a2", "--yes", "-q")
    assert user.names() == []


def test_no_destroy_fails_because_of_a_transcript(user: Local) -> None:
    create(user, "a1", "says", "--env", "SAID=x")
    create(user, "a2", "quiet")
    create(user, "a3", "quiet")
    (user.home / "transcripts").write_text("no folder")
    said = user.run("destroy", "a1", "--yes").stderr
    assert "what a1 has said couldn't be kept" in said
    (user.home / "config.toml").write_text("[agent_types.quiet]\ncommand = 5\n")
    assert "couldn't be kept" in user.run("destroy", "a2", "--yes").stderr
    (user.home / "config.toml").write_text("[agent_types.quiet]\ncomand = 'x'\n")
    assert "couldn't be kept" in user.run("destroy", "a3", "--yes").stderr
    assert user.names() == []


def test_a_project_runs_nothing_beside_an_agent_that_is_there(user: Local) -> None:
    """Whoever destroys an agent in a repository that was cloned runs nothing of that repository's."""
    create(user, "a1", "says", "--env", "SAID=x")
    create(user, "a2", "quiet")
    (user.cwd / ".mngr").mkdir()
    file, bad = user.cwd / ".mngr/settings.toml", user.cwd / "bad"
    file.write_text(f"[agent_types.says.transcript]\nread = 'touch {bad}'\n")
    for verb in (["transcript", "a1"], ["destroy", "a1", "--yes"], ["list"]):
        said = user.run(*verb, code=2).stderr
        assert f"{file}: agent_types.says.transcript can't be set by a project" in said
    file.write_text(
        "[agent_types.quiet]\ncommand = 'sleep 9'\nstates = [{ state = 'finished', screen = 'theirs' }]\n"
    )
    user.run("stop", "a2", "-q")
    user.run("start", "a2", "-q")
    assert not [one for one in (user.home / "agents").glob("*/rules") if "theirs" in one.read_text()]
    user.run("destroy", "a1", "a2", "--yes", "-q")
    assert not bad.exists()
    file.unlink()
