"""What keeps a host up, and what doesn't: an agent at its prompt, its work in the background, files of the future."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Cli

from .conftest import IMAGE, INSTANCE, until

#: A program that tells by its title how it is. Told to (`go`), it works, and leaves a silent tool behind at its prompt.
PLAY = r"""
printf '\033]2;at rest\007'
until [ -e go ]; do sleep 0.2; done
printf '\033]2;at work\007'; sleep 3
setsid -f sleep 987 </dev/null >/dev/null 2>&1
while :; do printf '\033]2;at rest\007'; sleep 1; printf '\033]2;at rest.\007'; sleep 1; done
"""
TYPES = """
[agent_types.played]
command = ["sh", "-c"]
states = [{ state = "running", title = "at work" }, { state = "finished", title = "at rest" }]
"""


@pytest.fixture
def mngr(image: str, tmp_path: Path) -> Iterator[Cli]:
    assert image == IMAGE
    mngr = Cli(tmp_path / "home")
    mngr.home.mkdir()
    config = f'default_provider = "{INSTANCE}"\n[providers.{INSTANCE}]\nbackend = "docker"\n{TYPES}'
    (mngr.home / "config.toml").write_text(config)
    try:
        yield mngr
    finally:
        mngr.run("destroy", "@box", "--yes", "-q", code=None)


def test_background_work_keeps_a_host_up_and_an_agent_at_its_prompt_does_not(mngr: Cli) -> None:
    words = ("--no-code", "--no-connect", "-q", "--image", IMAGE, "--idle-timeout", "25")
    mngr.run("create", "fix@box", "played", *words, "--", PLAY)
    until("it is at its prompt", lambda: mngr.agent("fix")["reason"] == "finished")
    mngr.run("exec", "fix", "touch go")
    until("it works", lambda: mngr.agent("fix")["state"] == "running")
    assert mngr.agent("fix")["signal"] == "title: at work"
    until("it is at its prompt again", lambda: mngr.agent("fix")["reason"] == "finished")

    def seen() -> str:
        return mngr.host("box")["idle"]["last_seen"]

    def tool_is_seen() -> bool:
        return seen().startswith("background process ") and seen().endswith(" (sleep) of agent fix")

    until("the tool is seen", tool_is_seen, 40)
    assert "kept up by   background process" in mngr.run("show", "fix").stdout
    # It ends, and files that are dated in the future are no activity.
    mngr.run(
        "exec", "fix", "pkill -f '[s]leep 987'; touch -d '+1 day' /mngr/activity/agent /mngr/agents/*/busy"
    )
    until("the host stops", lambda: mngr.host("box")["state"] == "paused", 90)
