"""What each program is taken through, in this order: each test goes on where the one before it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.cli import Cli

from .conftest import docker
from .model.script import received
from .model.server import ModelServer
from .programs import Program

#: A first start on two busy processors; OpenCode and Gemini CLI took up to 15 s there.
LIMIT_S = 120


class Agent:
    """One program as an agent on a host of its own, where a shell keeps it company."""

    def __init__(self, mngr: Cli, model: ModelServer, program: Program) -> None:
        self.mngr = mngr
        self.model = model
        self.program = program
        self.name = f"the-{program.type}"

    def until(self, what: str, test: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
        """Waits for something true, and returns it; else fails with what its screen shows."""
        end = time.monotonic() + limit_s
        while not (found := test()):
            assert time.monotonic() < end, (
                f"not within {limit_s} s: {what}; it is {self.state()}\n{self.screen()}"
            )
            time.sleep(0.5)
        return found

    def state(self) -> tuple[str, str]:
        row = self.mngr.agent(self.name)
        return row["state"], row.get("reason") or ""

    def is_to_be(self, state: str, reason: str = "", limit_s: float = LIMIT_S) -> None:
        self.until(f"{state} {reason}", lambda: self.state() == (state, reason), limit_s)

    def screen(self) -> str:
        return self.mngr.run("screen", self.name, code=None).stdout

    def send(self, text: str) -> None:
        self.mngr.run("send", self.name, "-", input=text)

    def heard(self, text: str) -> bool:
        """Whether the model's server got exactly this as a message."""
        return any(one.strip() == text.strip() for one in self.model.heard(self.program.key))

    def said(self, text: str) -> None:
        self.until(f"the model hears {text[:60]!r}", lambda: self.heard(text))

    def inside(self, line: str) -> str:
        return docker("exec", self.container, "sh", "-c", line, check=False)

    @property
    def container(self) -> str:
        return f"mngr-{self.mngr.agent(self.name)['host']['id']}"


class Phases:
    program: Program

    @pytest.fixture(scope="class")
    @classmethod
    def agent(cls, mngr: Cli, model: ModelServer, network: str) -> Iterator[Agent]:
        agent = Agent(mngr, model, cls.program)
        try:
            yield agent
        finally:
            mngr.run("destroy", f"@{agent.name}", "--yes", "-q", code=None)

    def test_a_first_start_comes_to_its_prompt(self, agent: Agent, network: str) -> None:
        env = agent.program.env(agent.model.url, agent.program.key)
        words = [word for key, value in env.items() for word in ("--env", f"{key}={value}")]
        args = ("--", *agent.program.args) if agent.program.args else ()
        agent.mngr.run(
            "create", agent.name, agent.program.type, "--no-code", "--no-connect", "-q", "-s", f"--network={network}",
            "--idle-mode", "io", "--idle-timeout", "1h", *words, *args,
        )  # fmt: skip
        agent.mngr.run("create", f"keeper@{agent.name}", "--no-code", "--no-connect", "-q")
        agent.is_to_be("waiting", "finished")

    @pytest.mark.parametrize(
        "text",
        [
            "one line, please",
            "x" * 1000 + " y" * 1000,
            "\n".join(f"line {n} 'of' \"a hundred\" $HOME" for n in range(100)),
        ],
        ids=["a line", "3,000 characters", "100 lines"],
    )
    def test_a_message_arrives_as_it_is(self, agent: Agent, text: str) -> None:
        agent.send(text)
        agent.said(text)
        agent.is_to_be("waiting", "finished")
        screen = agent.screen()
        assert received(text) in screen, screen

    @pytest.mark.parametrize("word", ["STREAM", "HOLD", "TOOL"])
    def test_it_runs_while_it_works(self, agent: Agent, word: str) -> None:
        """While an answer streams, while the model is silent, while a tool is."""
        agent.send(f"{word} 20")
        agent.is_to_be("running")
        agent.mngr.run("wait", agent.name, "--for", "finished", "--timeout", str(LIMIT_S))
        assert agent.state() == ("waiting", "finished")

    def test_its_own_words_in_an_answer_mean_nothing(self, agent: Agent) -> None:
        words = "SAY Do you want to proceed?\n ❯ 1. Yes\n[ ! ] Action Required\n(esc to interrupt)\nAllow once  Allow always  Reject"
        agent.send(words)
        agent.said(words)
        agent.is_to_be("waiting", "finished")

    @pytest.mark.parametrize(("answer", "made"), [("yes", True), ("no", False)])
    def test_it_asks_for_permission_and_is_answered(self, agent: Agent, answer: str, made: bool) -> None:
        agent.send(f"ASK made-by-{answer}")
        agent.is_to_be("waiting", "permission")
        agent.mngr.run("answer", agent.name, answer)
        agent.is_to_be("waiting", "finished")
        where = agent.mngr.agent(agent.name)["work_dir"]
        assert agent.inside(f"cd {where} && ls") == (f"made-by-{answer}" if made else "made-by-yes")

    def test_the_transcript_has_it(self, agent: Agent) -> None:
        said = [one["text"] for one in agent.mngr.json("transcript", agent.name)["messages"]]
        assert "one line, please" in said
        assert received("one line, please") in said

    def test_a_stop_leaves_nothing_of_it_and_a_start_goes_on(self, agent: Agent) -> None:
        agent.send("TOOL 600")
        agent.is_to_be("running")
        agent.mngr.run("stop", agent.name, "-q")
        left = agent.inside(
            "for one in /proc/[0-9]*; do readlink $one/exe; tr '\\0' ' ' <$one/cmdline; echo; done"
        )
        assert not [word for word in ("/opt/programs/", "silence") if word in left], left
        before = len(agent.model.of(agent.program.key))
        agent.mngr.run("start", agent.name, "-q")
        agent.is_to_be("waiting", "finished")
        agent.send("and now?")
        agent.said("and now?")
        # Gemini CLI tells all that was said before as one text.
        asked = ["\n".join(one.told()) for one in agent.model.of(agent.program.key)[before:]]
        assert any("ASK made-by-yes" in one and "and now?" in one for one in asked), asked

    def test_idle_stops_its_host_but_not_while_it_works_in_the_background(self, agent: Agent) -> None:
        container = agent.container
        agent.inside("sed -i 's/^timeout=.*/timeout=12/' /mngr/idle.conf")
        agent.send("BACKGROUND 40")
        agent.is_to_be("waiting", "finished")
        began = time.monotonic()
        # Nobody asks the host meanwhile, as that would be use of it.
        while time.monotonic() < began + 30:
            assert docker("inspect", "-f", "{{.State.Running}}", container) == "true", (
                time.monotonic() - began
            )
            time.sleep(2)
        end = time.monotonic() + 90
        while docker("inspect", "-f", "{{.State.Running}}", container) == "true":
            if time.monotonic() > end:
                pytest.fail(agent.inside("cat /mngr/activity/agent; ps -eo pid,ppid,lstart,args"))
            time.sleep(1)
        row = agent.mngr.agent(agent.name)
        assert row["host"]["state"] == "paused", row

    def test_what_was_said_outlives_it(self, agent: Agent) -> None:
        agent.mngr.run("destroy", f"@{agent.name}", "--yes", "-q")
        kept = agent.mngr.json("transcript", agent.name)
        assert kept["kept"]
        assert "one line, please" in [one["text"] for one in kept["messages"]]
