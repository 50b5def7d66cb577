"""What watch-states.sh makes of what it is told, at given times."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mngr.hosts import scripts

RULES = "permission\ttitle\tAction Required\nrunning\ttitle\t^[*]\nrunning\tscreen\tesc to interrupt\nfinished\tscreen\t^>\n"
NONCE = "nonce"


class Agent:
    """One agent, looked at from time to time (seconds since the kernel's start)."""

    def __init__(self, folder: Path, rules: str = "") -> None:
        self.folder = folder
        self.home = folder / "agents/a"
        self.home.mkdir(parents=True)
        (self.home / "session").write_text("fix\n")
        (self.home / "rules").write_text(rules)
        self.log = b""
        self.memory = ""
        self.did: list[str] = []

    def look(
        self,
        at: float,
        new: bytes = b"",
        *,
        title: str = "",
        screen: str | None = None,
        cpu: str = "",
        again: bool = False,
    ) -> tuple[str, str]:
        """State and reason after a look at which `new` was in its log, and `screen` on its screen."""
        before = len(self.log)
        self.log += new
        shown = f"{NONCE} pane a a {title}\n{screen or ''}\n".encode() if title or screen is not None else b""
        sizes = f"agents/a/log {before + len(new)}\n"
        logs = (
            f"\n{NONCE} logs\n==> agents/a/log <==\n".encode()
            + self.log[-16384:]
            + f"\n{NONCE} sizes\n{sizes}".encode()
            if new
            else b""
        )
        grew = 1 if new else 2 if again else 0
        env = {
            "memory": self.memory, "roster": f"a 7:10000 {grew} -1 - - - - -\n", "files": sizes if new else "", "drew": "", "warm": cpu,
            "up": str(round(at * 10)), "now": str(1_700_000_000 + int(at)), "last_judged": str(round(at * 10) - 8), "hz": "100",
            "nonce": NONCE, "quiet": "10", "busy_output": "3", "background": "7200", "norules": "",
        }  # fmt: skip
        text = scripts.text("watch-states") + '\nexec awk "$states"\n'
        done = subprocess.run(
            ["sh", "-c", text], input=shown + logs, env={**env, "LC_ALL": "C", "PATH": os.environ["PATH"]},
            cwd=self.folder, capture_output=True, check=True, timeout=30,
        )  # fmt: skip
        assert not done.stderr
        first, _, self.memory = done.stdout.decode().partition("--\n")
        self.did = first.splitlines()
        fields = self.memory.rstrip("\n").split("\t")
        return fields[13], fields[14]

    @property
    def works(self) -> list[str]:
        """What keeps its host up."""
        return [one.removeprefix("work ") for one in self.did if one.startswith("work ")]


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    agent = Agent(tmp_path)
    agent.look(1000)
    return agent


@pytest.fixture
def tui(tmp_path: Path) -> Agent:
    """At its prompt; its type has rules."""
    agent = Agent(tmp_path, RULES)
    agent.look(1000, b"> ", title="topic", screen="> ")
    assert agent.did[-1] == "confirm a"
    assert agent.look(1000.1, again=True, title="topic", screen="> ") == ("waiting", "finished")
    assert "change a waiting finished 1700001000 1 screen: >" in agent.did
    return agent


def test_text_is_work_for_as_long_as_the_setting_says(agent: Agent) -> None:
    assert agent.look(1001, b"building\n") == ("running", "-")
    assert "due 10031" in agent.did
    assert agent.works == ["agent fix: output"]
    assert agent.look(1010.9) == ("running", "-")
    assert agent.look(1011) == ("waiting", "-")
    assert agent.did[:1] == ["change a waiting - 1700001011 1 no output"]
    assert agent.works == []


@pytest.mark.parametrize(
    "noise",
    [
        b"\033]0;title\007",
        b"\033[?25l\033[3;4H\033[?25h",
        b"\033]2;title\033\\",
        b"  \r\n",
        b"ab",
        b"\033[1mab\033[m",
    ],
    ids=["title", "cursor", "title-st", "blanks", "less-than-the-limit", "colours"],
)
def test_what_shows_no_text_or_too_little_is_none(agent: Agent, noise: bytes) -> None:
    agent.look(1011)
    assert agent.look(1012, noise * 1) == ("waiting", "-")


def test_a_sequence_that_came_in_two_parts_is_no_text(agent: Agent) -> None:
    agent.look(1011)
    agent.look(1012, b"\033]0;a long ti")
    assert agent.look(1013, b"tle of a program\007") == ("waiting", "-")


def test_who_is_made_ready_runs_but_not_for_ever_when_nothing_comes_of_it(tui: Agent) -> None:
    """Whatever the installer shows."""
    (tui.home / "readying").touch()
    assert tui.look(1002, b"Do you want", title="[ ! ] Action Required", screen="> ") == ("running", "-")
    assert "change a running - 1700001002 1 ready: it is being made ready" in tui.did
    assert "due 28020" in tui.did
    assert tui.look(2801) == ("running", "-")
    assert tui.look(2802) == ("waiting", "permission")
    tui.look(2803, b"goes on")
    assert tui.look(2804) == ("running", "-")
    (tui.home / "readying").unlink()
    assert tui.look(2805, again=True, title="[ ! ] Action Required", screen="> ") == ("waiting", "permission")


def test_cpu_time_of_one_that_prints_nothing_is_work(agent: Agent) -> None:
    assert agent.look(1012, cpu="hot: a 40 812 (python3)") == ("running", "-")
    assert agent.works == ["process 812 (python3) of agent fix: 40 % CPU"]


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("state=working:app=x", ("running", "-")),
        ("state=blocked:app=x:kind=permission", ("waiting", "permission")),
        ("state=blocked:app=x:kind=login", ("waiting", "login")),
        ("state=blocked:app=x", ("waiting", "question")),
        ("state=done:app=x", ("waiting", "finished")),
        ("state=idle:app=x", ("waiting", "finished")),
        ("state=odd:app=x", ("running", "-")),
        ("state=done:app=x\007\033]7501;state=clear", ("running", "-")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [b"\007", b"\033\\"], ids=["bel", "st"])
def test_any_program_may_tell_its_state(agent: Agent, told: str, state: tuple[str, str], end: bytes) -> None:
    """By OSC 7501; that goes before what its text says."""
    assert agent.look(1012, b"a text\033]7501;" + told.encode() + end + b"and more") == state
    assert agent.look(1012.8, b"\033]0;blink\007") == state


def test_a_bell_ends_the_wait_for_more_text(agent: Agent) -> None:
    assert agent.look(1005, b"done, look here\007\r\n") == ("running", "-")
    assert agent.look(1007) == ("waiting", "-")
    assert agent.did[0].endswith(" bell")
    assert agent.look(1008, b"\007on it goes") == ("running", "-")
    assert agent.look(1010.5) == ("running", "-")


def test_a_title_is_seen_at_once_and_a_screen_twice(tui: Agent) -> None:
    """A screen may be seen in the middle of being drawn."""
    assert tui.look(1002, b"x", title="* topic", screen=">") == ("running", "-")
    assert tui.look(1003, b"x", title="topic", screen="> ") == ("running", "-")
    assert "confirm a" in tui.did
    assert tui.look(1003.1, again=True, title="topic", screen="(3s - esc to interrupt)") == ("running", "-")
    assert tui.look(1004, b"x", title="Action Required", screen="?") == ("waiting", "permission")


def test_the_last_lines_of_a_screen_count(tui: Agent) -> None:
    old = "esc to interrupt\n" + "line\n \n" * 14
    assert tui.look(1002, b"x", title="t", screen=old) == ("running", "-")
    tui.look(1003, b"x", title="t", screen=old + "> ")
    assert tui.look(1003.1, again=True, title="t", screen=old + "> ") == ("waiting", "finished")


def test_a_program_that_hangs_does_not_run_for_ever(tui: Agent) -> None:
    assert tui.look(1002, b"x", title="* topic", screen="") == ("running", "-")
    assert "due 10620" in tui.did
    assert tui.look(1061.9) == ("running", "-")
    assert tui.look(1062) == ("waiting", "-")


def test_text_of_one_that_is_known_to_wait_is_no_work(tui: Agent) -> None:
    """A hint that changes at the prompt."""
    assert tui.look(1002, b"Tip: try something else", title="topic", screen="> ") == ("waiting", "finished")
    assert tui.works == []


def test_background_work_of_one_that_waits_counts_for_a_while(tui: Agent) -> None:
    tui.look(1002, b"x", title="* topic", screen="")
    assert "began a 7:10000 100120" in tui.did
    tui.look(1010, b"x", title="topic", screen=">")
    tui.look(1010.1, again=True, title="topic", screen=">")
    cpu = "background: a 812 (python3)"
    assert tui.look(1013, cpu=cpu) == ("waiting", "finished")
    assert tui.works == ["background process 812 (python3) of agent fix"]
    tui.look(1010 + 7200, cpu=cpu)
    assert tui.works == ["background process 812 (python3) of agent fix"]
    tui.look(1011 + 7200, cpu=cpu)
    assert tui.works == []
    tui.look(1011 + 7200, cpu="hot: a 40 812 (python3)\n" + cpu)
    assert tui.works == ["process 812 (python3) of agent fix: 40 % CPU"]


def test_first_work_that_was_sent_and_never_seen_began_all_the_same(tui: Agent) -> None:
    """What is left of it in the background counts."""
    (tui.home / "began").write_text("8:10000 99000\n")
    tui.look(1002, b"x", title="topic", screen=">")
    assert tui.memory.split("\t")[12] == ""  # of one that was alive before
    (tui.home / "began").write_text("7:10000 100150\n")
    tui.look(1003, b"x", title="topic", screen=">")
    assert tui.memory.split("\t")[12] == "100150"
    tui.look(1004, b"x", title="* topic", screen="")
    assert tui.memory.split("\t")[12] == "100150"


def test_who_works_from_the_first_moment_on_is_not_its_own_background(tmp_path: Path) -> None:
    """A first message of the command line, say: its own processes are as young as its work."""
    young = Agent(tmp_path, RULES)
    assert young.look(100.4, b"x", title="* topic", screen="") == ("running", "-")
    assert "began a 7:10000 10200" in young.did


def test_of_one_that_is_silent_and_says_nothing_background_processes_do_not_count(agent: Agent) -> None:
    assert agent.look(1012, cpu="background: a 812 (sleep)") == ("waiting", "-")
    assert agent.works == []
