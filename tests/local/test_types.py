"""Types at work: installed once, prepared, gone on with, ended. The programs are small scripts."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.local import Local

#: A program that keeps a conversation in its folder, and says how it was called. `npm` and others of these tests are such, too.
PROGRAM = """#!/bin/sh
case $1 in --version) echo "tool v1.2.3 (test)"; exit;; esac
echo "$@" >>"$HOME/calls"
exec sleep 1000
"""


@pytest.fixture
def home(mngr: Local, tmp_path: Path) -> Path:
    """HOME of the agents, as mngr's is elsewhere; with a folder for programs, in PATH."""
    home = tmp_path / "user"
    (home / "bin").mkdir(parents=True)
    mngr.env.update(HOME=str(home), PATH=f"{home}/bin:{os.environ['PATH']}")
    mngr.home.mkdir()
    (home / "program").write_text(PROGRAM)
    return home


def write(mngr: Local, name: str = "tool", **keys: object) -> None:
    keys = {
        "command": [name],
        "install": f"echo installs; sleep 0.5; echo x >>~/installs; install -m 755 ~/program ~/bin/{name}",
        **keys,
    }
    text = "\n".join(
        f"{key} = {json.dumps(value)}" for key, value in keys.items() if not isinstance(value, dict)
    )
    tables = "\n".join(
        f"[agent_types.{name}.{key}]\n"
        + "\n".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items())
        for key, value in keys.items()
        if isinstance(value, dict)
    )
    (mngr.home / "config.toml").write_text(f"[agent_types.{name}]\n{text}\n{tables}\n")


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def calls(home: Path) -> list[str]:
    path = home / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_a_create_comes_back_when_the_program_is_installed_and_runs(mngr: Local, home: Path) -> None:
    """Which takes longer than a second, so its start is waited for in two parts."""
    write(mngr, install="sleep 2.5; install -m 755 ~/program ~/bin/tool", version="1.2.3")
    made = mngr.json("create", "a1", "tool")
    assert calls(home) == [""]
    assert made["agent"]["state"] == "running"
    assert "mngr: installing tool 1.2.3" in mngr.run("logs", "a1").stdout


def test_two_agents_at_the_same_time_install_once(mngr: Local, home: Path) -> None:
    write(mngr)
    both = [mngr.start("create", name, "tool") for name in ("a1", "a2")]
    assert [one.wait(60) for one in both] == [0, 0]
    mngr.run("create", "a3", "tool", "--no-connect")
    assert (home / "installs").read_text() == "x\n"
    assert len(calls(home)) == 3


def test_another_version_than_was_pinned_ends_the_start_and_is_said(mngr: Local, home: Path) -> None:
    write(mngr, version="1.2.30")
    made = mngr.run("create", "a1", "tool", "--no-connect")
    said = 'tool 1.2.30 was to be installed, and "tool v1.2.3 (test)" came; `mngr start` runs that one'
    assert f"note: {said}" in made.stderr
    assert "ended with exit code 1" in made.stdout
    assert f"mngr: {said}" in mngr.run("logs", "a1").stdout
    assert calls(home) == []
    mngr.run("start", "a1")
    assert calls(home) == [""]


def test_an_install_that_fails_ends_the_start_at_its_first_failing_line(mngr: Local, home: Path) -> None:
    write(mngr, install="false\necho further >~/further")
    made = mngr.run("create", "a1", "tool", "--no-connect")
    assert "note: tool couldn't be installed: its install lines ended with exit code 1" in made.stderr
    assert not (home / "further").exists()


def test_what_was_installed_and_is_not_there_is_said(mngr: Local, home: Path) -> None:
    write(mngr, install="true")
    made = mngr.run("create", "a1", "tool", "--no-connect")
    assert (
        "note: tool was installed, and still isn't found here: `command -v tool` fails; a PATH that "
        in made.stderr
    )


def test_what_a_type_needs_is_not_installed_on_this_computer_s_own_system(mngr: Local, home: Path) -> None:
    for name in ("sh", "mkdir", "flock", "sed", "sort", "tail", "cat", "rm"):
        (home / "bin" / name).symlink_to(f"/bin/{name}")
    write(mngr, needs=["npm"], env={"PATH": f"{home}/bin"})
    made = mngr.run("create", "a1", "tool", "--no-connect")
    assert "tool needs npm, which this computer lacks: install Node and npm" in made.stderr


