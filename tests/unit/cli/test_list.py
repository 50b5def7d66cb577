"""`mngr list`, `mngr show`: which rows, in which order, and how they look on a terminal of any width."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from typing import Literal

import pytest

from mngr.cli import main
from mngr.cli.columns import host_state, idle, saved, span
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.states import AgentState, HostState
from mngr.model.views import AgentView, HostView, IdleView, Listing, Problem, StopSaves

LONG = "a-very-long-name-of-sixty-three-characters-that-ends-in-number-7"[:62] + "7"
NOTE = "its sshd doesn't answer " + "and that has been so for a long time " * 3


def agent(name: str, state: AgentState = "running", code: int | None = None, **labels: str) -> AgentView:
    record = AgentRecord(id=f"agent-{name}", name=name, labels=labels, created_at=f"2026-01-{len(name):02}")
    return AgentView(record=record, state=state, exit_code=code)


def host(
    name: str, provider: str, *agents: AgentView, state: HostState = "running", price: float | None = None,
    problem: str = "", known: bool = True, idle: IdleView | None = None,
) -> HostView:  # fmt: skip
    record = HostRecord(
        id=f"host-{provider}-{name}", name=name, provider=provider, backend=provider, price_per_hour=price
    )
    return HostView(
        record=record, state=state, agents=list(agents), problem=problem, agents_known=known, idle=idle,
        cost_so_far=price and price * 20,
    )  # fmt: skip


def a_dozen() -> Listing:
    """Twelve agents on four providers, one with the longest name there can be, one with a long note."""
    resting = IdleView(
        mode="io", timeout_s=800, idle_since=1.0, last_seen="output of agent web", stops_at=9e9
    )
    asleep = IdleView(mode="io", timeout_s=800, stop_cause="idle", stop_reason="idle since then")
    return Listing(
        hosts=[
            host("box", "docker", agent("web", team="search"), agent("db", "waiting"), idle=resting),
            host("lab", "docker", agent("tests", "done", 1), state="stopped"),
            host("localhost", "local", agent("here"), agent("fix-17", "done", 0, team="ads"), agent(LONG)),
            host("vps-1", "ovh", agent("train", "unknown"), state="unreachable", problem=NOTE),
            host("vps-2", "ovh", agent("eval", "stopped"), agent("copy"), state="paused", idle=asleep),
            host("big-machine", "vultr", agent("a1"), agent("a2"), agent("a3", "done", 127), price=0.0327),
        ]
    )


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Callable[[Listing], None]:
    monkeypatch.setenv("MNGR_HOME", str(tmp_path))

    def answers(whole: Listing) -> None:
        monkeypatch.setattr("mngr.ops.listing.list_hosts", lambda *_, **__: whole)
        monkeypatch.setattr("mngr.ops.names.list_hosts", lambda *_, **__: whole)

    answers(a_dozen())
    return answers


@pytest.fixture
def run(listed: object, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def ran(*args: str, code: int = 5) -> str:
        assert main.run(list(args)) == code
        return capsys.readouterr().out

    return ran


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


# --- on a terminal ---


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_on_a_terminal_of_any_width_names_and_notes_shorten_and_states_stay(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))
    shown = lines(run("list"))
    assert len(shown) == 13
    assert max(map(len, shown)) <= width
    head = shown[0]
    views = [(one, view) for one in a_dozen().hosts for view in one.agents]
    for line, (place, view) in zip(shown[1:], views, strict=True):
        state, whole = head.index("STATE"), head.index("HOST STATE")
        assert line[state:].split()[0] == view.state
        assert line[whole:].split()[0].strip(":") == ("stopped" if place.state == "paused" else place.state)
        if view.exit_code is not None:
            assert line[head.index("EXIT") :].split()[0] == str(view.exit_code)
        if len(view.record.name) <= 12:
            assert line.split()[0] == view.record.name
    [long] = [line for line in shown if line.startswith("a-very-")]
    assert long.split()[0].endswith("7")
    assert ("NOTE" in head) == (width >= 120)
    assert ("PRICE" in head) == (width >= 80)


@pytest.mark.parametrize(
    ("width", "state", "idle", "paid"),
    [
        (60, "stopped 3m", "", ""),
        (80, "stopped 3m: idle", "", ""),
        (120, "stopped 3m: idle", "stops in 13m", ""),
        (200, "stopped 3m ago: idle", "stops in 13m, idle for 50s", "paid until 2026-12-29, renews"),
        (300, "stopped 3m ago: idle", "stops in 13m, idle for 50s (after output of agent web)", "paid until 2026-12-29, renews"),
    ],
)  # fmt: skip
def test_a_narrow_terminal_has_fewer_statements_and_none_is_cut(
    run: Callable[..., str], listed: Callable[[Listing], None], monkeypatch: pytest.MonkeyPatch,
    width: int, state: str, idle: str, paid: str,
) -> None:  # fmt: skip
    now = time.time()
    whole = a_dozen()
    for one in whole.hosts:
        if one.record.name == "vps-2":
            one.stopped_at = now - 180
        if one.record.name == "vps-1":
            one.paid_until, one.renews, one.price_per_month = "2026-12-29", True, 7.99
        if one.record.name == "box":
            one.idle = IdleView(
                mode="io",
                timeout_s=800,
                idle_since=now - 50,
                stops_at=now + 790,
                last_seen="output of agent web",
            )
    listed(whole)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))
    shown = lines(run("list"))
    assert max(map(len, shown)) <= width

    def cell(name: str, title: str) -> str:
        if title not in shown[0]:
            return ""
        row = next(line for line in shown if line.startswith(f"{name} "))
        return row[shown[0].index(title) :].split("  ")[0].rstrip()

    assert (cell("eval", "HOST STATE"), cell("web", "IDLE"), cell("train", "COST SO FAR")) == (
        state,
        idle,
        paid,
    )


@pytest.mark.parametrize("width", range(100, 200, 7))
def test_no_end_of_a_lifetime_is_cut(
    run: Callable[..., str], listed: Callable[[Listing], None], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    whole = a_dozen()
    [box] = [one for one in whole.hosts if one.record.name == "box"]
    box.idle = IdleView(mode="io", timeout_s=800, stops_at=time.time() + 115 * 60, stop_cause="lifetime")
    listed(whole)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))
    head, *rows = lines(run("list"))
    if "IDLE" in head:
        [web] = [row for row in rows if row.startswith("web ")]
        said = re.split(r"  +", web[head.index("IDLE") :])[0].rstrip()
        assert re.fullmatch(r"stops in \w+( \(max lifetime\))?", said)


def test_what_has_no_room_is_named(
    listed: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((60, 24)))
    main.run(["list"])
    said = capsys.readouterr().err
    assert "NOTE" in said
    assert "`mngr show NAME`" in said


def test_in_a_pipe_nothing_is_shortened(run: Callable[..., str]) -> None:
    whole = run("list")
    assert LONG in whole
    assert NOTE.strip() in whole
    assert "…" not in whole


def test_an_exit_code_is_a_column_of_its_own(run: Callable[..., str]) -> None:
    shown = lines(run("list"))
    assert shown[0].split()[:3] == ["NAME", "STATE", "EXIT"]
    assert next(line for line in shown if line.startswith("a3 ")).split()[:3] == ["a3", "done", "127"]


@pytest.mark.parametrize(
    ("state", "stopped_at", "cause", "said"),
    [
        ("paused", 880.0, "idle", "stopped 2m ago: idle"),
        ("paused", None, "idle", "stopped: idle"),
        ("stopped", 997.0, "lifetime", "stopped 3s ago: max lifetime"),
        ("stopped", 997.0, "", "stopped 3s ago"),
        ("stopping", 997.0, "idle", "stopping: idle"),
        ("running", None, "idle", "running"),
        ("crashed", None, "", "crashed"),
    ],
)
def test_a_host_that_is_down_says_since_when_and_why_in_one_word_for_all(
    state: HostState, stopped_at: float | None, cause: Literal["", "idle", "lifetime"], said: str
) -> None:
    one = host("box", "docker", state=state, idle=IdleView(mode="io", timeout_s=800, stop_cause=cause))
    one.stopped_at = stopped_at
    assert host_state(one, 1000.0) == said


def test_the_nearer_end_is_said_and_why() -> None:
    view = IdleView(mode="io", timeout_s=800, idle_since=990.0, stops_at=1790.0, stop_cause="idle")
    one = host("box", "docker", idle=view)
    assert idle(one, 1000.0) == "stops in 13m, idle for 10s"
    view.end_at(1080.0)
    assert idle(one, 1000.0) == "stops in 80s (max lifetime), idle for 10s"
    assert (view.stops_at, view.lifetime_ends_at, view.stop_cause) == (1080.0, 1080.0, "lifetime")
    view = IdleView(mode="io", timeout_s=800, idle_since=990.0, stops_at=1790.0, stop_cause="idle")
    view.end_at(9000.0)
    assert (view.stops_at, view.lifetime_ends_at, view.stop_cause) == (1790.0, 9000.0, "idle")


# --- which rows ---


def test_names_choose(run: Callable[..., str]) -> None:
    assert run("list", "web", "@lab", "a1@big-machine.vultr", "--format", "{name}", code=0) == (
        "web\ntests\na1\n"
    )
    data = json.loads(run("list", "db", "--format", "json", code=0))
    assert [one["name"] for one in data["agents"]] == ["db"]
    assert [one["name"] for one in data["hosts"]] == ["box"]


def test_a_name_of_several_lists_all(run: Callable[..., str], listed: Callable[[Listing], None]) -> None:
    listed(Listing(hosts=[host("one", "docker", agent("a")), host("two", "docker", agent("a"))]))
    assert run("list", "a", "--format", "{name}@{host}", code=0) == "a@one\na@two\n"


def test_a_name_that_is_not_there_is_not_found_beside_those_that_are(
    listed: Callable[[Listing], None], capsys: pytest.CaptureFixture[str]
) -> None:
    listed(Listing(hosts=[host("box", "docker", agent("web"), agent("db"))]))
    assert main.run(["list", "db", "wbe", "--format", "{name}"]) == 3
    out, err = capsys.readouterr()
    assert out == "db\n"
    assert err == "mngr: there is no agent called wbe\n  → did you mean web?\n"


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--state", "done"], ["tests", "fix-17", "a3"]),
        (["--state", "waiting", "--state", "stopped"], ["db", "eval"]),
        (["--state", "paused"], ["eval", "copy"]),
        (["--label", "team"], ["web", "fix-17"]),
        (["--label", "team=ads"], ["fix-17"]),
        (["--label", "team=ads", "--state", "running"], []),
    ],
)
def test_states_and_labels_choose(run: Callable[..., str], args: list[str], names: list[str]) -> None:
    assert run("list", *args, "--format", "{name}", code=0).split() == names


@pytest.mark.parametrize(
    ("field", "first"),
    [("name", "a-very"), ("-name", "web"), ("-exit_code", "a3"), ("host.price_per_hour", "a1"), ("labels.team", "fix-17")],
)  # fmt: skip
def test_a_field_orders_and_what_has_none_comes_last(run: Callable[..., str], field: str, first: str) -> None:
    assert run("list", "--sort", field, "--format", "{name}").startswith(first)


def test_columns_are_chosen_also_from_the_fields(run: Callable[..., str]) -> None:
    shown = lines(run("list", "web", "--columns", "state,name,host.idle.mode,labels.team", code=0))
    assert shown == ["STATE    NAME  HOST.IDLE.MODE  LABELS.TEAM", "running  web   io              search"]
    assert (
        lines(run("list", "web", "--columns", "name,exit,host-state", code=0))[0] == "NAME  EXIT  HOST STATE"
    )


@pytest.mark.parametrize("option", ["--sort", "--columns", "--format"])
def test_a_field_that_is_none_names_all(
    listed: object, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert main.run(["list", option, "{nmae}" if option == "--format" else "nmae"]) == 2
    err = capsys.readouterr().err
    assert f"{option}: 'nmae' isn't a field" in err
    assert "did you mean name?" in err
    assert "host.idle.stops_at" in err
    assert "labels.KEY" in err


@pytest.mark.parametrize(
    "args",
    [
        ("--sort", ""),
        ("--sort", "-"),
        ("--label", ""),
        ("--label", "=x"),
        ("--label", "a b"),
        ("--columns", ""),
    ],
)
def test_what_is_empty_or_can_t_be_there_is_not_taken_for_not_given(
    args: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["list", *args]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert args[0].strip("-") in said.err


def test_the_help_names_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["list", "--help"])
    assert "host.idle.stops_at" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--provider", "docker"], "none on docker\n"),
        (["--state", "done", "--label", "a=b"], "none in state done with label a=b\n"),
        ([], "no agents yet; `mngr create my-agent` makes one\n"),
    ],
)
def test_what_a_filter_hides_is_not_taken_for_nothing(
    run: Callable[..., str], listed: Callable[[Listing], None], args: list[str], said: str
) -> None:
    listed(Listing())
    assert run("list", *args, code=0) == said


def test_quiet_names_only_what_a_verb_takes(
    run: Callable[..., str], listed: Callable[[Listing], None]
) -> None:
    stray = host("mngr-abc", "vultr", state="failed", known=False)
    twins = [host("one", "docker", agent("a")), host("one", "docker", agent("a"))]
    twins[1].record = HostRecord(id="host-2", name="one", provider="docker", backend="docker")
    listed(Listing(hosts=[stray, host("bare", "docker"), *twins, host("two", "docker", agent("b"))]))
    assert run("list", "-q", code=0).split() == [
        "@bare.docker", "a@host-docker-one.docker", "a@host-2.docker", "b"
    ]  # fmt: skip
    assert run("list", "-q", "--provider", "docker", "b", code=0) == "b@two.docker\n"


# --- templates ---


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{labels.team}|{labels.nope}|{labels}", 'search||{"team": "search"}'),
        ("{host.idle.mode} {host.idle.timeout_s}", "io 800"),
        ("{host.agents_known} {host.agents} {host.renews}", 'true ["web", "db"] '),
        ("{host.price_per_hour:.2f}|{exit_code:>4d}|", "|    |"),
        ("{host}", "box"),
    ],
)
def test_a_template_has_no_python_in_it(run: Callable[..., str], template: str, line: str) -> None:
    assert run("list", "web", "--format", template, code=0) == line + "\n"


def test_a_field_of_what_a_host_has_not_is_empty(run: Callable[..., str]) -> None:
    assert run("list", "tests", "--format", "[{host.idle}][{host.idle.mode}]", code=0) == "[][]\n"


# --- show ---


def test_show_has_everything_of_an_agent_its_host_and_its_cost(run: Callable[..., str]) -> None:
    shown = run("show", "a3", code=0)
    for part in (
        "agent        a3", "exit code    127", "host         big-machine.vultr", "others       a1 a2",
        "price        0.0327 USD/h", "cost so far  0.65 USD",
    ):  # fmt: skip
        assert part in shown
    idle = run("show", "web", code=0)
    assert "idle mode    io after 13m" in idle
    assert "(after output of agent web)" in idle


def test_show_for_programs_and_of_a_host(run: Callable[..., str]) -> None:
    data = json.loads(run("show", "web", "--format", "json", code=0))
    assert set(data) == {"agent", "host"}
    assert (data["agent"]["name"], data["host"]["idle"]["mode"]) == ("web", "io")
    assert run("show", "web", "--format", "{host.idle.mode}", code=0) == "io\n"
    assert json.loads(run("show", "@lab", "--format", "json", code=0))["agent"] is None
    assert run("show", "@lab", code=0).startswith("host         lab.docker\n")
    assert run("show", "train", code=5).count(NOTE.strip()) == 1


def test_show_of_what_is_not_there(
    listed: Callable[[Listing], None], capsys: pytest.CaptureFixture[str]
) -> None:
    listed(Listing(errors=[Problem(provider="ovh", what="provider", error="no answer")]))
    assert main.run(["show", "web"]) == 5
    assert "not everything could be read" in capsys.readouterr().err


# --- verbs ---


def test_a_span_of_time() -> None:
    assert span(800) == "13m"


@pytest.mark.parametrize(
    ("saves", "words"),
    [
        (None, ""),
        (StopSaves(paid_on=["machine"], cloud="Vultr"), "nothing on Vultr: `mngr destroy` ends the bill"),
        (
            StopSaves(paid_on=["machine"], cloud="OVH", renews=True),
            "nothing on OVH: `mngr destroy` ends the renewal",
        ),
        (StopSaves(paid_on=["disk", "address"], cloud="Azure"), "all but its disk and its address"),
        (StopSaves(paid_on=[], cloud="Nimbus"), "all"),
    ],
)
def test_what_a_stop_saves_has_words(saves: StopSaves | None, words: str) -> None:
    assert saved(saves) == words
