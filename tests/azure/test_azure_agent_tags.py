"""Agents' records in tags: what is written is read again, within Azure's limits, whatever the agents are called."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.backends.azure.agent_tags import LONGEST, ROOM, is_ours, read, write
from mngr.model.ids import new_agent_id
from mngr.model.records import AgentRecord

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
agents = st.lists(
    st.builds(
        AgentRecord,
        id=st.integers(0, 16**16 - 1).map(lambda number: f"agent-{number:016x}"),
        name=st.from_regex(r"[a-z][a-z0-9_-]{0,40}", fullmatch=True),
        type=st.sampled_from(["shell", "claude"]),
        command=st.lists(text, max_size=4),
        work_dir=text,
        labels=st.dictionaries(text, text, max_size=3),
        created_at=st.just("2026-11-29T08:00:00Z"),
    ),
    max_size=30,
    unique_by=lambda one: one.id,
)


def made(number: int, **more: object) -> AgentRecord:
    return msgspec.structs.replace(
        AgentRecord(id=new_agent_id(), name=f"agent-number-{number}", work_dir="/work", created_at=f"2026-11-29T08:{number:02}:00Z"),
        **more,
    )  # fmt: skip


@given(agents)
def test_what_is_written_is_read_again_within_the_limits(given: list[AgentRecord]) -> None:
    tags, shortened = write(given)
    assert len(tags) <= ROOM
    assert all(len(value) <= LONGEST and is_ours(key) for key, value in tags.items())
    found = {one.id: one for one in read(tags)}
    if not shortened:
        assert found == {one.id: one for one in given}
    for one in found.values():
        assert one.name == next(same.name for same in given if same.id == one.id)


def test_few_agents_have_a_tag_a_field() -> None:
    one = made(1, labels={"team": "search"})
    tags, shortened = write([one])
    assert tags[f"mngr-agent-{one.id}-name"] == "agent-number-1"
    assert not shortened


def test_forty_agents_keep_all_they_have() -> None:
    many = [made(number, command=["claude", f"fix bug {number}"]) for number in range(40)]
    tags, shortened = write(many)
    assert not shortened
    assert read(tags) == many


def test_what_doesnt_fit_is_said_and_the_names_stay() -> None:
    import random

    noise = random.Random(1)
    many = [
        made(number, command=["".join(noise.choices("abcdefghijklmnop", k=2000))]) for number in range(20)
    ]
    tags, shortened = write(many)
    assert shortened
    assert [one.name for one in read(tags)] == [one.name for one in many]


@pytest.mark.parametrize(
    "tags",
    [
        {"mngr-agents-0": "no base64 !"},
        {"mngr-agents-1": "QUJD"},
        {"mngr-agents-0": "QUJD"},
        {"mngr-agent-agent-0000000000000001-name": "../x"},
        {"mngr-agent-agent-0000000000000001-type": "shell"},
        {"mngr-agent-agent-0000000000000001-name": "ok", "mngr-agent-agent-0000000000000001-labels": "[1"},
        {"mngr-agent-x-name": "ok"},
    ],
)
def test_what_others_wrote_there_is_no_agent(tags: dict[str, str]) -> None:
    assert read(tags) == []
