"""What `list` shows of machines that carry no host, can't be reached, or whose cloud can't be read."""

from pathlib import Path

import msgspec
import pytest

from mngr.journal import Intent, Journal
from mngr.model.clock import left, within
from mngr.model.errors import NotFound
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.states import HostState
from mngr.model.views import AgentView, HostView, IdleView, StopSaves
from mngr.vps_docker import tags
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.discovery import remember as remember_view
from mngr.vps_docker.views import record_of
from support.rented import ManualClock, MemoryCloud, provider, unreadable

MACHINE = {"host_id": "host-0123456789abcdef", "name": "m", "plan": "p", "region": "r", "image": "i"}
HOST = "host-0123456789abcdef"
AGENT = AgentRecord(id="agent-0123456789abcdef", name="a1")
NOWHERE = "127.99.99.99"


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud(ManualClock())


def ready() -> dict[str, str]:
    return {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.HOST_NAME: "box", tags.READY: "1"}


def remember(home: Path, cloud: MemoryCloud) -> None:
    one = provider(home, cloud).rented
    one.cache.put(Remembered(record=record_of(one, cloud.machines["i-1"], None), agents=[AGENT]))


def test_a_machine_that_cant_be_reached_shows_its_last_known_agents(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put("i-1", ready(), address=NOWHERE, state="running")
    remember(tmp_path, cloud)
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert (host.state, host.record.name) == ("unreachable", "box")
    assert [(one.record.name, one.state) for one in host.agents] == [("a1", "unknown")]
    assert NOWHERE in host.problem


def test_a_cloud_that_cant_be_read_is_an_error_row_and_known_hosts_are_asked_all_the_same(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put("i-1", ready(), address=NOWHERE, state="running")
    remember(tmp_path, cloud)
    cloud.failing["find"] = unreadable()
    listing = provider(tmp_path, cloud).discover()
    assert [(one.what, one.error) for one in listing.errors] == [("cloud", "the cloud is down")]
    assert [(one.state, one.record.name) for one in listing.hosts] == [("unreachable", "box")]


@pytest.mark.parametrize(("known", "share"), [(True, 50), (False, 100)])
def test_a_cloud_that_hangs_leaves_half_of_the_time_to_machines_that_are_known(
    cloud: MemoryCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, share: float
) -> None:
    cloud.put("i-1", ready(), address=NOWHERE, state="running")
    if known:
        remember(tmp_path, cloud)
    one, seen = provider(tmp_path, cloud), []
    find = one.cloud.find_ours
    monkeypatch.setattr(one.cloud, "find_ours", lambda ours: (seen.append(left(1000)), find(ours))[1])
    with within(100):
        one.discover()
    assert [share - 5 < time <= share for time in seen] == [True]


def test_one_that_is_being_built_by_another_laptop(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", tags.building("cloud", HOST, "box", "laptop-2", cloud.now()))
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert (host.state, host.problem) == ("building", "being built by another computer (laptop-2)")


def test_one_that_nobody_builds_any_more(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", tags.building("cloud", HOST, "box", "laptop-2", cloud.now()))
    cloud.clock.at += 5000
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert host.state == "failed"
    assert "mngr gc" in host.problem


def test_one_without_a_lease_says_how_to_end_it(cloud: MemoryCloud, tmp_path: Path) -> None:
    """As when a write came later than anybody waited for it."""
    made = tags.building("cloud", HOST, "box", "laptop-2", cloud.now())
    cloud.put("i-1", {key: value for key, value in made.items() if key not in (tags.UNTIL, tags.BUILDER)})
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert host.state == "failed"
    assert "`mngr destroy @box`" in host.problem


def test_an_intent_without_a_machine_is_shown(cloud: MemoryCloud, tmp_path: Path) -> None:
    with Journal(tmp_path / "journal").hold("cloud", HOST) as held:
        held.write(
            Intent(
                provider="cloud", subject=HOST, kind="create", plan={"host_name": "box", "machine": MACHINE}
            )
        )
        (host,) = provider(tmp_path, cloud).discover().hosts
        assert (host.state, host.record.name, host.problem) == ("building", "box", "")
    (host,) = provider(tmp_path, cloud).discover({"box"}).hosts
    assert (host.state, host.problem) == (
        "failed",
        "its create was cut short; `mngr gc` releases what it made",
    )
    assert provider(tmp_path, cloud).discover({"other"}).hosts == []


def test_a_powered_off_machine_says_that_it_bills(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", ready(), state="stopped")
    remember(tmp_path, cloud)
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert (host.state, host.problem) == (
        "stopped",
        "its machine is powered off, which Memory bills all the same",
    )
    assert [one.state for one in host.agents] == ["stopped"]
    assert host.stop_saves == StopSaves(paid_on=["machine"], cloud="Memory")


def test_an_agent_that_was_done_still_is_on_a_powered_off_machine(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", ready(), state="stopped")
    one = provider(tmp_path, cloud).rented
    other = AgentRecord(id="agent-00000000000000ff", name="a2")
    record = record_of(one, cloud.machines["i-1"], None)
    view = HostView(
        record=record,
        state="running",
        agents=[AgentView(record=AGENT, state="done", exit_code=3), AgentView(record=other, state="waiting")],
    )
    remember_view(one, view)
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert [(agent.state, agent.exit_code) for agent in host.agents] == [("done", 3), ("stopped", None)]


def test_only_asks_no_other_machine(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", ready(), address=NOWHERE, state="running")
    assert provider(tmp_path, cloud).discover({"another"}).hosts == []
    assert len(provider(tmp_path, cloud).discover({"box"}).hosts) == 1
    assert len(provider(tmp_path, cloud).discover({HOST}).hosts) == 1


def test_an_unreadable_intent_is_an_error_row(cloud: MemoryCloud, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / f"cloud.{HOST}.json").write_text("{")
    (error,) = provider(tmp_path, cloud).discover().errors
    assert HOST in error.what


def test_not_seen_isnt_gone(cloud: MemoryCloud, tmp_path: Path) -> None:
    """A list that lags doesn't make a host vanish: the machine itself is asked."""
    cloud.put("i-1", ready(), address=NOWHERE, state="running")
    remember(tmp_path, cloud)
    cloud.find = lambda owner: []  # type: ignore[method-assign]
    one = provider(tmp_path, cloud)
    assert one.view(HOST).state == "unreachable"
    del cloud.machines["i-1"]
    with pytest.raises(NotFound, match=r"i-1"):
        one.view(HOST)


def test_lost_pins_are_taken_from_the_tags(cloud: MemoryCloud, tmp_path: Path) -> None:
    key = "AAAAC3NzaC1lZDI1NTE5AAAAILfkdVYAqCYCy5Oq/x+OKgt3lON83+Gw9W/Fn8ChmK3z"
    cloud.put("i-1", {**ready(), tags.HOST_KEY: key}, address=NOWHERE, state="running")
    one = provider(tmp_path, cloud)
    one.discover()
    assert one.rented.access.machine_pins(HOST) == [f"ssh-ed25519 {key}"]


@pytest.mark.parametrize(
    ("hours", "cost"), [(0.1, 0.01), (1.5, 0.02), (499, 4.99), (600, 5), (730, 5), (740, 5.1), (1460, 10)]
)
def test_cost_so_far_by_the_started_hour_up_to_a_months_price(
    cloud: MemoryCloud, tmp_path: Path, hours: float, cost: float
) -> None:
    cloud.put("i-1", ready(), state="stopped")
    one = provider(tmp_path, cloud)
    priced = {"price_per_month": "5.0", "id": "i-1"}
    record = HostRecord(
        id=HOST, name="box", provider="cloud", backend="memory", price_per_hour=0.01, handle=priced
    )
    one.rented.cache.put(Remembered(record=record, at=0))
    cloud.clock.at += hours * 3600
    (host,) = one.discover().hosts
    assert host.cost_so_far == pytest.approx(cost)


def test_agents_of_a_machine_that_cant_be_asked_are_known_only_where_some_were_seen(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put(
        "i-1",
        {**tags.building("cloud", HOST, "box", "laptop-2", cloud.now()), tags.READY: "1"},
        state="failed",
    )
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert (host.state, host.agents, host.agents_known) == ("unreachable", [], False)


class KeepingCloud(MemoryCloud):
    """A cloud that is told of agents."""

    def keep_agents(self, id: str, put: object, drop: object = (), all_: object = None) -> None: ...


OTHER = AgentRecord(id="agent-00000000000000b2", name="b2")


@pytest.mark.parametrize(
    ("kept", "before", "names", "known"),
    [
        ([OTHER], [AGENT], ["a1", "b2"], True),
        ([OTHER], [], ["b2"], True),
        ([], [AGENT], ["a1"], True),
        ([], [], [], False),  # what tags alone say makes no host empty
        (None, [AGENT], ["a1"], False),
        (None, [], [], False),
    ],
)
def test_what_a_cloud_keeps_of_a_stopped_hosts_agents_adds_to_what_was_seen(
    tmp_path: Path, kept: list[AgentRecord] | None, before: list[AgentRecord],
    names: list[str], known: bool,
) -> None:  # fmt: skip
    cloud = KeepingCloud(ManualClock())
    cloud.put("i-1", ready(), state="stopped", agents=kept)
    one = provider(tmp_path, cloud)
    one.rented.cache.put(Remembered(record=record_of(one.rented, cloud.machines["i-1"], None), agents=before))
    (host,) = one.discover().hosts
    assert (host.state, [each.record.name for each in host.agents]) == ("stopped", names)
    assert host.agents_known == known


@pytest.mark.parametrize(("known", "said"), [(False, True), (True, False)])
def test_shortened_records_are_said_to_be_or_filled_in(tmp_path: Path, known: bool, said: bool) -> None:
    cloud = KeepingCloud(ManualClock())
    cloud.put("i-1", ready(), state="stopped", agents=[AGENT], agents_shortened=True)
    one = provider(tmp_path, cloud)
    whole = msgspec.structs.replace(AGENT, command=["make"], labels={"a": "b"}, work_dir="/work")
    record = record_of(one.rented, cloud.machines["i-1"], None)
    one.rented.cache.put(Remembered(record=record, agents=[whole] if known else []))
    (host,) = one.discover().hosts
    assert [each.record for each in host.agents] == [whole if known else AGENT]
    assert ("shortened:" in host.problem) == said


def test_records_that_arent_whole_are_said_to_be_so(tmp_path: Path) -> None:
    cloud = KeepingCloud(ManualClock())
    cloud.put("i-1", ready(), state="stopped", agents=None)
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert "a start writes them anew" in host.problem


@pytest.mark.parametrize(
    ("state", "idle", "kept"),
    [
        ("running", None, 99.0),
        ("stopping", IdleView(mode="io", timeout_s=900), 99.0),
        ("stopped", None, 99.0),
        ("running", IdleView(mode="io", timeout_s=900), None),
    ],
)
def test_a_lifetimes_end_is_kept_until_a_machine_that_runs_says_that_there_is_none(
    cloud: MemoryCloud, tmp_path: Path, state: HostState, idle: IdleView | None, kept: float | None
) -> None:
    cloud.put("i-1", ready())
    rented = provider(tmp_path, cloud).rented
    record = record_of(rented, cloud.machines["i-1"], None)
    rented.cache.put(Remembered(record=record, agents=[], ends_at=99.0))
    remember_view(rented, HostView(record=record, state=state, idle=idle))
    found = rented.cache.get(HOST)
    assert found
    assert found.ends_at == kept
