"""tmux sessions of agents as they get in real life: further panes, configurations, sockets out of sight, stray processes."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.local import Local

ALIVE = ("running", "waiting")


def tmux(mngr: Local, *words: str, check: bool = True) -> str:
    """tmux on the server of this user's agents, as somebody by hand."""
    label = mngr.home.joinpath("host.json").read_text().split('"tmux_label": "')[1].split('"')[0]
    done = subprocess.run(
        ["tmux", "-L", label, *words], env=mngr.env, check=check, timeout=20, capture_output=True, text=True
    )
    return done.stdout


def sleeps(mngr: Local) -> list[str]:
    """The `sleep …` that run because of this test, but for the watcher's."""
    return sorted(line for line in mngr.processes().values() if re.fullmatch(r"sleep \d{2,}.*", line))


def until(what: Callable[[], bool], limit_s: float = 15) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def pid_of(mngr: Local, line: str) -> int:
    [pid] = [pid for pid, one in mngr.processes().items() if one == line]
    return pid


SPLITS = {
    "a window that ended": ("new-window", "-d", "-t", "a1", "true"),
    "a window": ("new-window", "-t", "a1", "sleep 900"),
    "a window before it": ("new-window", "-b", "-t", "a1:0", "sleep 900"),
    "a split": ("split-window", "-d", "-t", "a1", "sleep 900"),
    "a split above it": ("split-window", "-b", "-t", "a1", "sleep 900"),
    "a split that ended": ("split-window", "-b", "-t", "a1", "true"),
    "another name": ("rename-session", "-t", "a1", "mine"),
    "a window of its own": ("break-pane", "-d", "-t", "a1:0.0"),
}


@pytest.mark.parametrize("words", SPLITS.values(), ids=SPLITS)
def test_further_panes_change_nothing_for_an_agent(mngr: Local, words: tuple[str, ...]) -> None:
    """It is seen alive, start leaves it alone, and stop ends whatever is in its panes."""
    mngr.create("a1", "sleep", "1000")
    own = pid_of(mngr, "sleep 1000")
    tmux(mngr, *words, check=words[0] != "break-pane")
    assert mngr.state("a1") in ALIVE
    mngr.run("start", "a1")
    assert pid_of(mngr, "sleep 1000") == own
    mngr.run("stop", "a1")
    assert mngr.state("a1") == "stopped"
    assert sleeps(mngr) == []
    mngr.run("start", "a1")
    assert mngr.state("a1") == "running"


