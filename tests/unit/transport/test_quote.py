"""What is quoted here is read back by sh as it was."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mngr.transport import quote

#: Everything that can stand in an argv: no NUL, and no lone surrogates (which no UTF-8 has).
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=60, deadline=None)
@given(st.lists(words, max_size=5))
def test_any_words_come_back_from_sh_as_they_were(argv: list[str]) -> None:
    line = quote.line(["printf", r"%s\0", "", *argv])
    out = subprocess.run(["sh", "-c", line], capture_output=True, timeout=20, check=True).stdout
    assert out == b"".join(word.encode() + b"\0" for word in ["", *argv])


@settings(max_examples=60, deadline=None)
@given(words)
def test_any_value_comes_back_from_an_assignment_as_it_was(value: str) -> None:
    text = quote.assignments({"K": value, "LAST": "z"}) + 'printf "%s\\0%s" "$K" "$LAST"'
    out = subprocess.run(["sh", "-c", text], capture_output=True, timeout=20, check=True).stdout
    assert out == value.encode() + b"\0z"


@settings(max_examples=40, deadline=None)
@given(st.lists(words, min_size=1, max_size=3))
def test_quoting_twice_survives_two_shells(argv: list[str]) -> None:
    """As over ssh, where the remote shell reads a line that has a `sh -c` of its own."""
    line = quote.line(["sh", "-c", quote.line(["printf", r"%s\0", *argv])])
    out = subprocess.run(["sh", "-c", line], capture_output=True, timeout=20, check=True).stdout
    assert out == b"".join(word.encode() + b"\0" for word in argv)


@given(st.text(), st.text())
def test_a_nul_is_refused(before: str, after: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        quote.line(["x", f"{before}\0{after}"])
