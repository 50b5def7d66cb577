"""`-q`: names only, of what lists; results and errors only, of what does."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import click
import pytest

from mngr.cli import main
from mngr.cli.main import LazyGroup
from mngr.cli.rows import addresses, rows
from mngr.model.notes import Remark
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, Listing
from mngr.ops import snapshots
from mngr.providers.contract import Snapshot, SnapshotListing


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        elif found:
            yield (*path, name), found


def options(command: click.Command) -> set[str]:
    return {name for param in command.params for name in param.opts}


def test_every_verb_with_a_format_can_be_quiet() -> None:
    assert isinstance(main.command, LazyGroup)
    every = dict(commands(main.command))
    assert len(every) > 15
    assert [
        path for path, one in every.items() if "--format" in options(one) and "--quiet" not in options(one)
    ] == []
    assert [
        path for path, one in every.items() if "--quiet" in options(one) and "-q" not in options(one)
    ] == []


def host(name: str, *agents: str) -> HostView:
    record = HostRecord(id=f"host-{name}", name=name, provider="docker", backend="docker")
    views = [AgentView(record=AgentRecord(id=f"agent-{one}", name=one), state="running") for one in agents]
    return HostView(record=record, state="running", agents=views)


def test_list_names_agents_as_other_verbs_take_them() -> None:
    whole = Listing(hosts=[host("one", "a", "b"), host("two", "a"), host("bare")])
    shown = ["a@one.docker", "b", "a@two.docker", "@bare.docker"]
    assert addresses(whole, rows(whole), in_full=False) == shown


def test_snapshot_list_names_ids(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    one = Snapshot(id="snap-1", name="n", host_id="h", host_name="h", provider="docker", created_at="2026")
    monkeypatch.setattr(snapshots, "list_", lambda mngr, agent: SnapshotListing(snapshots=[one]))
    assert main.run(["snapshot", "list", "-q"]) == 0
    assert capsys.readouterr().out == "snap-1\n"


@pytest.mark.parametrize(("quiet", "err"), [((), "note: one thing\n"), (("-q",), "")])
def test_a_note_of_create_is_neither_result_nor_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: tuple[str, ...], err: str
) -> None:
    view = host("one", "a")
    made = SimpleNamespace(host=view, agent=view.agents[0], phases=[], notes=[Remark(text="one thing")])
    monkeypatch.setattr("mngr.ops.create.create", lambda *_: made)
    words: list[Any] = ["create", "a", "--no-code", "--no-connect", "--yes", *quiet]
    assert main.run(words) == 0
    assert capsys.readouterr().err == err
