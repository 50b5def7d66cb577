"""Calls held in the middle, for a driver that kills its client there."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from support.simcloud import Simcloud

ORDER = {"region": "ewr", "plan": "vc2-1c-1gb", "os_id": 2136}


class Caller:
    """One API call in a thread."""

    def __init__(self, cloud: Simcloud) -> None:
        self.cloud = cloud
        self.answer: Any = None
        self.thread = threading.Thread(target=self._call, daemon=True)
        self.thread.start()

    def _call(self) -> None:
        try:
            self.answer = self.cloud.api("POST", "/instances", ORDER)[0]
        except OSError as error:
            self.answer = error

    def done(self) -> Any:
        self.thread.join(5)
        assert not self.thread.is_alive()
        return self.answer


@pytest.mark.parametrize(
    ("at", "then", "made_while_held", "made_after"),
    [
        ("before_commit", "go", 0, 1),
        ("before_commit", "drop", 0, 0),
        ("after_commit", "go", 1, 1),
        ("after_commit", "drop", 1, 1),
        ("before_answer", "drop", 1, 1),
    ],
)
def test_a_call_is_held_and_goes_on_as_told(
    cloud: Simcloud, at: str, then: str, made_while_held: int, made_after: int
) -> None:
    cloud.gate(at, method="POST", path="/instances")
    caller = Caller(cloud)
    (held,) = cloud.held()
    assert (held["at"], held["method"], held["path"]) == (at, "POST", "/v2/instances")
    assert len(cloud.resources("instance")) == made_while_held
    assert caller.answer is None
    assert cloud.release(then) == 1
    assert caller.done() == 202 if then == "go" else isinstance(caller.done(), OSError)
    assert len(cloud.resources("instance")) == made_after


def test_a_held_call_goes_on_after_its_limit(cloud: Simcloud) -> None:
    cloud.gate("before_commit", method="POST", path="/instances", limit_s=0.2)
    assert Caller(cloud).done() == 202


def test_only_the_nth_call_is_held(cloud: Simcloud) -> None:
    cloud.gate("before_commit", method="POST", path="/instances", nth=2)
    assert Caller(cloud).done() == 202
    second = Caller(cloud)
    assert len(cloud.held()) == 1
    cloud.ask("DELETE", "/gates")
    assert second.done() == 202
    assert cloud.ask("GET", "/gates") == {"gates": [], "held": []}


def test_a_gate_that_means_nothing_is_refused(cloud: Simcloud) -> None:
    with pytest.raises(ValueError, match="at is one of"):
        cloud.gate("sometime")
