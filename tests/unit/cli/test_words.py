"""Sentences of the CLI: each kind of note has one, wherever it is defined."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest

import mngr.model
import mngr.ops
from mngr.cli import words
from mngr.model.notes import LeftOutOfSnapshot, Note
from mngr.model.progress import Step
from mngr.ops import notes


def kinds(base: type[Note] = Note) -> Iterator[type[Note]]:
    for package in (mngr.model, mngr.ops):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def example(kind: type[Note]) -> Note:
    """One with a value for each required field."""
    values = {str: "one", int: 2, float: 2.5, bool: True}
    given = {}
    for field in msgspec.structs.fields(kind):
        if field.required:
            given[field.name] = (
                values[field.type] if field.type in values else msgspec.convert(["one"], field.type)
            )
    return kind(**given)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str), ids=lambda kind: kind.__name__)
def test_each_kind_of_note_has_a_sentence(kind: type[Note]) -> None:
    said = words.of_note(example(kind))
    assert said.strip()
    assert not said.endswith(".")


def test_a_note_is_data_for_programs_too() -> None:
    note = LeftOutOfSnapshot(host="box", place="/src", why="a bind mount")
    assert msgspec.to_builtins(note) == {
        "note": "LeftOutOfSnapshot", "host": "box", "place": "/src", "why": "a bind mount", "restored": False
    }  # fmt: skip


def test_a_step_is_said_with_its_detail_and_its_limit() -> None:
    assert words.of_step(Step("order")) == "order"
    assert words.of_step(Step("delivery", "vps-2 is there")) == "delivery: vps-2 is there"
    assert words.of_step(Step("purge qemu", at_most_s=60)) == "purge qemu (at most 60 s)"
    assert (
        words.of_step(Step("rebuild", "task 7 is doing", 900.0)) == "rebuild: task 7 is doing (at most 900 s)"
    )


@pytest.mark.parametrize(
    ("agents", "whose"),
    [
        (["a"], "agent a"),
        (["a", "b", "c", "d"], "agents a, b, c, d"),
        ([*"abcdefg"], "agents a, b, c, 4 more"),
    ],
)
def test_of_many_agents_in_a_directory_a_few_are_named(agents: list[str], whose: str) -> None:
    assert f"the directory of {whose}, too" in words.of_note(notes.SharesDirectory(path="/x", agents=agents))
