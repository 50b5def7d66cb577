"""Another account's credentials: what is paid for in the first one still shows, and nothing of it is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.journal import Intent, Journal
from mngr.model.errors import Conflict, MngrError, Unreachable
from mngr.model.records import AgentRecord
from mngr.vps_docker import tags
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.views import record_of
from support.rented import ManualClock, MemoryCloud, provider

HOST = "host-0123456789abcdef"
NOWHERE = "127.99.99.99"
READY = {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.HOST_NAME: "box", tags.READY: "1"}


class Account(MemoryCloud):
    def __init__(self, name: str) -> None:
        super().__init__(ManualClock())
        self.name = name

    def account(self) -> str:
        self._call("account")
        return self.name


@pytest.fixture
def first(tmp_path: Path) -> Account:
    """Has a host that this computer saw, with its pins."""
    cloud = Account("one@example.com")
    cloud.put("i-1", READY, address=NOWHERE, state="running")
    one = provider(tmp_path, cloud).rented
    record = record_of(one, cloud.machines["i-1"], None)
    agents = [AgentRecord(id="agent-0123456789abcdef", name="a1")]
    one.cache.put(Remembered(record=record, agents=agents, at=1_700_000_000, account=cloud.name))
    one.access.pin_machine(HOST, NOWHERE, ["ssh-ed25519 AAAA"])
    return cloud


@pytest.fixture
def second() -> Account:
    return Account("two@example.com")


def kept(home: Path) -> set[str]:
    return {
        str(path.relative_to(home))
        for path in home.rglob("*")
        if (path.is_file() and "known_hosts" in str(path)) or "cache" in str(path)
    }


def test_the_host_still_shows_with_when_it_was_last_seen(
    first: Account, second: Account, tmp_path: Path
) -> None:
    for only in (None, {"box"}, {HOST}):
        listing = provider(tmp_path, second).discover(only)
        (host,) = listing.hosts
        assert (host.state, host.record.name) == ("unreachable", "box")
        assert [(one.record.name, one.state) for one in host.agents] == [("a1", "unknown")]
        (error,) = listing.errors
        for said in (host.problem, error.error):
            assert "account two@example.com, whose credentials are used here, doesn't know it" in said
            assert "it is account one@example.com's" in said
            assert "last seen on 2023-11-14T22:13:20Z" in said
    assert provider(tmp_path, second).discover({"other"}).hosts == []


def test_no_verb_takes_it_for_gone(first: Account, second: Account, tmp_path: Path) -> None:
    before = kept(tmp_path)
    other = provider(tmp_path, second)
    for act in (
        lambda: other.view(HOST),
        lambda: other.stop(HOST, lambda phase: None),
        lambda: other.start(HOST, lambda phase: None),
        lambda: other.destroy(HOST, lambda phase: None),
        lambda: other.snapshot_create(HOST, "s", lambda phase: None),
    ):
        with pytest.raises(Unreachable, match=r"host box: account two@example\.com"):
            act()
    swept = other.sweep()
    assert (swept.errors[0].name, swept.errors[0].why) == ("box", "foreign")
    assert "account two@example.com" in swept.errors[0].said
    assert (swept.released, swept.finished) == ([], [])
    assert before <= kept(tmp_path)
    (host,) = provider(tmp_path, first).discover().hosts
    assert host.problem.endswith(NOWHERE) or NOWHERE in host.problem


@pytest.mark.parametrize("kind", ["create", "destroy"])
def test_what_was_begun_there_stays_begun(second: Account, tmp_path: Path, kind: str) -> None:
    plan = {
        "host_name": "box",
        "account": "one@example.com",
        "machine": {"host_id": HOST, "name": "m", "plan": "p", "region": "r", "image": "i"},
    }
    with Journal(tmp_path / "journal").hold("cloud", HOST) as held:
        held.write(Intent(provider="cloud", subject=HOST, kind=kind, plan=plan, handle={"id": "i-1"}))
    other = provider(tmp_path, second)
    assert "account two@example.com" in other.sweep().errors[0].said
    with pytest.raises(Unreachable):
        other.destroy(HOST, lambda phase: None)
    (host,) = other.discover().hosts
    assert (host.state, host.record.name) == ("unreachable", "box")
    assert [entry.subject for entry in Journal(tmp_path / "journal").entries("cloud")] == [HOST]
    assert "release" not in second.calls


def test_a_create_notes_whose_account_it_spends(second: Account, tmp_path: Path) -> None:
    from mngr.model.views import Offer
    from mngr.providers.contract import HostSpec

    seen: list[Intent] = []
    second.failing["create"] = MngrError("no")

    def remember(*_: object) -> None:
        seen.extend(entry.intent for entry in Journal(tmp_path / "journal").entries("cloud") if entry.intent)

    one = provider(tmp_path, second)
    with pytest.raises(MngrError):
        one.create(HostSpec(id=HOST, name="box"), Offer(), lambda phase: remember())
    assert [intent.plan["account"] for intent in seen][:1] == ["two@example.com"]


def test_a_person_may_forget_it(first: Account, second: Account, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="is of the account whose credentials are used here"):
        provider(tmp_path, first).forget(HOST)
    other = provider(tmp_path, second)
    assert other.forget(HOST) == "box"
    assert other.discover().hosts == []
    assert other.rented.cache.get(HOST) is None


def test_one_that_was_destroyed_elsewhere_is_gone_as_ever(first: Account, tmp_path: Path) -> None:
    del first.machines["i-1"]
    listing = provider(tmp_path, first).discover()
    assert (listing.hosts, listing.errors) == ([], [])


def test_an_account_that_can_t_be_told_hides_nothing_that_can(first: Account, tmp_path: Path) -> None:
    first.failing["account"] = MngrError("no right")
    (host,) = provider(tmp_path, first).discover().hosts
    assert host.record.name == "box"


def test_a_host_whose_paid_time_ran_out_leaves_a_row_until_it_is_dismissed(
    first: Account, tmp_path: Path
) -> None:
    one = provider(tmp_path, first)
    before = one.rented.cache.get(HOST)
    assert before
    import msgspec

    one.rented.cache.put(msgspec.structs.replace(before, paid_until="2027-01-10"))
    del first.machines["i-1"]
    (host,) = one.discover().hosts
    assert (host.state, [agent.state for agent in host.agents]) == ("destroyed", ["stopped"])
    assert "was paid until 2027-01-10" in host.problem
    assert "`mngr destroy @box` takes this row away" in host.problem
    assert one.sweep().errors == []
    one.destroy(HOST, lambda phase: None)
    assert one.discover().hosts == []