def test_the_second_start_goes_on_and_a_fresh_one_begins_anew(mngr: Local, home: Path) -> None:
    write(mngr, continues=["tool", "--continue"])
    mngr.run("create", "a1", "tool", "--no-connect", "--", "--model", "big", "do it")
    mngr.run("stop", "a1")
    mngr.run("start", "a1")
    assert mngr.run("start", "a1").stdout == "started a1 (ran already)\n"
    assert "can't begin a new conversation" in mngr.run("start", "a1", "--fresh", code=4).stderr
    mngr.run("stop", "a1")
    mngr.run("start", "a1", "--fresh")
    mngr.run("stop", "a1")
    mngr.run("start", "a1")
    anew, further = "--model big do it", "--continue --model big"
    assert calls(home) == [anew, further, anew, further]


def test_it_goes_on_only_with_a_conversation_that_there_is(mngr: Local, home: Path) -> None:
    write(mngr, continues="exec tool --continue", continues_if="test -e ~/conversation || exit 1; exit 0")
    mngr.run("create", "a1", "tool", "--no-connect")
    mngr.run("stop", "a1")
    mngr.run("start", "a1")
    (home / "conversation").touch()
    mngr.run("stop", "a1")
    mngr.run("start", "a1")
    assert calls(home) == ["", "", "--continue"]


def test_what_is_prepared_is_there_before_each_start_and_a_failure_is_said(mngr: Local, home: Path) -> None:
    write(
        mngr,
        prepare='echo "$TOOL_KEY in $MNGR_WORK_DIR" >>~/prepared; test ! -e ~/broken',
        env={"TOOL_KEY": "k"},
    )
    mngr.run("create", "a1", "tool", "--no-connect")
    mngr.run("stop", "a1")
    mngr.run("start", "a1")
    assert (home / "prepared").read_text() == f"k in {mngr.cwd}\n" * 2
    mngr.run("stop", "a1")
    (home / "broken").touch()
    started = mngr.run("start", "a1")
    assert "tool couldn't be prepared: its prepare lines ended with exit code 1" in started.stderr


def test_a_stop_ends_what_only_the_type_knows_of(mngr: Local, home: Path) -> None:
    """A daemon that has cleared its environment and lost its parent is no process of the agent's."""
    daemon = "env -i setsid sh -c 'echo $$ >~/daemon; exec sleep 1000' </dev/null >/dev/null 2>&1 &"
    daemon = daemon.replace("~", str(home))
    write(mngr, command=f"{daemon} exec tool", check="command -v tool", ends="kill $(cat ~/daemon)")
    mngr.run("create", "a1", "tool", "--no-connect")
    until(lambda: (home / "daemon").exists() and (home / "daemon").read_text().endswith("\n"))
    process = Path("/proc") / (home / "daemon").read_text().strip()
    assert process.exists()
    mngr.run("stop", "a1")
    until(lambda: not process.exists())


def test_rules_are_there_from_the_create_on_and_new_at_each_start(mngr: Local, home: Path) -> None:
    write(mngr)
    with (mngr.home / "config.toml").open("a") as config:
        config.write('[[agent_types.tool.states]]\nstate = "running"\ntitle = "^at work"\n')
    made = mngr.json("create", "a1", "tool")
    rules = mngr.home / "agents" / made["agent"]["id"] / "rules"
    assert rules.read_text() == "running\ttitle\t^at work\n"
    mngr.run("config", "unset", "agent_types.tool.states")
    mngr.run("start", "a1")
    assert rules.read_text() == ""


def test_words_that_do_not_work_as_root_are_said(mngr: Local, home: Path) -> None:
    write(mngr, as_root={"--yolo": "it ends at once"})
    made = mngr.run("create", "a1", "tool", "--no-connect", "--", "--yolo")
    said = "note: a1 runs as root, and --yolo doesn't work as root: it ends at once"
    assert (said in made.stderr) == (os.geteuid() == 0)


