"""Starting what stopped itself between the look and the start."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mngr.agents import tmux
from mngr.cli.destroy import described
from mngr.cli.destroy import note as destroyed_note
from mngr.cli.stop import note as stopped_note
from mngr.config.schema import Config
from mngr.hosts import layout
from mngr.model.clock import SYSTEM
from mngr.model.errors import Unreachable
from mngr.model.progress import Step
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, StopSaves
from mngr.ops import lifecycle, memory
from mngr.ops.names import Group
from mngr.providers.contract import Abilities, Snapshot, SnapshotListing


class Fake:
    """A Mngr with one provider, whose host is down until it is started."""

    clock = SYSTEM
    config = Config()
    own_types = config.agent_types
    abilities = Abilities()

    def __init__(self) -> None:
        self.up = False
        self.started: list[str] = []

    def provider(self, name: str) -> "Fake":
        return self

    def host_settings(self) -> dict[str, bytes]:
        return {}

    def place(self, record: HostRecord) -> Any:
        return SimpleNamespace(transport=None)

    def view(self, host_id: str) -> HostView:
        return group("running" if self.up else "paused").host

    def start(self, host_id: str, progress: Any) -> HostRecord:
        self.up = True
        self.started.append(host_id)
        return HostRecord(id=host_id, name="one", provider="fake", backend="fake")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()

    def start(place: Any, record: AgentRecord, files: dict[str, bytes], *, fresh: bool) -> tmux.Begun:
        if not fake.up:
            raise Unreachable("connection closed by remote host")
        return tmux.Begun()

    monkeypatch.setattr(tmux, "start", start)
    monkeypatch.setattr(memory, "remember", lambda *_: None)
    return fake


def group(state: Any) -> Group:
    record = HostRecord(id="host-1", name="one", provider="fake", backend="fake")
    agent = AgentView(record=AgentRecord(id="agent-1", name="one"), state="running")
    return Group(host=HostView(record=record, state=state, agents=[agent]), agents=[agent])


def test_a_host_that_was_seen_running_and_isnt_is_started(fake: Fake) -> None:
    phases: list[Step] = []
    done = lifecycle.start(fake, group("running"), phases.append)  # type: ignore[arg-type]
    assert (done.host.state, [one.state for one in done.agents]) == ("running", ["running"])
    assert fake.started == ["host-1"]
    assert phases == [Step("start agent"), Step("start host"), Step("start agent")]


def test_a_host_that_was_just_started_and_cant_be_reached_is_an_error(fake: Fake) -> None:
    fake.start = lambda host_id, progress: HostRecord(id=host_id, name="one", provider="fake", backend="fake")  # type: ignore[method-assign]
    with pytest.raises(Unreachable):
        lifecycle.start(fake, group("paused"), lambda phase: None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("ssh_trust", "told"), [("pinned", b"https://t/s3cret\n"), ("unverified", b"")])
def test_an_address_as_secret_as_a_token_goes_to_no_unverified_host(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, ssh_trust: Any, told: bytes
) -> None:
    sent: list[dict[str, bytes]] = []
    fake.up = True
    fake.host_settings = lambda: layout.settings("", {}, "https://t/s3cret")  # type: ignore[method-assign]

    def start(place: Any, record: AgentRecord, files: dict[str, bytes], *, fresh: bool) -> tmux.Begun:
        sent.append(files)
        return tmux.Begun()

    monkeypatch.setattr(tmux, "start", start)
    one = group("running")
    one.host.record = msgspec.structs.replace(one.host.record, ssh_trust=ssh_trust)
    lifecycle.start(fake, one, lambda phase: None)  # type: ignore[arg-type]
    assert sent[0]["commands/tell_url"] == told


# --- what a destroy leaves -----------------------------------------------------------------------------------------


class Keeper(Fake):
    """A provider whose snapshots outlive their host."""

    abilities = Abilities(restores_by_id=True)
    kept = 2

    def destroy(self, host_id: str, progress: Any) -> None:
        self.destroyed = host_id

    def snapshot_list(self, host_id: str = "") -> SnapshotListing:
        one = Snapshot(
            id="snap-1", name="n", host_id=host_id, host_name="one", provider="fake", created_at="", size_bytes=7_000_000
        )  # fmt: skip
        return SnapshotListing(snapshots=[one] * self.kept)

    snapshot_create = snapshot_destroy = snapshot_export = snapshot_list


Keeper.name = "fake"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kept", "note"),
    [
        (0, ""),
        (1, "1 snapshot of it stays on fake: 7 MB of disk; `mngr snapshot list` shows them"),
        (2, "2 snapshots of it stay on fake: 14 MB of disk; `mngr snapshot list` shows them"),
    ],
)
def test_a_destroy_says_what_stays(monkeypatch: pytest.MonkeyPatch, kept: int, note: str) -> None:
    monkeypatch.setattr(memory, "forget", lambda *_: None)
    keeper = Keeper()
    keeper.kept = kept
    done = lifecycle.destroy(keeper, group("running"), lambda phase: None)  # type: ignore[arg-type]
    assert (done.host_gone, done.snapshots_left is not None) == (True, kept > 0)
    assert destroyed_note(group("running"), done) == note
    assert keeper.destroyed == "host-1"


def test_a_destroy_says_what_went_with_its_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "forget", lambda *_: None)
    keeper, gone = Keeper(), group("running")
    keeper.abilities = Abilities()
    gone.host.snapshots = 2
    gone.host.paid_until = "2027-01-01"
    done = lifecycle.destroy(keeper, gone, lambda phase: None)  # type: ignore[arg-type]
    assert (done.snapshots_lost, done.snapshots_left) == (2, None)
    assert destroyed_note(gone, done) == (
        "and 2 snapshots that lived on its machine only; its machine is paid until 2027-01-01, and not renewed"
    )


@pytest.mark.parametrize(
    ("price", "permanent", "note"),
    [
        (0.1, False, "host one stays, with two and its bill (0.1 USD/h)"),
        (None, False, "host one stays, with two"),
        (None, True, ""),
    ],
)
def test_a_destroy_says_who_stays(
    monkeypatch: pytest.MonkeyPatch, price: float | None, permanent: bool, note: str
) -> None:
    monkeypatch.setattr(memory, "forget", lambda *_: None)
    monkeypatch.setattr(tmux, "remove", lambda *_: None)
    fake, one = Fake(), group("running")
    fake.agent_removed = lambda *_: None  # type: ignore[attr-defined]
    record = HostRecord(id="host-1", name="one", provider="fake", backend="fake", price_per_hour=price)
    two = AgentView(record=AgentRecord(id="agent-2", name="two"), state="running")
    host = HostView(record=record, state="running", agents=[*one.agents, two], permanent=permanent)
    assert (note in described(Group(host=host, agents=one.agents)), permanent) == (True, not note), "asked"
    done = lifecycle.destroy(fake, Group(host=host, agents=one.agents), lambda phase: None)  # type: ignore[arg-type]
    assert (done.host_gone, done.stays_with, done.billed) == (False, ["two"], bool(price))
    assert destroyed_note(Group(host=host, agents=one.agents), done) == note


class Stopping(Fake):
    def __init__(self) -> None:
        super().__init__()
        self.stopped: list[str] = []

    def stop(self, host_id: str, progress: Any) -> None:
        self.stopped.append(host_id)


def test_a_stop_leaves_a_host_up_that_may_carry_other_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmux, "stop", lambda *_: None)
    fake = Stopping()
    unread = group("running")
    unread.host.agents_known = False
    assert not lifecycle.stop(fake, unread, lambda _: None).host_stopped  # type: ignore[arg-type]
    unseen = group("running")
    other = AgentView(record=AgentRecord(id="agent-2", name="two"), state="unknown")
    unseen.host.agents.append(other)
    lifecycle.stop(fake, unseen, lambda _: None)  # type: ignore[arg-type]
    assert fake.stopped == []
    saves = StopSaves(paid_on=["disk"], cloud="Cloud")
    fake.abilities = Abilities(stop_saves=saves)
    done = lifecycle.stop(fake, group("running"), lambda _: None)  # type: ignore[arg-type]
    assert fake.stopped == ["host-1"]
    assert done == lifecycle.Stopped(host_stopped=True, saves=saves)
    assert stopped_note(done) == "which saves all but its disk"


def test_a_host_that_may_carry_other_agents_isnt_destroyed_with_one() -> None:
    unread = group("running")
    unread.host.agents_known = False
    with pytest.raises(Unreachable, match="which agents are on host one on fake can't be read"):
        lifecycle.destroy(Fake(), unread, lambda _: None)  # type: ignore[arg-type]
