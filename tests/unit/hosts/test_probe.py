"""Reading what the probe printed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.hosts.probe import HostFacts, describe_reason, idle_view, parse

NOW = 1_700_000_000


def printed(pairs: dict[str, str]) -> bytes:
    return "".join(f"{key}\0{value}\0" for key, value in pairs.items()).encode()


def record(name: str = "a", id: str = "agent-1", **more: object) -> str:
    return json.dumps({"id": id, "name": name, **more})


def seen(**pairs: str) -> HostFacts:
    return parse(printed({"now": str(NOW), "agent:agent-1": record(), "mtimes": "", "panes": "", **pairs}))


@given(st.binary())
def test_any_bytes_give_facts(output: bytes) -> None:
    assert isinstance(parse(output), HostFacts)


keys = st.sampled_from(
    [
        "now",
        "agent:agent-1",
        "alive:agent-1",
        "state:agent-1",
        "mtimes",
        "panes",
        "idle",
        "reason",
        "exit:agent-1",
        "absent",
        "",
    ]
)
values = st.one_of(
    st.text(max_size=40),
    st.just(record()),
    st.from_regex(r"[01] [a-z/ .-]{0,12}run-agent.sh agent-1", fullmatch=True),
    st.from_regex(r"(mode|timeout|signals|host_stop)=[a-z0-9. -]{0,9}\n?", fullmatch=True),
    st.from_regex(r"\d{0,25} (activity/user|agents/agent-1/busy)", fullmatch=True),
    st.from_regex(r"(running|waiting) [a-z-]{0,9} ?\d{0,20} ?.{0,9}", fullmatch=True),
    st.from_regex(r"(idle|lifetime) (since|at|last)=\d{0,30}", fullmatch=True),
)


@given(st.lists(st.tuples(keys, values), max_size=8))
def test_any_pairs_give_facts(pairs: list[tuple[str, str]]) -> None:
    output = "".join(f"{key}\0{value}\0" for key, value in pairs).encode(errors="replace")
    assert isinstance(parse(output), HostFacts)


BUSY = f"{NOW - 3} agents/agent-1/busy"
OLDER = 'sh "/mngr/commands/run-agent.sh" "/mngr" "agent-1"'


@pytest.mark.parametrize(
    ("pairs", "state"),
    [
        ({}, "stopped"),
        ({"mtimes": BUSY}, "stopped"),
        ({"alive:agent-1": "1", "mtimes": BUSY}, "running"),
        ({"alive:agent-1": "1"}, "waiting"),
        ({"alive:agent-1": "1", "mtimes": f"{NOW - 30} agents/agent-1/busy"}, "waiting"),
        ({"alive:agent-2": "1", "mtimes": BUSY}, "stopped"),
    ],
)
def test_the_state_of_an_agent(pairs: dict[str, str], state: str) -> None:
    """Alive is whose process lives, running who was busy a moment ago: panes say neither."""
    [agent] = seen(**pairs).agents
    assert agent.state == state


@pytest.mark.parametrize(
    ("line", "seen_as"),
    [
        ("running - 1699999000 output\n", ("running", "", 1699999000.0, "output")),
        (
            "waiting permission 1699999000 title: [ ! ] Do \x07it",
            ("waiting", "permission", 1699999000.0, "title: [ ! ] Do it"),
        ),
        ("waiting - 0 ", ("waiting", "", None, "")),
        ("waiting weary 1699999000 x", ("waiting", "", 1699999000.0, "x")),
    ],
)
def test_what_the_watcher_says_of_a_state_holds(line: str, seen_as: tuple[object, ...]) -> None:
    """Whatever the time says at which it was last busy: there it is a second-hand word."""
    for busy in (BUSY, f"{NOW + 9000} agents/agent-1/busy", ""):
        [agent] = seen(**{"alive:agent-1": "1", "state:agent-1": line, "mtimes": busy}).agents
        assert (agent.state, agent.reason, agent.since, agent.signal) == seen_as
    [agent] = seen(**{"state:agent-1": line, "exit:agent-1": "0", "mtimes": BUSY}).agents
    assert (agent.state, agent.reason) == ("done", "")


@pytest.mark.parametrize("line", ["", "running", "dancing - 1699999000 x", "waiting - "])
def test_a_line_that_says_nothing_leaves_it_to_the_time(line: str) -> None:
    [agent] = seen(**{"alive:agent-1": "1", "state:agent-1": line, "mtimes": BUSY}).agents
    assert (agent.state, agent.reason) == ("running", "")


def test_files_of_the_future_do_not_make_an_agent_busy_nor_a_host_young() -> None:
    [agent] = seen(**{"alive:agent-1": "1", "mtimes": f"{NOW + 9000} agents/agent-1/busy"}).agents
    assert agent.state == "waiting"
    idle = seen(idle=CONF, mtimes=f"{NOW + 9000} activity/user").idle
    assert idle is not None
    assert (idle.idle_since, idle.stops_at) == (NOW, NOW + 800)


@pytest.mark.parametrize(
    ("panes", "state"),
    [
        (f"0 {OLDER}", "running"),
        (f"1 {OLDER}", "stopped"),
        ("0 sleep 900", "stopped"),
        (f"0 {OLDER.replace('agent-1', 'agent-2')}", "stopped"),
        (f"1 sleep 900\n0 {OLDER}\n1 sleep 900", "running"),
    ],
)
def test_an_agent_of_an_older_build_lives_with_the_pane_that_its_shell_was_started_in(
    panes: str, state: str
) -> None:
    [agent] = seen(panes=panes, mtimes=BUSY).agents
    assert agent.state == state


def test_what_keeps_a_host_up_is_said() -> None:
    mtimes = f"{NOW - 3} activity/agent\n{NOW - 900} activity/user"
    idle = seen(idle=CONF, mtimes=mtimes, why="output of agent a1\n").idle
    assert idle is not None
    assert (idle.last_signal, idle.last_seen) == ("agent", "output of agent a1")
    idle = seen(idle=CONF, mtimes=mtimes.replace("activity/user", "x"), why="").idle
    assert idle is not None
    assert idle.last_seen == "an agent at work"


def test_what_an_agent_did_before_is_not_what_keeps_a_host_up_now() -> None:
    mtimes = f"{NOW - 900} activity/agent\n{NOW - 3} activity/user"
    idle = seen(idle=CONF, mtimes=mtimes, why="output of agent a1\n").idle
    assert idle is not None
    assert idle.last_seen == "typing"


def test_an_agent_with_an_exit_code_is_done() -> None:
    [agent] = seen(**{"exit:agent-1": "3\n"}, panes=f"1 {OLDER}").agents
    assert (agent.state, agent.exit_code) == ("done", 3)


@pytest.mark.parametrize("text", ["x", "²", "9" * 5000, ""])
def test_an_exit_code_that_is_no_number_is_unknown(text: str) -> None:
    [agent] = seen(**{"exit:agent-1": text}).agents
    assert (agent.state, agent.exit_code) == ("done", None)


def test_a_half_made_agent_is_marked() -> None:
    [agent] = seen(**{"half:agent-1": "1"}).agents
    assert agent.half_made


def test_a_record_that_cannot_be_read_is_named_and_the_others_stay() -> None:
    facts = seen(**{"agent:agent-2": "{"})
    assert [agent.record.id for agent in facts.agents] == ["agent-1"]
    assert len(facts.problems) == 1
    assert facts.problems[0].startswith("the record of agent-2 can't be read: ")


def test_agents_are_in_the_order_they_were_made() -> None:
    facts = seen(
        **{
            "agent:agent-1": record("z", created_at="2026-01-02T00:00:00Z"),
            "agent:agent-2": record("y", "agent-2", created_at="2026-01-01T00:00:00Z"),
            "agent:agent-3": record("x", "agent-3", created_at="2026-01-02T00:00:00Z"),
        }
    )
    assert [agent.record.name for agent in facts.agents] == ["y", "x", "z"]


def test_an_absent_host_dir_has_no_agents() -> None:
    assert parse(b"absent\x001\x00").agents == []


CONF = "mode=io\ntimeout=800\nsignals=user agent\nhost_stop=exit\n"


def test_a_host_is_idle_since_its_last_signal() -> None:
    view = idle_view(CONF, {"activity/user": 100.0, "activity/agent": 300.0, "activity/ssh": 900.0}, "")
    assert view is not None
    assert (view.idle_since, view.last_signal, view.stops_at) == (300.0, "agent", 1100.0)


def test_who_starts_a_host_has_its_time_out_to_use_it() -> None:
    view = idle_view(CONF, {"activity/user": 100.0, "activity/boot": 500.0}, "")
    assert view is not None
    assert (view.idle_since, view.stops_at, view.stop_cause) == (100.0, 1300.0, "idle")


@pytest.mark.parametrize(
    ("first", "at"), [("5000.50 40050", 999900.0), ("5000.5 ", None), ("", None), ("x y", None)]
)
def test_process_1_tells_when_it_began(first: str, at: float | None) -> None:
    assert parse(f"now\x001004500\x00first\x00{first}\x00".encode()).started_at == at


def test_a_stop_that_is_decided_or_has_begun_is_seen() -> None:
    for file in ("stop/reason", "stop/ended"):
        assert parse(f"mtimes\x0077 {file}\x00".encode()).stopping_since == 77.0
    assert parse(b"mtimes\x0077 activity/boot\x00").stopping_since is None


def test_a_host_that_does_not_stop_itself_has_no_stop_time() -> None:
    view = idle_view(CONF.replace("exit", "none"), {"activity/user": 100.0}, "")
    assert view is not None
    assert (view.idle_since, view.stops_at) == (100.0, None)


def test_no_time_out_means_no_stop_time() -> None:
    view = idle_view(CONF.replace("800", "0"), {"activity/user": 100.0}, "")
    assert view is not None
    assert view.stops_at is None


def test_without_a_conf_nothing_is_known_of_idling() -> None:
    assert idle_view("", {}, "") is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "idle since=1700000000 last=user mode=io timeout=800 at=1700000801",
            "idle since 2023-11-14T22:13:20Z (last seen: user; mode io, 800 s)",
        ),
        ("lifetime at=1700000000", "reached its max lifetime at 2023-11-14T22:13:20Z"),
        ("lifetime", "reached its max lifetime"),
        ("idle since=x", "idle since=x"),
        ("", ""),
    ],
)
def test_why_a_host_stopped_itself_is_said_in_words(line: str, said: str) -> None:
    assert describe_reason(line) == said


@pytest.mark.parametrize("odd", ["x\nMatch exec true\nHost y", "../../host", "a b", "", "-o", "x" * 64])
@pytest.mark.parametrize("field", ["name", "id"])
def test_a_name_or_id_that_mngr_never_gives_is_no_record(field: str, odd: str) -> None:
    """An agent that is root there can write what it likes; names and ids go into files here, ssh's configuration too."""
    facts = parse(
        printed({"now": str(NOW), "agent:agent-1": record(**{field: odd}), "mtimes": "", "panes": ""})
    )
    assert facts.agents == []
    assert "agent-1" in facts.problems[0]


def test_an_agent_cant_pass_for_another() -> None:
    facts = parse(
        printed({"now": str(NOW), "agent:agent-1": record("z", "agent-2"), "mtimes": "", "panes": ""})
    )
    assert facts.agents == []
    assert facts.problems
