"""Phases of an operation: few, with names that programs can rely on, whatever people are told of their steps."""

from __future__ import annotations

from mngr.model.clock import SYSTEM
from mngr.model.notes import MachineReplaced, Note
from mngr.model.progress import Step
from mngr.ops.context import Phases


def test_steps_of_a_phase_are_told_and_timed_as_one() -> None:
    told: list[Step | Note] = []
    phases = Phases(SYSTEM, told.append)
    said = [
        Step("recycle"),
        Step("recycle", "claiming vps-1"),
        MachineReplaced(why="it is refused"),
        Step("delivery", "order 5 is checking", 600),
        Step("delivery", "order 5 is delivering", 600),
        Step("delivery", "vps-2 is there"),
        Step("recycle"),
    ]
    for one in said:
        phases(one)
    assert told == said
    assert [phase.name for phase in phases.finish()] == ["recycle", "delivery", "recycle"]


def test_what_is_said_twice_in_a_row_is_shown_once() -> None:
    told: list[Step | Note] = []
    phases = Phases(SYSTEM, told.append)
    waits, there = Step("delivery", "order 5 is checking"), Step("delivery", "vps-2 is there")
    for one in (waits, waits, there, waits):
        phases(one)
    assert told == [waits, there, waits]
