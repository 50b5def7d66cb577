"""`create --message`: the first task, typed when the prompt is there."""

import signal
import sys

import pytest
from local.test_send import TUI, Talk

from support.local import Local


@pytest.fixture
def talk(mngr: Local) -> Talk:
    return Talk(mngr)


def create(
    talk: Talk, name: str, message: str, *options: str, code: int = 0, input: str | None = None
) -> str:
    words = ["create", name, "tui", "--no-connect", "--message", message]
    done = talk.mngr.run(
        *words, "--", sys.executable, str(TUI), f"{name}.received", *options, code=code, input=input
    )
    return done.stdout + done.stderr


def test_a_first_message_waits_for_the_prompt(talk: Talk) -> None:
    assert "sent to a1 (proven)" in create(talk, "a1", "it's the\nfirst task", "slow=2", "swallow=0.3")
    (talk.mngr.cwd / "task.md").write_text("from a\nfile\n")
    create(talk, "a2", "@task.md")
    create(talk, "a3", "@task.md please")
    create(talk, "a4", "-", input="from there\n")
    assert [talk.messages(name) for name in ("a1", "a2", "a3", "a4")] == [
        ["it's the\nfirst task"], ["from a\nfile"], ["@task.md please"], ["from there"],
    ]  # fmt: skip


def test_what_cannot_be_sent_is_refused_before_anything_is_made(talk: Talk) -> None:
    assert "none.md can't be read" in create(talk, "a1", "@none.md", code=2)
    assert "there is no text to send" in create(talk, "a1", "\n", code=2)
    assert "there is no text to send" in create(talk, "a1", "", code=2)
    assert talk.mngr.names() == []


def test_an_agent_that_cannot_be_told_is_there_all_the_same(talk: Talk) -> None:
    mngr = talk.mngr
    done = mngr.run(
        "create",
        "a1",
        "--no-connect",
        "--message",
        "x",
        "--format",
        "json",
        "--",
        "sh",
        "-c",
        "exit 3",
        code=4,
    )
    assert '"delivered": null' in done.stdout
    assert "nothing was sent to a1: its command has ended (exit code 3)" in done.stderr
    assert "|" not in done.stderr.replace("  | a1 ended", ""), "blank lines aren't shown"
    assert mngr.state("a1") == "done"
    made = mngr.run(
        "create",
        "a2",
        "--no-connect",
        "--message",
        "echo hello",
        "--format",
        "{name}",
        "--",
        "bash",
        "--norc",
    )
    assert made.stdout == "a2\n"
    talk.until("a2", "hello")


def test_ctrl_c_while_the_prompt_is_waited_for_leaves_the_agent_and_says_so(talk: Talk) -> None:
    tui = (sys.executable, str(TUI), "a1.received", "slow=60")
    process = talk.mngr.start("create", "a1", "tui", "--no-connect", "--message", "x", "--", *tui)
    assert process.stderr
    told = ""
    while "prompt" not in told:
        told = process.stderr.readline()
        assert told, "it ended"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "created a1 (tui)" in out
    assert "a1 is there; whether its first message was sent isn't known" in err
    assert talk.mngr.names() == ["a1"]


def test_without_a_prompt_the_rules_say_when_it_has_begun(talk: Talk) -> None:
    path = talk.mngr.home / "config.toml"
    path.write_text(path.read_text().replace("prompt = '^> *$'\n", ""))
    assert "sent to a1 (" in create(talk, "a1", "first task", "slow=2", "busy=3")
    assert talk.messages("a1") == ["first task"]
