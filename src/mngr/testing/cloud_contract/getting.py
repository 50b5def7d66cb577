"""`get`: one machine; that it isn't there is believed of the cloud alone."""

from __future__ import annotations

import pytest

from mngr.model.errors import NotFound, Unreadable
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.wire import SILENCE, TROUBLES


class Getting(Base):
    def test_get_of_what_never_was_is_not_found(self, lab, world):
        with pytest.raises(NotFound):
            lab.client().get(world.unknown_id)

    def test_get_of_what_was_released_is_not_found(self, lab):
        spec = lab.spec()
        made = lab.create(spec)
        lab.release(spec)
        assert lab.is_gone(made.id)

    def test_get_asks_for_the_machine_and_not_for_something_beside_it(self, lab):
        made = lab.create(lab.spec())
        for id in (f"{made.id}/../{made.id}", f"{made.id}?", "../x"):
            with pytest.raises((NotFound, Unreadable)):
                lab.client().get(id)

    @pytest.mark.parametrize("trouble", [*TROUBLES, SILENCE], ids=str)
    def test_get_in_trouble_is_unreadable_at_each_of_its_calls(self, lab, trouble):
        [id] = lab.crowd(1, {"mngr-provider": "one"})
        lab.pass_lag(lab.client())
        made = lab.calls_of(lambda: lab.client().get(id))
        for n in range(1, 2 if trouble is SILENCE else len(made) + 1):
            lab.wire.spoil(trouble, first=n)
            with pytest.raises(Unreadable):
                lab.client().get(id)
            lab.wire.mend()