def test_a_file_s_errors_name_it(mngr: Local, home: Path) -> None:
    write(mngr, prompt="(")
    done = mngr.run("create", "a1", "tool", "--no-connect", code=2)
    assert f"{mngr.home}/config.toml: [agent_types.tool]: prompt: `grep -E` takes '('" in done.stderr


def added(tmp_path: Path, before: str, *calls: str, **env: str) -> str:
    """A JSON file after lines that add to it, as prepare lines do."""
    from mngr.hosts import scripts

    file = tmp_path / "file.json"
    file.write_text(before)
    file.chmod(0o640)
    text = scripts.text("type-json") + "\n".join(["set -e", *calls])
    subprocess.run(["sh", "-c", text], env={**os.environ, **env, "FILE": str(file)}, check=True, timeout=20)
    assert file.stat().st_mode & 0o777 == 0o640
    return file.read_text()


def test_json_gets_what_it_lacks_and_keeps_the_rest_to_the_letter(tmp_path: Path) -> None:
    folder = '/a "b"/c\\d/é\t'
    before = '{ // mine\n  "auth": {"x": 1.0, "list": ["\\u0041é"]},\n  "n": null, /* so */ "e": {} }\n'
    after = added(
        tmp_path, before,
        'mngr_json "$FILE" true auth x', 'mngr_json "$FILE" 2 n', 'mngr_json_add "$FILE" "Aé" auth list',
        'mngr_json_add "$FILE" "$KEY" auth list', 'mngr_json "$FILE" true e "$FOLDER" trusted',
        'mngr_json "$FILE" 1 n below',
        FOLDER=folder, KEY='k"y',
    )  # fmt: skip
    assert "// mine\n" in after
    assert "/* so */" in after
    assert '"x": 1.0' in after
    read = json.loads(after.replace("// mine", "").replace("/* so */", ""))
    assert read == {"auth": {"x": 1.0, "list": ['k"y', "Aé"]}, "n": None, "e": {folder: {"trusted": True}}}


def test_what_a_program_writes_to_its_file_meanwhile_stays(tmp_path: Path) -> None:
    """Which it does just before the new file would take the old one's place."""
    from mngr.hosts import scripts

    file, once = tmp_path / "a.json", tmp_path / "once"
    file.write_text('{"n": 1}')
    chmod = 'chmod() { [ -e "$ONCE" ] || printf %s \'{"n": 2, "more": 3}\' >"$FILE"; : >"$ONCE"; command chmod "$@"; }\n'
    text = scripts.text("type-json") + chmod + 'mngr_json "$FILE" 4 ours'
    env = {**os.environ, "FILE": str(file), "ONCE": str(once)}
    subprocess.run(["sh", "-c", text], env=env, check=True, timeout=20)
    assert json.loads(file.read_text()) == {"n": 2, "more": 3, "ours": 4}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.json", "once"]


def test_a_file_that_is_written_all_the_time_is_left_as_it_is(tmp_path: Path) -> None:
    from mngr.hosts import scripts

    file = tmp_path / "a.json"
    file.write_text("{}")
    chmod = 'chmod() { echo " " >>"$FILE"; command chmod "$@"; }\n'
    text = scripts.text("type-json") + chmod + 'mngr_json "$FILE" 4 ours'
    env = {**os.environ, "FILE": str(file)}
    done = subprocess.run(["sh", "-c", text], env=env, check=True, timeout=20, capture_output=True, text=True)
    assert json.loads(file.read_text()) == {}
    assert done.stdout == f"mngr: {file} is being written all the time: left as it is\n"


def test_json_that_is_none_is_left_alone(tmp_path: Path) -> None:
    for text in ("no json", '{"a": 1', "[]", '{"a": tru"e}'):
        assert added(tmp_path, text, 'mngr_json "$FILE" 1 b') == text


def test_a_new_json_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    from mngr.hosts import scripts

    file = tmp_path / "a" / "b.json"
    text = scripts.text("type-json") + 'mngr_json "$FILE" \'{"c": []}\' a'
    subprocess.run(["sh", "-c", text], env={**os.environ, "FILE": str(file)}, check=True, timeout=20)
    assert json.loads(file.read_text()) == {"a": {"c": []}}
    assert file.stat().st_mode & 0o777 == 0o600
