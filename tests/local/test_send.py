"""`mngr send` and `mngr screen`: what arrives, and what is said of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.local import Local

TUI = Path(__file__).parents[1] / "support" / "tui.py"

#: How a user describes that program.
TYPE = """\
[agent_types.tui]
command = "exec"
prompt = '^> *$'
answers = { yes = ["y"], no = ["n"] }
states = [
  { state = "permission", screen = "^Do you want to" },
  { state = "question", screen = "^Which one" },
  { state = "running", title = "^works$" },
  { state = "finished", title = "^ready$" },
]
"""


class Talk:
    """A user whose config knows the type `tui`."""

    def __init__(self, mngr: Local) -> None:
        self.mngr = mngr
        mngr.home.mkdir(exist_ok=True)
        (mngr.home / "config.toml").write_text(TYPE)

    def create(self, name: str, *options: str) -> None:
        words = [sys.executable, str(TUI), f"{name}.received", *options]
        self.mngr.run("create", name, "tui", "--no-connect", "--quiet", "--", *words)

    def received(self, name: str) -> list[list[str]]:
        path = self.mngr.cwd / f"{name}.received"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def messages(self, name: str) -> list[str]:
        return [text for kind, text in self.received(name) if kind == "message"]

    def until(self, name: str, shown: str, limit_s: float = 20) -> None:
        end = time.monotonic() + limit_s
        while shown not in (seen := self.mngr.run("screen", name).stdout):
            assert time.monotonic() < end, seen
            time.sleep(0.1)


def test_the_first_message_is_where_its_work_begins(talk: Talk) -> None:
    """However short it is: what it starts from then on is its work's, what was there before its own."""
    talk.create("a1", "busy=0.05")
    (folder,) = [path.parent for path in talk.mngr.home.glob("agents/*/session")]
    process = (folder / "process").read_text().split()
    for text in ("one", "two"):
        assert not (folder / "began").exists() or text == "two"
        before = float(Path("/proc/uptime").read_text().split()[0])
        talk.mngr.run("send", "a1", "-m", text, "-q")
        after = float(Path("/proc/uptime").read_text().split()[0])
        key, ticks = (folder / "began").read_text().split()
        assert key == f"{process[0]}:{process[1]}"
        assert (before <= int(ticks) / os.sysconf("SC_CLK_TCK") <= after) == (text == "one")


@pytest.fixture
def talk(mngr: Local) -> Talk:
    return Talk(mngr)


TEXTS = {
    "a line": "do it",
    "quotes": 'it\'s "so" $HOME `date` \\ ; # %s {x} [y] ~ !! é 漢 🙂',
    "lines": "one\n\n  two\n\tthree",
    "long": "a word " * 430 + "end",
    "many lines": "\n".join(f"line {number}" for number in range(100)),
    "dash": "-n --help",
    "trailing backslash": "a\\",
}


def test_whatever_is_sent_arrives_as_one_message(talk: Talk) -> None:
    talk.create("a1", "swallow=0.3", "busy=0.3")
    for what, text in TEXTS.items():
        said = talk.mngr.run("send", "a1", "-m", text).stdout
        assert said == "sent to a1 (proven)\n", what
        assert talk.messages("a1")[-1] == text, what
        time.sleep(0.5)
    assert len(talk.messages("a1")) == len(TEXTS)


def test_a_text_never_ends_its_own_paste_nor_presses_keys(talk: Talk) -> None:
    talk.create("a1")
    done = talk.mngr.run(
        "send", "a1", "-", input="rest\x1b[201~\rof\x1b[200~ it\x03\x1b\x9b\x00 \x1b[31mred\x1b[0m\n\n"
    )
    assert talk.received("a1") == [["message", "rest\nof it red"]]
    assert "control characters were left out" in done.stderr
    [row] = talk.mngr.json("send", "a1", "next\x07")["sent"]
    assert (row["delivered"], row["left_out"]) == ("proven", 1)


def test_an_enter_that_is_swallowed_is_pressed_again(talk: Talk) -> None:
    talk.create("a1", "swallow=1.2")
    assert talk.mngr.json("send", "a1", "do it")["sent"][0]["delivered"] == "proven"
    assert [text.rstrip("\n") for text in talk.messages("a1")] == ["do it"]


def test_a_prompt_that_shows_before_its_program_knows_pastes_is_waited_for(talk: Talk) -> None:
    """Else the text's lines would be keys: each line end an Enter, and a `?` a key of its own in Gemini CLI."""
    talk.create("a1", "late=1.5")
    talk.mngr.run("send", "a1", "one\ntwo?")
    assert talk.messages("a1") == ["one\ntwo?"]


def test_a_prompt_that_its_program_takes_long_to_show_is_waited_for(talk: Talk) -> None:
    """Which its agent's own start doesn't do."""
    talk.create("a1", "slow=4")
    talk.mngr.run("send", "a1", "do it")
    assert talk.messages("a1") == ["do it"]


