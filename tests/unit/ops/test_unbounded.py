"""What a host sends without an end, or what isn't as it should be, is an error that is said, and fills no memory."""

from types import SimpleNamespace
from typing import Any

import pytest

from mngr.agents import talk
from mngr.model.clock import SYSTEM
from mngr.model.errors import Unreachable
from mngr.model.events import Event
from mngr.model.records import HostRecord
from mngr.model.views import HostView
from mngr.ops.following import Follower, Lost, Present
from mngr.ops.log_follow import LogFollower
from mngr.transport.base import CommandFailed, Completed

ENDLESS = "head -c 20000000 /dev/zero | tr '\\0' x; exec sleep 1000"


class Endless:
    """A transport to a host on which all that is run writes without an end."""

    place = "box"

    def __init__(self, line: str = ENDLESS) -> None:
        self.line = line

    def argv(self, argv: list[str]) -> list[str]:
        return ["sh", "-c", self.line]


def test_a_line_without_an_end_ends_the_link() -> None:
    host = HostView(record=HostRecord(id="h", name="box", provider="p", backend="p"), state="running")
    seen = SimpleNamespace(view=lambda host_id: host)  # pyright: ignore[reportUnknownLambdaType]
    mngr: Any = SimpleNamespace(
        place=lambda record: SimpleNamespace(transport=Endless()),  # pyright: ignore[reportUnknownLambdaType]
        provider=lambda name: seen,  # pyright: ignore[reportUnknownLambdaType]
        clock=SYSTEM,
    )
    with Follower(mngr, silent_s=10) as follower:
        follower.add(host)
        told = follower.next(20)
        assert isinstance(told, Lost)
        assert "a line without an end" in told.error


def test_nothing_is_lost_where_a_host_tells_faster_than_it_is_taken() -> None:
    lines = "echo at 1 0; echo .; seq 1 30000 | sed 's/.*/+ & 1 a& a& running - -/'; exec sleep 1000"
    host = HostView(record=HostRecord(id="h", name="box", provider="p", backend="p"), state="running")
    mngr: Any = SimpleNamespace(place=lambda record: SimpleNamespace(transport=Endless(lines)), clock=SYSTEM)  # pyright: ignore[reportUnknownLambdaType]
    with Follower(mngr, silent_s=30) as follower:
        follower.add(host)
        assert isinstance(follower.next(20), Present)
        told = [follower.next(20) for _ in range(29_000)]
        assert all(isinstance(one, Event) for one in told)
        assert len({one.agent_id for one in told if isinstance(one, Event)}) == 29_000


def test_a_frame_without_an_end_is_an_error() -> None:
    place = SimpleNamespace(transport=Endless(), host_dir="/h", label="l")
    to: Any = SimpleNamespace(place=place, agent_id="a", looked=False)
    mngr: Any = SimpleNamespace(clock=SYSTEM)
    with (
        LogFollower(mngr, to) as follower,
        pytest.raises(Unreachable, match="box sends something without an end"),
    ):
        next(follower.follow())


@pytest.mark.parametrize(
    "head", ["", "80 24", "80 24 0 0 1 0 0", "a b c d e f g h", f"80 24 0 {'9' * 5000} 1 0 0 t"]
)
def test_a_screen_that_can_t_be_read_is_a_failed_command(head: str) -> None:
    def run(argv: list[str], **options: object) -> Completed:
        return Completed(0, f"{head}\n".encode(), b"")

    place: Any = SimpleNamespace(transport=SimpleNamespace(run=run, place="box"), host_dir="/h", label="l")
    with pytest.raises(CommandFailed):
        talk.screen(place, "a")
