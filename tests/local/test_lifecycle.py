"""create, list, exec, logs, stop, start, destroy: as a user types them, on this computer."""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

from support.local import Local


def test_from_create_to_destroy(mngr: Local) -> None:
    done = mngr.run("create", "a1", "--", "sh", "-c", "echo ready; exec sleep 1000")
    assert done.stdout.startswith("created a1 (command) here in ")
    assert done.stdout.rstrip().endswith("mngr connect a1")
    assert "create a1: agent" in done.stderr

    assert mngr.run("exec", "a1", "echo hello").stdout == "hello\n"
    assert "ready" in mngr.run("logs", "a1").stdout
    assert mngr.state("a1") in ("running", "waiting")

    assert mngr.run("stop", "a1").stdout == "stopped a1\n"
    assert mngr.state("a1") == "stopped"
    assert mngr.run("start", "a1").stdout == "started a1\n"
    assert mngr.state("a1") == "running"

    assert mngr.run("destroy", "a1", "--yes").stdout == "destroyed a1\n"
    assert mngr.names() == []
    assert mngr.run("list").stdout == "no agents yet; `mngr create my-agent` makes one\n"


def test_stop_start_destroy_may_be_repeated(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    for verb in ("stop", "stop", "start", "start"):
        mngr.run(verb, "a1")
    assert mngr.state("a1") == "running"
    mngr.run("destroy", "a1", "--yes")
    assert mngr.run("destroy", "a1", "--yes", code=3).stderr.startswith("mngr: there is no agent called a1")
    mngr.run("destroy", "a1", "--force")


def test_stopping_ends_all_processes_of_the_agent(mngr: Local) -> None:
    mngr.create(
        "a1", "sh", "-c", "trap '' TERM HUP; sleep 1001 & setsid sleep 1002 & while :; do sleep 1003; done"
    )
    end = time.monotonic() + 10
    while (
        sum(one.startswith("sleep 100") for one in mngr.processes().values()) < 3 and time.monotonic() < end
    ):
        time.sleep(0.1)
    mngr.run("stop", "a1")
    assert not [one for one in mngr.processes().values() if "sleep 100" in one]


def test_the_watcher_ends_with_the_last_agent(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    assert [line for line in mngr.processes().values() if "watch.sh" in line]
    mngr.run("destroy", "a1", "--yes")
    mngr.until_quiet()


def test_destroy_leaves_the_directory(mngr: Local) -> None:
    (mngr.cwd / "file").write_text("mine")
    mngr.create("a1", "sleep", "1000")
    mngr.run("exec", "a1", "echo more >made")
    mngr.run("destroy", "a1", "--yes")
    assert sorted(path.name for path in mngr.cwd.iterdir()) == ["file", "made"]


def test_an_agent_runs_in_the_directory_it_was_created_from(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    assert mngr.run("exec", "a1", "pwd").stdout.strip() == str(mngr.cwd)


def test_in_a_repository_too_it_is_the_directory_and_not_the_top(mngr: Local) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=mngr.cwd, check=True)
    mngr.cwd = mngr.cwd / "below"
    mngr.cwd.mkdir()
    mngr.create("a1", "sleep", "1000")
    assert mngr.run("exec", "a1", "pwd").stdout.strip() == str(mngr.cwd)


def test_workdir_and_from_choose_another_directory(mngr: Local, tmp_path: Path) -> None:
    (tmp_path / "other dir").mkdir()
    mngr.create("a1", "sleep", "1000", options=("--from", str(tmp_path / "other dir")))
    mngr.create("a2", "sleep", "1000", options=("--workdir", str(tmp_path / "new dir")))
    assert mngr.run("exec", "a1", "pwd").stdout.strip() == str(tmp_path / "other dir")
    assert mngr.run("exec", "a2", "pwd").stdout.strip() == str(tmp_path / "new dir")


def test_the_environment_reaches_agent_and_exec(mngr: Local, tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text("# a comment\n\nFILED=$HOME # here\nexport EXPORTED='two\n lines'\nBOTH=file\n")
    mngr.env["PASSED"] = "from shell\n'\""
    options = (
        "--env",
        "TYPED=a=b $HOME",
        "--env",
        "BOTH=typed",
        "--env-file",
        str(file),
        "--pass-env",
        "PASSED",
    )
    mngr.create("a1", "sh", "-c", 'printf %s "$PASSED" >seen; exec sleep 1000', options=options)
    show = 'printf "%s|%s|%s|%s|%s" "$TYPED" "$BOTH" "$FILED" "$EXPORTED" "$MNGR_AGENT_NAME"'
    assert mngr.run("exec", "a1", show).stdout == "a=b $HOME|typed|$HOME|two\n lines|a1"
    assert (mngr.cwd / "seen").read_text() == "from shell\n'\""


def test_no_variable_of_an_agent_s_is_one_of_ours(mngr: Local, tmp_path: Path) -> None:
    """Whatever the scripts call theirs: the agent sees its own, and its end is known."""
    names = [
        "id",
        "dir",
        "agent",
        "pid",
        "at",
        "stat",
        "pane",
        "socket",
        "server",
        "code",
        "name",
        "said",
        "where",
        "file",
    ]
    options = tuple(word for name in names for word in ("--env", f"{name}=mine"))
    seen = tmp_path / "seen"
    line = f"env >{seen}; exit 7"
    mngr.create("a1", "sh", "-c", line, options=options)
    assert mngr.until_state("a1", "done")["exit_code"] == 7
    assert {f"{name}=mine" for name in names} <= set(seen.read_text().splitlines())
    mngr.run("start", "a1")
    assert mngr.until_state("a1", "done")["exit_code"] == 7
    ran = mngr.run("exec", "a1", "env; exit 9", code=9).stdout
    assert {f"{name}=mine" for name in names} <= set(ran.splitlines())


def test_secrets_are_in_no_argv_and_no_open_file(mngr: Local) -> None:
    mngr.env["TOKEN"] = "hunter2hunter2"
    mngr.create("a1", "sleep", "1000", options=("--pass-env", "TOKEN"))
    assert not [line for line in mngr.processes().values() if "hunter2hunter2" in line]
    holding = [
        path for path in mngr.home.rglob("*") if path.is_file() and b"hunter2hunter2" in path.read_bytes()
    ]
    assert [path.name for path in holding] == ["env.sh"]
    assert stat.S_IMODE(holding[0].stat().st_mode) & 0o077 == 0
    assert "hunter2" not in mngr.run("list", "--format", "json").stdout


def test_the_default_agent_is_a_shell(mngr: Local) -> None:
    done = mngr.json("create", "a1")
    assert done["agent"]["type"] == "shell"
    assert mngr.until_state("a1", "waiting")["exit_code"] is None


def test_create_without_a_name_chooses_one(mngr: Local) -> None:
    name = mngr.json("create")["agent"]["name"]
    assert mngr.names() == [name]


def test_a_configured_type_installs_what_is_missing(mngr: Local, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text(
        f"[agent_types.mine]\ncommand = ['{tool}', '--fast']\nenv = {{ MOOD = 'good' }}\n"
        f"install = '''echo installing\nprintf '#!/bin/sh\\necho \"$MOOD\" \"$@\"\\n' >{tool}; chmod +x {tool}'''\n"
    )
    mngr.run("create", "a1", "mine", "--no-connect", "--", "a  b")
    mngr.until_state("a1", "done")
    assert mngr.run("logs", "a1").stdout.splitlines()[:3] == [
        "mngr: installing mine", "installing", "good --fast a  b",
    ]  # fmt: skip
    mngr.run("start", "a1")
    mngr.until_state("a1", "done")
    assert mngr.run("logs", "a1").stdout.splitlines()[-1] == "good --fast a  b"


def test_a_user_s_own_tmux_is_untouched(mngr: Local) -> None:
    """On the default server, with the name of an agent, before, during and after."""
    own = ["tmux", "new-session", "-d", "-s", "a1", "sleep 1000"]
    subprocess.run(own, env=mngr.env, check=True, timeout=20)
    try:
        mngr.create("a1", "sleep", "1000")
        mngr.run("stop", "a1")
        mngr.run("start", "a1")
        mngr.run("destroy", "a1", "--yes")
        show = ["tmux", "list-sessions", "-F", "#{session_name}"]
        seen = subprocess.run(show, env=mngr.env, check=True, timeout=20, capture_output=True, text=True)
        assert seen.stdout == "a1\n"
        options = ["tmux", "show-options", "-g", "remain-on-exit"]
        seen = subprocess.run(options, env=mngr.env, timeout=20, capture_output=True, text=True)
        assert "on" not in seen.stdout.split()
    finally:
        subprocess.run(["tmux", "kill-server"], env=mngr.env, check=True, timeout=20)


def test_create_works_from_inside_tmux(mngr: Local) -> None:
    mngr.env["TMUX"] = "/tmp/tmux-0/default,1,0"
    mngr.create("a1", "sh", "-c", 'echo "[$TMUX]" | sed "s/,.*//" >seen; exec sleep 1000')
    time.sleep(0.5)
    assert "default" not in (mngr.cwd / "seen").read_text()


def test_gc_has_nothing_to_do(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    lock = mngr.home / "journal" / "local.create-killed-early.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    assert mngr.run("gc", "--dry-run").stdout == "nothing to do\n"
    assert lock.exists()
    assert mngr.run("gc").stdout == "nothing to do\n"
    assert not lock.exists()
    assert mngr.names() == ["a1"]


def test_a_line_is_bash_s_where_there_is_one(mngr: Local, tmp_path: Path) -> None:
    mngr.create("a1", "sleep", "1000")
    (tmp_path / "bin").mkdir()
    for name in ("sh", "mkdir", "sleep"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    mngr.create("a2", "sleep", "1000", options=("--env", f"PATH={tmp_path / 'bin'}"))
    line = "a=1; echo ${BASH_VERSION:+bash} $a"
    assert [mngr.run("exec", name, line).stdout for name in ("a1", "a2")] == ["bash 1\n", "1\n"]


def test_a_host_is_no_agent_and_its_agents_are_named(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    said = mngr.run("exec", "@localhost", "true", code=3).stderr
    assert said == "mngr: @localhost is a host, not an agent\n  → its agents: a1@localhost.local\n"


def test_logs_are_bounded_and_plain(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", "seq 1 20000; printf '\\033[31mred\\033[0m end\\n'; sleep 1000")
    end = time.monotonic() + 20
    while "red end" not in (text := mngr.run("logs", "a1", "-n", "3").stdout) and time.monotonic() < end:
        time.sleep(0.3)
    assert "red end" in text
    assert "\x1b" not in text
    assert text.splitlines() == ["19999", "20000", "red end"]
    assert "\x1b" in mngr.run("logs", "a1", "--raw").stdout


def test_reading_commands_leave_no_trace(mngr: Local) -> None:
    mngr.run("list")
    mngr.run("--help")
    mngr.run("config", "list")
    mngr.run("exec", "a1", "true", code=3)
    assert not mngr.home.exists() or os.listdir(mngr.home) in ([], ["laptop"])
