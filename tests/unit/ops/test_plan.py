"""A create is checked, priced and looked up once, and carried out as it was planned."""

from __future__ import annotations

from collections.abc import Collection
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mngr.agents import tmux
from mngr.cli import words
from mngr.config.schema import Config
from mngr.model.clock import SYSTEM
from mngr.model.errors import Conflict, InvalidInput, MngrError
from mngr.model.progress import Progress
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, Listing, Offer, StopSaves
from mngr.ops import memory
from mngr.ops.code import sending
from mngr.ops.code.scan import scan
from mngr.ops.context import Mngr, Phases
from mngr.ops.create import FRESH_S, Created, create
from mngr.ops.notes import HostElsewhere, Withheld
from mngr.ops.plan import CreatePlan, plan
from mngr.ops.request import CreateRequest
from mngr.providers.contract import Abilities, HostSpec

SECRET = "hunter2-of-the-agent"
BOUGHT = Offer(plan="vps-1", per_month=7.99, due_now=7.99, term_months=1, renews_on="2026-12-29")


class Cloud:
    """A provider of hosts that counts what it is asked. `hosts`: those that are there."""

    name = backend = "cloud"
    host_dir = "/mngr"

    def __init__(self, offer: Offer = BOUGHT, **abilities: Any) -> None:
        self.abilities = Abilities(**{"starts_agents": True, **abilities})
        self.offer = offer
        self.asked: list[str] = []
        self.hosts: list[HostView] = []
        self.made: list[tuple[HostSpec, Offer]] = []

    def check(self, spec: HostSpec) -> Offer:
        self.asked.append("check")
        return self.offer

    def discover(self, only: Collection[str] | None = None) -> Listing:
        self.asked.append("discover")
        return Listing(hosts=self.hosts)

    def create(self, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
        self.made.append((spec, offer))
        return msgspec.structs.replace(there(spec.name).record, ssh_trust=self.abilities.ssh_trust)

    def agent_saved(self, host_id: str, record: AgentRecord) -> None: ...
    def agent_removed(self, host_id: str, agent_id: str) -> None: ...
    def destroy(self, host_id: str, progress: Progress) -> None: ...
    def transport(self, record: HostRecord) -> Any: ...


def there(name: str, *agents: str) -> HostView:
    record = HostRecord(id=f"host-{name}", name=name, provider="cloud", backend="cloud")
    views = [AgentView(record=AgentRecord(id=f"agent-{one}", name=one), state="running") for one in agents]
    return HostView(record=record, state="running", agents=views)


class Slow:
    """A person who thinks for `seconds` before they agree, on a clock of its own."""

    now = SYSTEM.now
    sleep = SYSTEM.sleep

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at

    def agree(self, checked: CreatePlan) -> None:
        self.at += self.seconds


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bytes]]:
    """The files of each agent that was started by us."""
    files: list[dict[str, bytes]] = []
    monkeypatch.setattr(tmux, "start", lambda place, agent, sent: (files.append(sent), tmux.Begun())[1])
    return files


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def made(tmp_path: Path, cloud: Cloud, clock: Any = SYSTEM) -> Mngr:
    mngr = Mngr(tmp_path, Config(), clock)
    mngr._providers["cloud"] = cloud  # type: ignore[assignment]
    return mngr


def request(**more: Any) -> CreateRequest:
    return CreateRequest(**{"name": "one", "provider": "cloud", **more})


def env_of(files: dict[str, bytes]) -> bytes:
    return next(data for path, data in files.items() if path.endswith("env.sh"))


# --- once ---------------------------------------------------------------------------------------------------------


def test_a_create_asks_its_provider_once_each(tmp_path: Path, cloud: Cloud) -> None:
    seen: list[CreatePlan] = []
    done = create(made(tmp_path, cloud), request(), agree=seen.append)
    assert sorted(cloud.asked) == ["check", "discover"]
    assert [offer for _, offer in cloud.made] == [BOUGHT], "what was agreed to is what is bought"
    assert [(one.offer, one.asks(None)) for one in seen] == [(BOUGHT, True)]
    assert [phase.name for phase in done.phases] == ["check"]


def test_a_plan_is_carried_out_without_another_check(tmp_path: Path, cloud: Cloud) -> None:
    mngr = made(tmp_path, cloud)
    checked = plan(mngr, request())
    assert (checked.onto, checked.offer, cloud.made) == (None, BOUGHT, [])
    create(mngr, checked)
    assert sorted(cloud.asked) == ["check", "discover", "discover"], "the name is looked up under its lock"
    assert [offer for _, offer in cloud.made] == [BOUGHT]


