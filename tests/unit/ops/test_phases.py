"""Phases of an operation: few, with names that programs can rely on, whatever people are told of their steps."""

from __future__ import annotations

from mngr.model.clock import SYSTEM
from mngr.ops.context import Phases


def test_steps_of_a_phase_are_told_and_timed_as_one() -> None:
    told: list[str] = []
    phases = Phases(SYSTEM, told.append)
    said = [
        "recycle",
        "recycle: claiming vps-1",
        "warning: it is refused: another is taken",
        "delivery (order 5 is checking, at most 600 s)",
        "delivery (order 5 is delivering, at most 600 s)",
        "delivery: vps-2 is there",
        "recycle",
    ]
    for text in said:
        phases(text)
    assert told == said
    assert [phase.name for phase in phases.finish()] == ["recycle", "delivery", "recycle"]
