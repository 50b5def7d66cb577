"""What is kept of agents that are about to go."""

import threading
from typing import Any

import pytest

from mngr.agents.types import AgentType, Transcript
from mngr.model.clock import left
from mngr.model.records import AgentRecord, HostRecord
from mngr.ops import transcript

HOST = HostRecord(id="host-1", name="one", provider="fake", backend="fake")


def test_all_are_read_side_by_side_under_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    both, limits = threading.Barrier(2), list[float]()

    def keep(mngr: Any, host: HostRecord, record: AgentRecord) -> None:
        limits.append(left())
        if record.name == "odd":
            raise RecursionError("too deep")
        both.wait(20)

    monkeypatch.setattr(transcript, "keep", keep)
    monkeypatch.setattr(
        transcript, "kind_of", lambda *_: AgentType(command="x", transcript=Transcript(read="x"))
    )
    records = [AgentRecord(id=f"agent-{name}", name=name) for name in ("a", "odd", "b")]
    told = list[Any]()
    assert transcript.keep_all(None, HOST, records, told.append) == [("odd", "too deep")]  # type: ignore[arg-type]
    assert [(one.phase, one.at_most_s) for one in told] == [("keep transcripts", 60)]
    monkeypatch.setattr(transcript, "kind_of", lambda *_: AgentType(command="x"))
    assert transcript.keep_all(None, HOST, records, told.append) == []  # type: ignore[arg-type]
    assert len(told) == 1
    assert max(limits) <= 60
