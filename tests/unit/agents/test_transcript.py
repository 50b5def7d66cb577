"""Messages in a program's record, whatever its shape."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.agents.transcript import Message, messages, values
from mngr.agents.types import Transcript, find_type

ROW = {
    "message": {"role": "user", "content": [{"text": "a"}, {"other": 1}, {"text": "b"}]},
    "n": 5,
    "no": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("message.role", ["user"]),
        ("message.content[].text", ["a", "b"]),
        ("message.content", []),
        ("message.content | message.content[].text", ["a", "b"]),
        ("n", ["5"]),
        ("no", []),
        ("no.thing[].there", []),
        ("", []),
    ],
)
def test_a_path_leads_to_texts(path: str, found: list[str]) -> None:
    assert list(values(ROW, path)) == found


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_lines_that_are_no_messages_are_passed_over() -> None:
    kind = Transcript(read="x", role="who", text="said", at="at")
    data = (
        b'ut off"}\n'
        + lines({"who": "user", "said": "hi", "at": 1764540000}, {"who": "user"}, 5, ["x"])
        + b'{"who": "us'
    )
    assert list(messages(data, kind)) == [Message(role="user", text="hi", at="2025-11-30T22:00:00Z")]


def test_a_message_that_grows_is_one() -> None:
    kind = Transcript(read="x", role="who", text="said", id="id")
    data = lines(
        {"id": 1, "who": "a", "said": "I"},
        {"id": 2, "who": "a", "said": "x"},
        {"id": 1, "who": "a", "said": "I do"},
    )
    assert [one.text for one in messages(data, kind)] == ["I do", "x"]


@given(st.binary(max_size=200))
def test_whatever_a_line_prints_is_no_error(data: bytes) -> None:
    for name in ("claude", "codex", "gemini", "opencode"):
        kind = find_type(name, {}).transcript
        assert kind
        list(messages(data, kind))


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        (
            "claude",
            {"type": "user", "uuid": "1", "timestamp": "2026-11-30T23:24:16.112Z", "message": {"role": "user", "content": "hi"}},
            Message(role="user", text="hi", at="2026-11-30T23:24:16.112Z"),
        ),
        (
            "claude",
            {"uuid": "2", "message": {"role": "assistant", "content": [{"type": "tool_use", "input": {"command": "ls"}}]}},
            Message(role="assistant", text="ls"),
        ),
        (
            "codex",
            {"payload": {"role": "assistant", "content": [{"type": "output_text", "text": "done"}]}},
            Message(role="assistant", text="done"),
        ),
        ("gemini", {"id": "1", "type": "gemini", "content": "yes"}, Message(role="gemini", text="yes")),
        ("gemini", {"id": "1", "type": "user", "content": [{"text": "hi"}]}, Message(role="user", text="hi")),
        (
            "opencode",
            {"role": "user", "at": 1796081086038, "part": {"type": "text", "text": "hi"}},
            Message(role="user", text="hi", at="2026-11-30T23:24:46Z"),
        ),
    ],
)  # fmt: skip
def test_rows_of_the_real_programs(name: str, row: object, message: Message) -> None:
    kind = find_type(name, {}).transcript
    assert kind
    assert list(messages(lines(row), kind)) == [message]
