"""Records on disk and in volumes."""

import re

import pytest

from mngr.model import ids
from mngr.model.clock import from_iso, iso
from mngr.model.records import AgentRecord, HostRecord, decode, encode


def test_a_record_comes_back_as_it_was_written() -> None:
    agent = AgentRecord(id="agent-1", name="a", command=["x", "a\n'b", "ü"], labels={"team": "s"})
    assert decode(encode(agent), AgentRecord) == agent


def test_a_record_of_a_newer_format_is_refused() -> None:
    with pytest.raises(ValueError, match="record format 99 is newer than this mngr"):
        decode(b'{"id": "host-1", "name": "h", "provider": "p", "backend": "b", "format": 99}', HostRecord)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"id": 1}', b"\xff", b'{"id": "a", "name"'])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data, HostRecord)


def test_a_field_that_a_later_mngr_added_is_let_be() -> None:
    assert decode(b'{"id": "agent-1", "name": "a", "mood": "good"}', AgentRecord).name == "a"


def test_an_agent_record_has_no_place_for_environment_values() -> None:
    assert not [name for name in AgentRecord.__struct_fields__ if "env" in name]


def test_ids_are_known_as_such_and_differ() -> None:
    made = [ids.new_agent_id(), ids.new_host_id(), ids.new_snapshot_id(), ids.new_host_id()]
    assert all(ids.is_id(one) for one in made)
    assert len(set(made)) == 4


@pytest.mark.parametrize(
    "text", ["", "host-", "host-0", "host-0123456789abcdeg", "host-0123456789abcdef\n", "x"]
)
def test_what_was_not_made_here_is_no_id(text: str) -> None:
    assert not ids.is_id(text)


def test_times_are_written_in_utc_and_read_back() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", iso(1e9))
    assert from_iso(iso(1_000_000_000)) == 1_000_000_000
    assert from_iso("1970-01-02") == 86400
    assert from_iso("1970-01-01T01:00:00+01:00") == 0
