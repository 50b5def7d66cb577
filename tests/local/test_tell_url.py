"""`tell_url`: the host itself posts to an address when an agent wants something; on this computer, to a server of the test's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.ear import Ear
from support.local import Local


@pytest.fixture
def ear(mngr: Local) -> Iterator[Ear]:
    ear = Ear()
    mngr.home.mkdir(exist_ok=True)
    (mngr.home / "config.toml").write_text(f"tell_url = '{ear.url}'\n")
    yield ear
    ear.close()


def until(what: Callable[[], Any], limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_it_is_told_of_what_wants_somebody_and_of_nothing_else(mngr: Local, ear: Ear) -> None:
    mngr.create("a1", "sh", "-c", "exit 3")
    until(lambda: ear.heard)
    mngr.run("rename", "a1", "b1", "-q")
    mngr.create("a2", "sh", "-c", "exit 3")
    until(lambda: ("/topic?token=s3cret", "a2 done") in ear.heard)
    mngr.run("destroy", "b1", "--yes", "-q")
    assert set(ear.heard) == {("/topic?token=s3cret", "a1 done"), ("/topic?token=s3cret", "a2 done")}
    assert (mngr.home / "commands/tell_url").stat().st_mode & 0o077 == 0
    until(lambda: not mngr.processes_with("tell-url"))
    assert "s3cret" not in mngr.run("config", "list").stdout
    assert "s3cret" not in str(mngr.json("list"))


def test_one_that_does_not_answer_holds_nothing_up_and_is_noted(mngr: Local, ear: Ear) -> None:
    ear.held.clear()
    begun = time.monotonic()
    mngr.create("a1", "sh", "-c", "exit 3")
    assert mngr.run("wait", "a1", "--for", "done", code=3).stdout == "a1 is done (exit code 3)\n"
    mngr.run("stop", "a1", "-q")
    assert time.monotonic() - begun < 60
    until(lambda: "can't tell tell_url of changes: " in mngr.run("show", "a1").stdout)
    assert "s3cret" not in mngr.run("show", "a1").stdout
    assert len(ear.heard) == 2  # tried once more
    ear.held.set()
    mngr.create("a2", "sh", "-c", "exit 3")
    until(lambda: "can't tell" not in mngr.run("show", "a2").stdout)


@pytest.mark.parametrize("url", ["ftp://there/x", "https://a b", 'http://a"b', "https://a\\b", "there"])
def test_what_is_no_address_is_refused(mngr: Local, url: str) -> None:
    said = mngr.run("config", "set", "tell_url", url, code=2).stderr
    assert "tell_url: must be an address such as https://" in said
    (mngr.cwd / ".mngr").mkdir()
    (mngr.cwd / ".mngr/settings.toml").write_text("tell_url = 'https://elsewhere.example/x'\n")
    assert "tell_url can't be set by a project, as it tells others" in mngr.run("list", code=2).stderr
    (mngr.cwd / ".mngr/settings.toml").unlink()