@pytest.mark.parametrize(("thinks_s", "scans"), [(0, 1), (60, 2)])
def test_a_create_reads_the_code_once(
    tmp_path: Path,
    cloud: Cloud,
    started: list[dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    thinks_s: float,
    scans: int,
) -> None:
    """And once more if it may have changed meanwhile."""
    read: list[Path] = []
    monkeypatch.setattr(sending, "scan", lambda source: [read.append(source), scan(source)][1])
    monkeypatch.setattr(sending, "_stream", lambda *_: None)
    (tmp_path / "code").mkdir()
    slow = Slow(thinks_s)
    create(made(tmp_path, cloud, slow), request(source=tmp_path / "code"), agree=slow.agree)
    assert len(read) == scans


def test_who_refuses_buys_nothing_and_the_name_is_free_again(tmp_path: Path, cloud: Cloud) -> None:
    mngr = made(tmp_path, cloud)

    def no(checked: CreatePlan) -> None:
        raise MngrError("too dear")

    with pytest.raises(MngrError, match="too dear"):
        create(mngr, request(), agree=no)
    assert cloud.made == []
    assert isinstance(create(mngr, request()), Created)


def test_the_name_is_ours_while_somebody_thinks(tmp_path: Path, cloud: Cloud) -> None:
    mngr = made(tmp_path, cloud)

    def meanwhile(checked: CreatePlan) -> None:
        with pytest.raises(Conflict, match="is being created by another mngr"):
            create(mngr, request())

    create(mngr, request(), agree=meanwhile)
    assert len(cloud.made) == 1


def test_a_host_that_came_while_somebody_thought_is_seen(tmp_path: Path, cloud: Cloud) -> None:
    slow = Slow(FRESH_S + 1)
    mngr = made(tmp_path, cloud, slow)

    def agree(checked: CreatePlan) -> None:
        slow.agree(checked)
        cloud.hosts = [there("one", "one")]

    with pytest.raises(Conflict, match="agent one is on cloud already"):
        create(mngr, request(), agree=agree)
    assert cloud.made == []


def test_nobody_thinks_on_the_clock_of_the_create(tmp_path: Path, cloud: Cloud) -> None:
    slow = Slow(FRESH_S - 1)
    mngr = made(tmp_path, cloud, slow)
    done = create(mngr, request(), Phases(slow, lambda told: None), slow.agree)
    assert sum(phase.seconds for phase in done.phases) == 0
    assert cloud.asked.count("discover") == 1


# --- money --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offer", "agreed", "above", "asks"),
    [
        (BOUGHT, False, None, True),
        (BOUGHT, False, inf, True),
        (BOUGHT, True, 0, False),
        (msgspec.structs.replace(BOUGHT, agreed=True), False, 0, False),
        (msgspec.structs.replace(BOUGHT, per_hour=0.001), False, 0.02, True),
        (Offer(per_hour=0.01, per_month=5), False, 0, True),
        (Offer(per_hour=0.01, per_month=5), False, 0.009, True),
        (Offer(per_hour=0.01, per_month=5), False, 0.01, False),
        (Offer(per_hour=0.01, per_month=5), True, 0, False),
        (Offer(per_hour=0.01, per_month=5), False, None, False),
        (Offer(per_month=5), False, inf, True),
        (Offer(per_month=5), False, None, False),
        (Offer(unpriced=True), False, inf, True),
        (Offer(unpriced=True), True, 0, False),
        (Offer(unpriced=True), False, None, False),
    ],
)
def test_who_is_asked(tmp_path: Path, offer: Offer, agreed: bool, above: float | None, asks: bool) -> None:
    checked = plan(made(tmp_path, Cloud(offer)), request(agreed=agreed))
    assert (checked.costs, checked.asks(above)) == (True, asks)


def test_a_price_that_couldnt_be_learned_isnt_nothing(tmp_path: Path) -> None:
    lines = words.of_plan(plan(made(tmp_path, Cloud(Offer(unpriced=True))), request()))
    assert any("isn't known" in line for line in lines)
    assert not any("nothing" in line and "costs" in line for line in lines)


def test_nobody_is_asked_for_nothing(tmp_path: Path) -> None:
    checked = plan(made(tmp_path, Cloud(Offer())), request())
    assert (checked.costs, checked.asks(0)) == (False, False)


def test_a_host_that_is_there_costs_nothing_more(
    tmp_path: Path, cloud: Cloud, started: list[dict[str, bytes]]
) -> None:
    cloud.hosts = [there("box")]
    mngr = made(tmp_path, cloud)
    checked = plan(mngr, request(host="box"))
    assert (checked.costs, checked.asks(0), checked.offer) == (False, False, Offer())
    assert words.of_plan(checked) == [
        "costs nothing more",
        "on host box, which is there: no other one is made",
    ]
    create(mngr, checked)
    assert (len(started), cloud.made) == (1, [])
    cloud.hosts = []
    with pytest.raises(Conflict, match="was there a moment ago"):
        create(mngr, checked)
    assert cloud.made == []


