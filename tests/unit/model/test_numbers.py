"""Numbers that others have written."""

import pytest

from mngr.model.numbers import exit_code, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), (" 17\n", 17), ("0007", 7), ("", None), ("-1", None), ("1.5", None), ("²", None), ("٣", None), ("9" * 5000, None)],
)  # fmt: skip
def test_what_is_a_whole_number(text: str, number: int | None) -> None:
    assert whole(text) == number
    assert exit_code(text) == number


def test_no_exit_code_has_six_digits() -> None:
    assert (exit_code("123456"), whole("123456")) == (None, 123456)
