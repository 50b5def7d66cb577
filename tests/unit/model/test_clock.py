"""How long is waited for what somebody asks."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mngr.model.clock import carried, left, within
from mngr.model.errors import TimedOut
from mngr.transport.local import Local


def test_who_asks_says_how_long_there_is_and_less_never_becomes_more() -> None:
    assert left(60) == 60
    with within(10):
        assert 9 < left(60) <= 10
        assert left(3) == 3
        with within(100):
            assert left(60) <= 10
        with within(-1):
            assert left(60) == 0
        assert 9 < left(60) <= 10
    assert left(60) == 60


def test_another_thread_has_that_time_where_it_is_carried_there() -> None:
    with ThreadPoolExecutor(1) as pool:
        with within(10):
            assert pool.submit(left, 60).result() == 60
            assert pool.submit(carried(left), 60).result() <= 10
        assert pool.submit(left, 60).result() == 60


def test_a_command_ends_in_that_time() -> None:
    with within(0.3), pytest.raises(TimedOut, match="didn't end within 0"):
        Local().run(["sleep", "100"], timeout=60)