def test_a_host_that_is_about_to_stop_is_put_on_and_none_is_made(
    tmp_path: Path, cloud: Cloud, started: list[dict[str, bytes]]
) -> None:
    cloud.hosts = [msgspec.structs.replace(there("box"), state="stopping", stopped_at=1.0)]
    create(made(tmp_path, cloud), request(host="box"))
    assert (len(started), cloud.made) == (1, [])


def test_an_offer_in_words(tmp_path: Path, cloud: Cloud) -> None:
    assert words.of_plan(plan(made(tmp_path, cloud), request())) == [
        "plan vps-1",
        "USD 7.99 a month",
        "paid at once: USD 7.99 for a month, without tax; there is no hourly price",
        "renews on 2026-12-29 and every month after that, until it is destroyed",
        "destroying it cancels the renewal: it runs on, paid, until then; nothing is paid back",
        "a stop saves nothing",
    ]
    hourly = Offer(plan="s", per_hour=0.007, per_month=5, cpus=1, memory_gb=0.5, disk_gb=25)
    saving = Cloud(hourly, stop_saves=StopSaves(paid_on=["disk"], cloud="Cloud"))
    assert words.of_plan(plan(made(tmp_path, saving), request())) == [
        "plan s",
        "USD 0.007 an hour, at most USD 5 a month",
        "1 vCPU, 0.5 GB RAM, 25 GB disk",
        "billed by the hour until it is destroyed",
        "a stop saves all but its disk",
    ]
    for free in (Offer(), Offer(per_hour=0.0, per_month=0.0)):
        assert words.of_plan(plan(made(tmp_path, Cloud(free)), request())) == ["costs nothing"]


def test_a_host_of_that_name_elsewhere_is_said_before(tmp_path: Path, cloud: Cloud) -> None:
    mngr = made(tmp_path, cloud)
    mngr._providers["here"] = Cloud()  # type: ignore[assignment]
    own = there("own", "first")
    own.record = msgspec.structs.replace(own.record, provider="here")
    memory.remember(mngr, own, own.agents[0])
    assert plan(mngr, request(host="own")).notes == [
        HostElsewhere(agent="one", host="own", provider="cloud", others=["here"])
    ]
    assert plan(mngr, request(name="own")).notes == [], "nobody named a host"
    assert plan(mngr, request(host="other")).notes == []
    cloud.hosts = [there("own")]
    assert plan(mngr, request(host="own")).notes == []


# --- secrets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("starts_agents", [True, False])
@pytest.mark.parametrize(
    ("ssh_trust", "sends", "arrives"),
    [("unverified", False, False), ("unverified", True, True), ("pinned", False, True)],
)
def test_variables_go_to_no_unverified_host_on_either_way(
    tmp_path: Path,
    started: list[dict[str, bytes]],
    starts_agents: bool,
    ssh_trust: str,
    sends: bool,
    arrives: bool,
) -> None:
    cloud = Cloud(starts_agents=starts_agents, ssh_trust=ssh_trust)
    asked = request(env={"TOKEN": SECRET}, trust_first_contact=sends)
    before: list[CreatePlan] = []
    mngr = made(tmp_path, cloud)
    mngr._config = msgspec.structs.replace(mngr.config, tell_url="https://there/s3cret")
    done = create(mngr, asked, agree=before.append)
    [files] = [spec.agent_files for spec, _ in cloud.made] if starts_agents else started
    assert (SECRET.encode() in env_of(files)) == arrives
    assert (b"s3cret" in files["commands/tell_url"]) == arrives
    withheld = Withheld(agent="one", names=["TOKEN", "tell_url"], host="one", backend="cloud")
    assert done.notes == ([] if arrives else [withheld])
    assert [note for one in before for note in one.notes] == done.notes, "it is said before anything is paid"


def test_a_plan_shows_no_variable(tmp_path: Path, cloud: Cloud) -> None:
    assert SECRET not in repr(plan(made(tmp_path, cloud), request(env={"TOKEN": SECRET})))


# --- the work dir on this computer --------------------------------------------------------------------------------


def test_a_directory_that_was_named_twice_is_refused(tmp_path: Path) -> None:
    here = Cloud(Offer(), isolated=False)
    both = {"source": tmp_path, "work_dir": str(tmp_path)}
    with pytest.raises(InvalidInput, match="--from and --workdir exclude each other"):
        plan(made(tmp_path, here), request(**both))
    plan(made(tmp_path, here), request(**both, source_implied=True))


def test_a_killed_create_is_priced_as_the_host_that_it_has_begun(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has ordered is in the way of another host, not in its own."""
    begun = there("one")
    begun.state = "building"
    cloud.hosts = [begun]
    asked: list[str] = []

    def check(spec: HostSpec) -> Offer:
        asked.append(spec.id)
        if spec.id != begun.record.id:
            raise InvalidInput("beyond the quota")
        return BOUGHT

    monkeypatch.setattr(cloud, "check", check)
    assert plan(made(tmp_path, cloud), request()).offer == BOUGHT
    assert asked[-1] == begun.record.id
