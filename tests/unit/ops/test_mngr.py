"""The front door: nothing that costs money is made unless somebody agrees, and it is imported only when it is asked for."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mngr
from mngr import CostsMoney, Mngr
from mngr.config.schema import Config
from mngr.model.errors import InvalidInput
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, Listing, Offer
from mngr.providers.contract import Abilities

README = Path(__file__).resolve().parents[3] / "README.md"


class Bought(Exception):
    pass


class Vendor:
    """A provider instance that sells hosts."""

    name = backend = "vendor"
    host_dir = "/mngr"
    abilities = Abilities()
    hosts: list[HostView] = []  # noqa: RUF012
    offer = Offer(plan="small", per_hour=0.01)

    def check(self, spec: object) -> Offer:
        return self.offer

    def discover(self, only: object = None) -> Listing:
        return Listing(hosts=list(self.hosts))

    def create(self, *_: object) -> HostRecord:
        raise Bought


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    vendor = Vendor()
    monkeypatch.setattr(Mngr, "provider", lambda self, name: vendor)
    return vendor


@pytest.fixture
def front(tmp_path: Path, vendor: Vendor) -> Mngr:
    return Mngr(tmp_path, config=Config(default_provider="vendor", assume_yes=True))


def test_what_costs_money_isnt_bought_in_silence(front: Mngr, vendor: Vendor) -> None:
    with pytest.raises(CostsMoney, match="a new host for x costs money") as raised:
        front.create("x", command=["true"])
    assert raised.value.offer == vendor.offer
    with pytest.raises(CostsMoney):
        front.create("x", command=["true"], agree=lambda offer: (offer.per_hour or 0) > 1)


def cheap(offer: Offer) -> bool:
    """README's example."""
    return not offer.due_now and (offer.per_hour or 0) < 0.05


def test_the_example_of_a_word_agrees_to_nothing_that_is_paid_ahead(front: Mngr, vendor: Vendor) -> None:
    assert "lambda offer: not offer.due_now and (offer.per_hour or 0) < 0.05" in README.read_text()
    vendor.offer = Offer(per_month=7.99, due_now=7.99)
    with pytest.raises(CostsMoney):
        front.create("x", command=["true"], agree=cheap)


@pytest.mark.parametrize("agree", [True, cheap])
def test_what_was_agreed_to_is_bought(front: Mngr, agree: Any) -> None:
    with pytest.raises(Bought):
        front.create("x", command=["true"], agree=agree)


def test_what_costs_nothing_needs_nobody_s_word(front: Mngr, vendor: Vendor) -> None:
    vendor.offer = Offer()
    with pytest.raises(Bought):
        front.create("x", command=["true"])


def test_an_agent_on_a_host_that_is_there_costs_nothing_more(
    front: Mngr, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = HostRecord(id="host-1", name="box", provider="vendor", backend="vendor")
    other = AgentView(record=AgentRecord(id="agent-1", name="other"), state="running")
    vendor.hosts = [HostView(record=record, state="running", agents=[other])]
    agent = AgentRecord(id="agent-2", name="x")
    monkeypatch.setattr("mngr.ops.create._onto", lambda *_: agent)
    monkeypatch.setattr("mngr.ops.memory.remember", lambda *_: None)
    made = front.create("x@box", command=["true"])
    assert (made.name, made.host.name, made.host.id) == ("x", "box", "host-1")


@pytest.mark.parametrize(
    "call",
    [
        lambda mngr: mngr.create("x", build_args="a"),
        lambda mngr: mngr.create("x", start_args="a"),
        lambda mngr: mngr.list("local"),
        lambda mngr: mngr.gc("local"),
        lambda mngr: mngr.forget("box"),
        lambda mngr: mngr.create("x", idle_timeout_s=float("nan")),
        lambda mngr: mngr.create("x", max_lifetime_s=float("inf")),
        lambda mngr: mngr.create("x", idle_timeout_s=-1),
    ],
)
def test_what_can_t_be_meant_is_refused(front: Mngr, call: Any) -> None:
    with pytest.raises(InvalidInput):
        call(front)


def test_a_home_is_checked_as_mngr_home_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    assert Mngr("rel").home == Mngr("~/rel").home == tmp_path / "rel"
    for odd in ("", "file"):
        with pytest.raises(InvalidInput):
            Mngr(odd)


def test_it_is_imported_when_it_is_asked_for() -> None:
    program = "import sys, mngr; print(sorted(one for one in sys.modules if one.startswith('mngr')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "['mngr']\n", done.stderr
    assert {*mngr.__all__} == {name for name in mngr.__all__ if getattr(mngr, name).__name__ == name}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        mngr.nothing  # type: ignore[attr-defined]  # noqa: B018
