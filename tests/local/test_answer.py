"""`mngr answer`: only what is asked is answered."""

import time

import pytest
from local.test_send import Talk

from support.local import Local


@pytest.fixture
def talk(mngr: Local) -> Talk:
    return Talk(mngr)


def asked(talk: Talk, name: str, what: str) -> None:
    talk.mngr.run("send", name, what)
    talk.until(name, {"ask": "Do you want", "question": "Which one"}[what])


def test_a_permission_is_answered_by_the_keys_of_the_type_a_digit_or_words(talk: Talk) -> None:
    talk.create("a1")
    for word, got in {"yes": ["key", "y"], "no": ["key", "n"], "2": ["key", "2"]}.items():
        asked(talk, "a1", "ask")
        assert talk.mngr.run("answer", "a1", word).stdout == "answered a1 (proven)\n"
        assert talk.received("a1")[-1] == got
    asked(talk, "a1", "question")
    row = talk.mngr.json("answer", "a1", "the 2nd\n\x1b[201~\ryes")
    assert (row["delivered"], row["left_out"]) == ("proven", 6)
    assert talk.received("a1")[-1] == ["answer", "the 2nd\n\nyes"]
    asked(talk, "a1", "question")
    talk.mngr.run("answer", "a1", "-m", "yes")
    assert talk.received("a1")[-1] == ["answer", "yes"]
    assert talk.mngr.run("send", "a1", "go on").stdout == "sent to a1 (proven)\n"


def test_nothing_is_typed_where_nothing_is_asked(talk: Talk) -> None:
    talk.create("a1")
    talk.until("a1", ">")
    done = talk.mngr.run("answer", "a1", "yes", code=4)
    assert "a1 asks nothing just now (finished); nothing was typed" in done.stderr
    assert "| a small program" in done.stderr
    talk.mngr.create("sh1", "sh", "-c", "echo 'Sure? (y/n)'; read answer; sleep 1000")
    talk.until("sh1", "Sure?")
    refused = talk.mngr.run("answer", "sh1", "1", code=4)
    assert "its type has no rules" in refused.stderr
    assert "| Sure? (y/n)" in refused.stderr
    assert "doesn't say which keys answer yes" in talk.mngr.run("answer", "sh1", "yes", code=2).stderr
    assert "given twice" in talk.mngr.run("answer", "a1", "yes", "-m", "no", code=2).stderr
    assert "there is no answer" in talk.mngr.run("answer", "a1", code=2).stderr
    rules = talk.mngr.home / "agents" / talk.mngr.agent("a1")["id"] / "rules"
    rules.unlink()  # as older builds made it
    older = talk.mngr.run("answer", "a1", "yes", code=4).stderr
    assert "an older mngr started it" in older
    assert "`mngr start a1` gives it its rules" in older
    talk.mngr.run("start", "a1", "-q")
    assert time.time() - rules.stat().st_mtime < 3600  # else the watcher doesn't see that they are new
    assert "a1 asks nothing just now (finished)" in talk.mngr.run("answer", "a1", "yes", code=4).stderr
    talk.mngr.run("stop", "a1")
    assert "it is stopped" in talk.mngr.run("answer", "a1", "yes", code=4).stderr
    assert talk.received("a1") == []