def test_a_text_that_shows_late_is_waited_for_whatever_else_changes(talk: Talk) -> None:
    """Else its Enter comes with it, and is swallowed."""
    talk.create("a1", "stalls=1.5", "swallow=0.3")
    assert talk.mngr.json("send", "a1", "do it")["sent"][0]["delivered"] == "proven"
    assert [text.rstrip("\n") for text in talk.messages("a1")] == ["do it"]


def test_who_turns_busy_without_a_prompt_has_taken_it(talk: Talk) -> None:
    talk.create("a1", "covers=1", "busy=600")
    assert talk.mngr.run("send", "a1", "do it").stdout == "sent to a1 (proven)\n"
    assert talk.received("a1") == [["message", "do it"]]


def test_where_other_lines_look_like_a_prompt_the_cursor_tells_it(talk: Talk) -> None:
    talk.create("a1", "doubles=1")
    assert talk.mngr.run("send", "a1", "one").stdout == "sent to a1 (likely)\n"
    with (talk.mngr.home / "config.toml").open("a") as config:
        config.write("[agent_types.tui2]\n" + TYPE.split("\n", 1)[1] + 'prompt_at = "cursor"\n')
    words = [sys.executable, str(TUI), "a2.received", "doubles=1"]
    talk.mngr.run("create", "a2", "tui2", "--no-connect", "-q", "--", *words)
    assert talk.mngr.run("send", "a2", "one").stdout == "sent to a2 (proven)\n"
    assert talk.messages("a1") == talk.messages("a2") == ["one"]


def test_what_is_not_taken_is_an_error_that_shows_the_screen(talk: Talk) -> None:
    talk.create("a1", "swallow=30")
    talk.create("a2", "deaf=1")
    done = talk.mngr.run("send", "a1", "do it", code=1)
    assert "a1 didn't take the message" in done.stderr
    assert "| > do it" in done.stderr
    assert "mngr connect a1" in done.stderr
    assert "typed" in talk.mngr.run("send", "a2", "do it", code=1).stderr
    # It stands there still: the next one isn't glued to it.
    refused = talk.mngr.run("send", "a1", "more", code=4)
    assert "its prompt didn't show empty" in refused.stderr
    assert talk.messages("a1") == []


def test_nothing_is_typed_at_a_question(talk: Talk) -> None:
    talk.create("a1")
    talk.mngr.run("send", "a1", "ask")
    talk.until("a1", "Do you want")
    done = talk.mngr.run("send", "a1", "more", code=4)
    assert "it asks for permission" in done.stderr
    assert "mngr answer a1" in done.stderr
    assert "1. Yes" in done.stderr
    assert talk.received("a1") == [["message", "ask"]]


def test_several_at_once_and_one_that_cannot(talk: Talk) -> None:
    for name in ("a1", "a2", "a3"):
        talk.create(name, "busy=0.2")
    talk.mngr.run("stop", "a2")
    done = talk.mngr.run("send", "a1", "a2", "a3", "all of you", code=4)
    assert done.stdout.splitlines() == ["sent to a1 (proven)", "sent to a3 (proven)"]
    assert "a2: it is stopped" in done.stderr
    assert "--start" in done.stderr
    assert [talk.messages(name) for name in ("a1", "a2", "a3")] == [["all of you"], [], ["all of you"]]
    rows = talk.mngr.json("send", "--all", "again")["sent"]
    assert sorted(row["name"] for row in rows) == ["a1", "a3"]
    listed = talk.mngr.run("list", "--state", "running", "--state", "waiting", "-q").stdout
    talk.mngr.run("send", "-", "-m", "third", input=listed)
    assert talk.messages("a3") == ["all of you", "again", "third"]
    assert talk.mngr.run("send", "--start", "a2", "awake").stdout == "sent to a2 (proven)\n"
    assert talk.messages("a2") == ["awake"]


def test_messages_at_the_same_time_do_not_mix(talk: Talk) -> None:
    talk.create("a1", "swallow=0.3")
    texts = [f"message {number}\n" + f"{number} " * 400 + "end" for number in range(4)]
    running = [talk.mngr.start("send", "a1", "-m", text) for text in texts]
    for process in running:
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, (out, error)
    assert sorted(talk.messages("a1")) == texts


def test_the_last_word_is_the_text(talk: Talk) -> None:
    talk.create("a1")
    talk.create("a2")
    for words, why in {
        ("a1",): "there is no text for a1",
        ("a1", "a2"): "a2 is an agent",
        ("a1", " \n"): "there is no text",
        ("-", "-"): "both come from standard input",
        ("a1", "b", "-m", "x", "--file", "/etc/hostname"): "given twice",
        ("--all", "a1", "-m", "x"): "exclude each other",
        ("-m", "x"): "nobody is named",
        ("a1", "--edit"): "needs a terminal",
    }.items():
        done = talk.mngr.run("send", *words, code=2)
        assert why in done.stderr, words
    unquoted = talk.mngr.run("send", "a1", "run", "the", "tests", code=3).stderr
    assert "there is no agent called run" in unquoted
    assert "mngr send a1 'run the tests'" in unquoted
    assert talk.received("a1") == talk.received("a2") == []
    talk.mngr.run("send", "a1", "-m", "a2")
    assert talk.messages("a1") == ["a2"]


