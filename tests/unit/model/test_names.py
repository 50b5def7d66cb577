"""Names and addresses as people type them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.model import names
from mngr.model.errors import InvalidInput
from mngr.model.names import Address


@pytest.mark.parametrize("name", ["a", "my-agent", "A_1", "0", "x" * 63])
def test_a_name_is_letters_digits_dashes_underscores(name: str) -> None:
    assert names.check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "_a", "a b", "a.b", "a@b", "ü", "a\n", "x" * 64, "../a", "a;b"])
def test_another_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        names.check_name(name, "agent name")
    assert str(raised.value) == f"agent name {name!r} can't be used"
    assert "letters, digits" in raised.value.hint
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a", Address("a")),
        ("a@h", Address("a", "h")),
        ("a.docker", Address("a", "", "docker")),
        ("a@h.my-ovh", Address("a", "h", "my-ovh")),
        ("@h", Address("", "h")),
        ("@h.ovh", Address("", "h", "ovh")),
    ],
)
def test_an_address_is_taken_apart_and_written_again(text: str, address: Address) -> None:
    assert names.parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "@", "a@", "a.", ".p", "a@h.", "a@b@c", "a.b.c", "a b", "@.p", "a/b"])
def test_a_broken_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        names.parse_address(text)


@given(st.text())
def test_an_address_that_is_taken_is_written_as_it_was(text: str) -> None:
    try:
        address = names.parse_address(text)
    except InvalidInput:
        return
    assert str(address) == text


@pytest.mark.parametrize("text", ["team=search", "a.b/c-d_e=", "k=v=w", "k=ünï cödé"])
def test_labels(text: str) -> None:
    key, value = names.parse_label(text)
    assert f"{key}={value}" == text


@pytest.mark.parametrize("text", ["team", "=x", "-k=v", "k=a\nb", "k=" + "x" * 257, "a b=c", "k=\x1b[1m"])
def test_a_label_that_would_break_a_line_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(repr(text))):
        names.parse_label(text)
