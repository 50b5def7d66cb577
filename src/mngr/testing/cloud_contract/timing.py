"""`now` and `account`: the cloud's time, and whose account it is."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from mngr.model.errors import Unreadable
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.wire import TROUBLES
from mngr.vps_docker import tags

#: Dates in headers have whole seconds.
PRECISION_S = 3.0


class Timing(Base):
    def test_now_is_the_clouds_time_and_not_this_computers(self, lab, world):
        world.advance(5 * 3600)
        client = lab.client()
        assert abs(client.now() - world.now()) < PRECISION_S
        lab.clock.sleep(600)
        assert abs(client.now() - world.now()) < PRECISION_S

    def test_now_goes_by_the_clouds_last_answer(self, lab, world):
        client = lab.client()
        client.now()
        world.advance(3600)  # this computer slept
        client.find({tags.PROVIDER: "one"})
        assert abs(client.now() - world.now()) < PRECISION_S

    def test_account_is_always_the_same(self, lab):
        assert lab.client().account() == lab.client().account()

    @pytest.mark.parametrize("trouble", TROUBLES, ids=str)
    def test_account_in_trouble_is_unreadable(self, lab, trouble):
        known = lab.client().account()
        lab.wire.spoil(trouble)
        with contextlib.suppress(Unreadable):
            assert lab.client().account() == known

    def test_calls_may_come_from_several_threads(self, lab):
        client = lab.client()
        specs = [lab.spec() for _ in range(4)]
        with ThreadPoolExecutor(len(specs)) as pool:
            made = list(pool.map(lambda spec: lab.create(spec, client), specs))
            lab.pass_lag(client)
            found = list(pool.map(lambda spec: client.find({tags.HOST_ID: spec.host_id}), specs))
            seen = list(pool.map(lambda one: client.get(one.id), made))
        assert [[one.id for one in row] for row in found] == [[one.id] for one in made]
        assert [one.id for one in seen] == [one.id for one in made]