def test_a_shell_is_said_to_have_it_likely(talk: Talk) -> None:
    mngr = talk.mngr
    mngr.create("sh1", "bash", "--norc", options=("--env", "HISTFILE=", "--env", "PS1=> "))
    mngr.create("mute", "sh", "-c", "stty -echo; sleep 1000")
    talk.until("sh1", ">")
    [row] = mngr.json("send", "sh1", "echo $((6 * 7))")["sent"]
    assert row["delivered"] == "likely"
    talk.until("sh1", "42")
    assert "mute didn't take the message" in mngr.run("send", "mute", "anybody?", code=1).stderr
    mngr.run("send", "sh1", "exit 4")
    assert mngr.until_state("sh1", "done")["exit_code"] == 4
    ended = mngr.run("send", "sh1", "true", code=4)
    assert "has ended (exit code 4)" in ended.stderr


def test_a_screen_is_what_is_on_the_terminal(talk: Talk) -> None:
    mngr = talk.mngr
    mngr.create(
        "a1",
        "sh",
        "-c",
        r"printf '\033]2;a title\007one\n\033[?1049h\033[2J\033[3;5Hmenu\033[?25l'; exec sleep 1000",
    )
    talk.until("a1", "menu")
    assert mngr.run("screen", "a1").stdout.splitlines() == ["", "", "    menu"]
    seen = mngr.json("screen", "a1")
    assert {key: seen[key] for key in ("name", "columns", "rows", "cursor_x", "cursor_y", "cursor_shown")} == {
        "name": "a1", "columns": 200, "rows": 50, "cursor_x": 8, "cursor_y": 2, "cursor_shown": False,
    }  # fmt: skip
    assert (seen["alternate"], seen["ended"], seen["title"]) == (True, False, "a title")
    assert mngr.run("screen", "a1", "--format", "{title}").stdout == "a title\n"
    mngr.run("stop", "a1")
    assert "it is stopped" in mngr.run("screen", "a1", code=4).stderr
    assert "did you mean a1?" in mngr.run("screen", "a11", code=3).stderr


def test_who_presses_ctrl_c_is_told_what_that_means(talk: Talk) -> None:
    done = talk.mngr.run("send", "--all", "anybody?")
    assert (done.stdout, "no agent is alive" in done.stderr) == ("", True)
    talk.create("a1", "swallow=30")
    process = talk.mngr.start("send", "a1", "do it")
    talk.until("a1", "> do it")
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "may stand in a prompt" in error


def test_a_message_is_in_no_command_line(talk: Talk) -> None:
    talk.create("a1", "swallow=1.2")
    process = talk.mngr.start("send", "a1", "-", stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write("a very secret text")
    process.stdin.close()
    while process.poll() is None:
        assert not [line for line in talk.mngr.processes().values() if "secret" in line]
        time.sleep(0.02)
    assert process.returncode == 0
    [text] = talk.messages("a1")
    assert text.startswith("a very secret text")
    left = [path.name for path in (talk.mngr.home / "agents").glob("*/message-*")]
    assert sorted(left) == ["message-last", "message-lock"]


def test_a_text_is_written_in_an_editor_and_kept_where_it_is_not_sent(talk: Talk) -> None:
    talk.create("a1")
    editor = talk.mngr.cwd / "editor"
    editor.write_text('#!/bin/sh\nprintf "from the\\neditor\\n" >"$1"\n')
    editor.chmod(0o700)
    line = f"{sys.executable} -m mngr send a1 --edit"
    script = ["script", "-qec", line, "/dev/null"]
    env = {**talk.mngr.env, "VISUAL": str(editor), "EDITOR": "false"}
    done = subprocess.run(script, env=env, cwd=talk.mngr.cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    assert talk.messages("a1") == ["from the\neditor"]
    talk.mngr.run("stop", "a1")
    done = subprocess.run(script, env=env, cwd=talk.mngr.cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4, done.stdout
    assert (talk.mngr.home / "unsent.md").read_text() == "from the\neditor\n"


def test_nobody_is_written_to_on_a_host_that_is_about_to_stop(talk: Talk) -> None:
    talk.create("a1")
    talk.until("a1", ">")
    reason = talk.mngr.home / "stop/reason"
    reason.write_text("idle since=1\n")
    assert "it is stopped" in talk.mngr.run("send", "a1", "hello", code=4).stderr
    assert "it is stopped" in talk.mngr.run("answer", "a1", "yes", code=4).stderr
    assert talk.received("a1") == []
    before = time.time() - 1000
    os.utime(reason, (before, before))  # it didn't come to that
    folder = talk.mngr.home / "agents" / talk.mngr.agent("a1")["id"]
    left, waits = folder / f"message-{'0' * 32}", folder / f"message-{'1' * 32}"
    for file in (left, waits):
        file.touch()
    os.utime(left, (before, before))
    assert talk.mngr.run("send", "a1", "hello").stdout == "sent to a1 (proven)\n"
    assert talk.messages("a1") == ["hello"]
    assert (left.exists(), waits.exists()) == (
        False,
        True,
    )  # of one that was killed, and of one whose turn comes next
