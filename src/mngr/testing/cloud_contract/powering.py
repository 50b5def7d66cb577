"""`power`: on and off, repeatable, and done when it returns."""

from __future__ import annotations

import pytest

from mngr.model.errors import MngrError, TimedOut
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.wire import LOST, changing

#: What the cloud shows after a call may be this old here, in seconds.
LATE_S = 20.0


class Powering(Base):
    def test_power_is_as_asked_when_it_returns_and_may_be_repeated(self, lab):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        client.power(made.id, True)
        for on, state in ((False, "stopped"), (True, "running"), (False, "stopped")):
            for _ in range(2):
                client.power(made.id, on)
                assert lab.client().get(made.id).state == state

    def test_power_returns_only_when_the_cloud_shows_it(self, lab, world):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        client.power(made.id, True)
        client.get(made.id)
        end = world.now() + LATE_S
        lab.wire.freeze(until=lambda: world.now() >= end)
        client.power(made.id, False)
        assert client.get(made.id).state == "stopped", "it returned before the cloud showed it"
        assert world.now() >= end

    def test_power_that_the_cloud_never_shows_times_out(self, lab):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        client.power(made.id, True)
        client.get(made.id)
        lab.wire.freeze(until=lambda: False)
        with pytest.raises(TimedOut):
            client.power(made.id, False)

    @pytest.mark.parametrize("trouble", LOST, ids=str)
    def test_power_whose_answer_was_lost_may_be_repeated(self, lab, trouble):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        client.power(made.id, True)
        lab.wire.spoil(trouble, times=1, only=changing)
        try:
            client.power(made.id, False)
        except MngrError:
            client.power(made.id, False)
        assert client.get(made.id).state == "stopped"
