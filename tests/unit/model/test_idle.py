"""Durations and idle modes as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.model.errors import InvalidInput
from mngr.model.idle import MODES, parse_duration, parse_mode


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604800), ("1.5h", 5400), ("1.5", 1.5)],
)
def test_a_duration(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "-5", "m", "1w", "1h30m", "inf", "nan", "1e12", "0s", "ten", "5 min"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_duration(text)
    assert str(raised.value) == f"{text!r} is not a duration"
    assert raised.value.hint == "write seconds, or 90s, 15m, 2h, 7d"


def test_never_is_a_duration_where_it_may_be() -> None:
    assert parse_duration("0", zero=True) == parse_duration("0s", zero=True) == 0
    with pytest.raises(InvalidInput):
        parse_duration("-1", zero=True)


@given(st.text(max_size=12))
def test_any_text_is_a_positive_duration_or_refused(text: str) -> None:
    try:
        assert 0 < parse_duration(text) < 1e9
    except InvalidInput:
        pass


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_in_any_case(mode: str) -> None:
    assert parse_mode(mode.upper()) == mode


def test_an_unknown_mode_names_the_modes() -> None:
    with pytest.raises(InvalidInput) as raised:
        parse_mode("sleepy")
    assert str(raised.value) == "unknown idle mode 'sleepy'"
    assert raised.value.hint == "one of: io, user, agent, ssh, create, start, boot, run, disabled"


def test_a_running_job_counts_as_activity_in_the_default_mode() -> None:
    assert "agent" in MODES["io"]


def test_a_boot_counts_wherever_anything_but_creation_does() -> None:
    """Else a host that was started again would stop at once."""
    for mode, signals in MODES.items():
        if signals and mode != "create":
            assert "boot" in signals, mode