def test_an_agent_whose_pane_was_killed_is_stopped_though_a_split_lives(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    tmux(mngr, "split-window", "-d", "-t", "a1", "sleep 900")
    tmux(mngr, "kill-pane", "-t", "a1:0.0")
    until(lambda: sleeps(mngr) == ["sleep 900"])
    assert mngr.state("a1") == "stopped"
    mngr.run("start", "a1")
    assert mngr.state("a1") == "running"
    assert sleeps(mngr) == ["sleep 1000"]


def test_a_respawned_pane_is_the_agent_again(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    tmux(mngr, "respawn-pane", "-k", "-t", "a1")
    until(lambda: sleeps(mngr) == ["sleep 1000"] and mngr.state("a1") in ALIVE)
    mngr.run("start", "a1")
    assert sleeps(mngr) == ["sleep 1000"]
    mngr.run("stop", "a1")
    assert sleeps(mngr) == []


def test_a_session_that_an_agent_made_goes_with_it(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", "tmux new-session -d -s background 'sleep 900'; exec sleep 1000")
    mngr.create("a2", "sleep", "1001")
    until(lambda: len(sleeps(mngr)) == 3)
    mngr.run("destroy", "a1", "--yes")
    assert sleeps(mngr) == ["sleep 1001"]
    assert mngr.state("a2") in ALIVE


def test_output_in_a_split_is_work(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    mngr.until_state("a1", "waiting")
    tmux(mngr, "split-window", "-d", "-t", "a1", "while sleep 1; do date; done")
    mngr.until_state("a1", "running")


CONFIGS = {
    "destroy-unattached": "set -g destroy-unattached on",
    "exit-unattached": "set -s exit-unattached on",
    "base-index": "set -g base-index 1\nset -g pane-base-index 1",
    "default-command": "set -g default-command 'exit 3'",
    "split": "set-hook -g after-new-session 'split-window -d \"sleep 900\"'",
    "rename": "set-hook -g after-new-session 'rename-session \"x-#{session_name}\"'",
    "no remain": "set -g remain-on-exit off",
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_the_users_own_configuration_of_tmux_is_not_read(mngr: Local, tmp_path: Path, config: str) -> None:
    mngr.env["HOME"] = str(tmp_path)
    (tmp_path / ".tmux.conf").write_text(config + "\n")
    mngr.create("a1", "sleep", "1000")
    assert mngr.state("a1") in ALIVE
    assert sleeps(mngr) == ["sleep 1000"]
    assert tmux(mngr, "list-panes", "-a", "-F", "#{session_name}") == "a1\n"


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_agents_live_in_a_server_that_has_such_a_configuration(
    mngr: Local, tmp_path: Path, config: str
) -> None:
    """As one has that an older build started, or whom the user hands it on purpose."""
    (tmp_path / "mine.conf").write_text(config + "\n")
    mngr.run("config", "set", "tmux_config", str(tmp_path / "mine.conf"))
    mngr.create("a1", "sleep", "1000")
    assert mngr.state("a1") in ALIVE
    mngr.create("a2", "true")
    assert mngr.state("a2") == "done"
    mngr.run("stop", "a1", "a2")
    assert sleeps(mngr) == []


def test_a_configuration_that_is_handed_on_purpose_is_read(mngr: Local, tmp_path: Path) -> None:
    (tmp_path / "mine.conf").write_text("set -g status-left here\nset -g history-limit 777\n")
    mngr.run("config", "set", "tmux_config", str(tmp_path / "mine.conf"))
    mngr.create("a1", "sleep", "1000")
    assert tmux(mngr, "show-options", "-gv", "status-left") == "here\n"
    assert tmux(mngr, "show-options", "-gv", "history-limit") == "777\n"


def test_a_configuration_that_cannot_be_read_is_refused_first(mngr: Local, tmp_path: Path) -> None:
    mngr.run("config", "set", "tmux_config", str(tmp_path / "none.conf"))
    done = mngr.run("create", "a1", "--no-connect", code=2)
    assert "none.conf" in done.stderr
    assert mngr.names() == []


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), ("false", 1), ("true", 0)])
def test_create_tells_of_an_agent_that_ended_at_once(mngr: Local, command: str, code: int) -> None:
    done = mngr.run("create", "a1", "--no-connect", "--", command)
    assert f"exit code {code}" in done.stdout
    made = json.loads(mngr.run("create", "a2", "--format", "json", "--", command).stdout)["agent"]
    assert (made["state"], made["exit_code"]) == ("done", code)


@pytest.fixture(params=["elsewhere", "deleted", "folder deleted"])
def unseen(mngr: Local, request: pytest.FixtureRequest, tmp_path: Path) -> Local:
    """A user with a running agent, who can't see its tmux socket."""
    mngr.create("a1", "sleep", "1000")
    [socket] = Path(mngr.env["TMUX_TMPDIR"]).glob("*/mngr-*")
    if request.param == "elsewhere":
        (tmp_path / "other").mkdir()
        mngr.env["TMUX_TMPDIR"] = str(tmp_path / "other")
    else:
        socket.unlink()
    if request.param == "folder deleted":
        socket.parent.rmdir()
    return mngr


def test_a_socket_out_of_sight_makes_no_second_copy(unseen: Local) -> None:
    assert unseen.state("a1") in ALIVE
    unseen.run("start", "a1")
    assert sleeps(unseen) == ["sleep 1000"]
    unseen.run("stop", "a1")
    assert unseen.state("a1") == "stopped"
    assert sleeps(unseen) == []


def test_an_agent_that_outlived_its_tmux_server_is_alive(mngr: Local) -> None:
    """One that ignores hangups. It has no terminal any more; stop ends it."""
    mngr.create("a1", "sh", "-c", "trap '' HUP; while :; do sleep 1000; done")
    until(lambda: sleeps(mngr) == ["sleep 1000"])
    tmux(mngr, "kill-server")
    time.sleep(0.5)
    assert mngr.state("a1") in ALIVE
    mngr.run("start", "a1")
    assert sleeps(mngr) == ["sleep 1000"]
    mngr.run("stop", "a1")
    assert sleeps(mngr) == []
    mngr.run("start", "a1")
    assert mngr.state("a1") == "running"


STRAYS = {
    "setsid": "setsid -f sleep 778",
    "nohup": "nohup sleep 778 >/dev/null 2>&1 &",
    "forked twice": "( ( trap '' TERM HUP; exec sleep 778 ) & )",
    "another tmux": "env -u TMUX tmux -L own new-session -d 'sleep 778'",
}


@pytest.mark.parametrize("verb", ["stop", "destroy"])
@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_processes_that_left_the_terminal_go_with_their_agent(mngr: Local, stray: str, verb: str) -> None:
    mngr.create("a1", "sh", "-c", f"{stray}\nexec sleep 1000")
    mngr.create("a2", "sh", "-c", "setsid -f sleep 779; exec sleep 1001")
    until(lambda: len(sleeps(mngr)) == 4)
    mngr.run(verb, "a1", *(["--yes"] if verb == "destroy" else []))
    assert sleeps(mngr) == ["sleep 1001", "sleep 779"]


def test_a_process_that_cleared_its_environment_goes_with_the_one_that_started_it(mngr: Local) -> None:
    mngr.create(
        "a1",
        "sh",
        "-c",
        "setsid -f sh -c 'env -i sh -c \"echo \\$\\$ >pid; exec sleep 778\"; true'; sleep 1000",
    )
    until(lambda: (mngr.cwd / "pid").exists() and bool((mngr.cwd / "pid").read_text()))
    stray = Path("/proc", (mngr.cwd / "pid").read_text().strip())
    assert (stray / "cmdline").read_bytes()
    mngr.run("stop", "a1")
    assert not stray.exists() or not (stray / "cmdline").read_bytes()  # as a zombie has none


def test_what_exec_left_behind_goes_too(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    mngr.run("exec", "a1", "setsid -f sleep 778 >/dev/null 2>&1")
    mngr.run("stop", "a1")
    assert sleeps(mngr) == []


def test_an_entry_of_the_environment_counts_as_a_whole_only(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    id = mngr.agent("a1")["id"]
    others = [{"MNGR_AGENT_ID": f"{id}0"}, {"OTHER": f"x\nMNGR_AGENT_ID={id}"}, {"XMNGR_AGENT_ID": id}]
    bystanders = [subprocess.Popen(["sleep", "778"], env={**os.environ, **one}) for one in others]
    try:
        mngr.run("stop", "a1")
        assert [one.poll() for one in bystanders] == [None, None, None]
    finally:
        for one in bystanders:
            one.kill()
            one.wait()


def test_an_agent_may_stop_itself_and_others(mngr: Local) -> None:
    run = f"'{mngr.home.parent}/go'; exec sleep 1000"
    go = mngr.home.parent / "go"
    go.write_text(
        "#!/bin/sh\nuntil [ -e now ]; do sleep 0.1; done\nmngr stop a2 && touch stopped; mngr stop a1\n"
    )
    go.chmod(0o755)
    mngr.env["PATH"] = f"{Path(sys.executable).parent}:{mngr.env['PATH']}"
    mngr.create("a1", "sh", "-c", run)
    mngr.create("a2", "sleep", "1001")
    mngr.create("a3", "sleep", "1002")
    (mngr.cwd / "now").touch()
    until(lambda: mngr.state("a1") == "stopped", 30)
    assert (mngr.cwd / "stopped").exists()
    assert mngr.state("a2") == "stopped"
    assert mngr.state("a3") in ALIVE
    assert sleeps(mngr) == ["sleep 1002"]


def test_an_agent_that_another_one_created_is_its_own(mngr: Local) -> None:
    """Also where the first one's create started nothing yet: the server and the watcher aren't the creator's."""
    mngr.env["PATH"] = f"{Path(sys.executable).parent}:{mngr.env['PATH']}"
    mngr.create("a1", "sh", "-c", "mngr create a2 --no-connect -q -- sleep 1001; exec sleep 1000")
    until(lambda: sleeps(mngr) == ["sleep 1000", "sleep 1001"])
    mngr.run("destroy", "a1", "--yes")
    assert sleeps(mngr) == ["sleep 1001"]
    assert mngr.state("a2") in ALIVE


def test_each_agent_has_the_environment_of_the_shell_that_created_it(mngr: Local) -> None:
    for number in range(1, 4):
        mngr.env[f"ONLY_{number}"] = mngr.env["COMMON"] = f"of {number}\nand '\"$x"
        mngr.create(f"a{number}", "sh", "-c", f"env -0 >env{number}; exec sleep 1000")
        del mngr.env[f"ONLY_{number}"]
    for number in range(1, 4):
        path = mngr.cwd / f"env{number}"
        until(lambda path=path: path.exists() and b"MNGR_HOST_DIR" in path.read_bytes())
        env = dict(line.split("=", 1) for line in path.read_text().split("\0") if "=" in line)
        assert env["COMMON"] == env[f"ONLY_{number}"] == f"of {number}\nand '\"$x"
        assert [key for key in sorted(env) if key.startswith("ONLY_")] == [f"ONLY_{number}"]
        assert env["MNGR_AGENT_NAME"] == f"a{number}"
    # As many agents, as many environments: none of them is the server's, and no file keeps one.
    server = tmux(mngr, "display-message", "-p", "#{pid}").strip()
    assert "ONLY_" not in tmux(mngr, "show-environment", "-g") + Path(f"/proc/{server}/environ").read_text()
    assert not [path for path in mngr.home.rglob("*") if path.is_file() and b"ONLY_" in path.read_bytes()]


def test_a_started_agent_has_the_environment_of_the_shell_that_started_it(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", 'echo "$WHERE" >>where; exec sleep 1000')
    mngr.run("stop", "a1")
    mngr.env["WHERE"] = "later"
    mngr.run("start", "a1")
    until(lambda: (mngr.cwd / "where").read_text() == "\nlater\n")


def spin(share: float) -> str:
    """A program that uses `share` of a processor, and prints nothing."""
    return f"import time\nwhile 1:\n e=time.process_time()+{share}*.1\n while time.process_time()<e: pass\n time.sleep(.1*(1-{share}))"


def test_what_is_work(mngr: Local) -> None:
    """Text is, CPU time above the limit is; a title, a cursor and the CPU time of an idle program aren't."""
    title = r"while sleep 0.5; do printf '\033]0;%s Action Required\007\033[?25l\033[3;4H\033[?25h' $$; done"
    mngr.create("idles", "python3", "-c", spin(0.04))
    mngr.create("blinks", "sh", "-c", title)
    mngr.create("computes", "python3", "-c", spin(0.9))
    mngr.create("repeats", "sh", "-c", "while sleep 1; do printf '\\r12%%'; done")
    mngr.until_state("idles", "waiting")
    mngr.until_state("blinks", "waiting")
    time.sleep(4)
    assert {one: mngr.state(one) for one in ("idles", "blinks", "computes", "repeats")} == {
        "idles": "waiting", "blinks": "waiting", "computes": "running", "repeats": "running",
    }  # fmt: skip
    said = (mngr.home / "activity/agent").read_text()
    words = r"process \d+ \(python3\) of agent computes: \d+ % CPU|agent repeats: output|processes that are no agent's: \d+ % CPU"
    assert re.fullmatch(words, said.strip())


def test_from_what_share_on_cpu_time_is_work_is_a_setting(mngr: Local) -> None:
    mngr.run("config", "set", "busy_cpu", "2")
    mngr.create("idles", "python3", "-c", spin(0.2))
    time.sleep(13)
    assert mngr.state("idles") == "running"
    mngr.run("config", "set", "busy_cpu", "95")
    mngr.run("start", "idles")
    mngr.until_state("idles", "waiting")
    for wrong in ("0", "-1", "nan", "lots"):
        mngr.run("config", "set", "busy_cpu", wrong, code=2)
