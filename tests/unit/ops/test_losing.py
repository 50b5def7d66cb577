"""What a destroy would take away: several hosts at once, each within its limit, none in silence."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView
from mngr.ops.losing import Loss, Unread, losses
from mngr.ops.names import Group
from mngr.providers.contract import Abilities
from mngr.transport.base import Completed
from mngr.transport.local import Local


class Hanging(Local):
    place = "root@192.0.2.1:22"

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        return super().run(["sleep", "1000"], **options)


class Fake:
    """A Mngr whose hosts called `silent` don't answer."""

    def __init__(self, *, isolated: bool = True) -> None:
        self.abilities = Abilities(isolated=isolated)

    def provider(self, name: str) -> "Fake":
        return self

    def place(self, record: HostRecord) -> Any:
        return SimpleNamespace(transport=Hanging() if record.name == "silent" else Local(), user="")


def group(name: str, work_dir: Path, **host: Any) -> Group:
    record = HostRecord(id=f"host-{name}", name=name, provider="fake", backend="fake")
    agent = AgentView(record=AgentRecord(id="agent-1", name=f"on-{name}", work_dir=str(work_dir)))
    return Group(
        host=HostView(**{"record": record, "state": "running", "agents": [agent], **host}), agents=[]
    )


def test_hosts_are_asked_at_the_same_time_and_what_doesnt_answer_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    asked = [group("silent", tmp_path) for _ in range(4)] + [group("quick", tmp_path)]
    began = time.monotonic()
    *silent, [quick] = losses(Fake(), asked, limit_s=1)  # type: ignore[arg-type]
    assert time.monotonic() - began < 3.5
    assert (quick.agent, quick.files, quick.unread) == ("on-quick", 1, None)
    for [loss] in silent:
        assert loss.agent == "on-silent"
        assert loss.unread
        assert "within 1 s" in loss.unread.error


def test_unknown_agents_and_hosts_that_are_down_are_said(tmp_path: Path) -> None:
    unread = group(
        "one", tmp_path, state="unreachable", problem="refuses our key", agents=[], agents_known=False
    )
    down = group("two", tmp_path, state="stopped")
    [[unknown], [stopped]] = losses(Fake(), [unread, down])  # type: ignore[arg-type]
    assert unknown == Loss(agent="", unread=Unread(state="unreachable", error="refuses our key"))
    assert stopped == Loss(agent="on-two", unread=Unread(state="stopped"))


def test_a_work_dir_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    [[loss]] = losses(Fake(), [group("one", tmp_path / "gone")])  # type: ignore[arg-type]
    assert loss.is_none()


def test_directories_on_this_computer_stay(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert losses(Fake(isolated=False), [group("here", tmp_path)]) == [[]]  # type: ignore[arg-type]
