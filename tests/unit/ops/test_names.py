"""What names stand for: how often who is asked."""

from types import SimpleNamespace
from typing import Any

import pytest

from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, Listing
from mngr.ops import names
from mngr.ops.memory import Seen


def test_a_provider_is_asked_once_for_all_that_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, set[str]]] = []

    class Provider:
        def __init__(self, name: str) -> None:
            self.name = name

        def discover(self, only: set[str]) -> Listing:
            asked.append((self.name, only))
            return Listing(hosts=[host(self.name, one) for one in sorted(only)])

    def host(provider: str, id: str) -> HostView:
        agent = AgentView(record=AgentRecord(id=f"agent-{id}", name=id), state="running")
        record = HostRecord(id=id, name=id, provider=provider, backend=provider)
        return HostView(record=record, state="running", agents=[agent])

    def seen(mngr: Any, address: Any) -> Seen:
        provider = "one" if address.name < "c" else "two"
        return Seen(
            agent_id=f"agent-{address.name}", host_id=address.name, host_name="", provider=provider, host_dir="", tmux_label=""
        )  # fmt: skip

    monkeypatch.setattr(names, "seen", seen)
    mngr: Any = SimpleNamespace(active=lambda: ["one", "two"], provider=Provider)
    found = names.resolve(mngr, ["a", "d", "b", "c"])
    assert [one.agent.record.name for one in found if one.agent] == ["a", "d", "b", "c"]
    assert sorted(asked) == [("one", {"a", "b"}), ("two", {"c", "d"})]
