"""`check`: what a machine would cost, without buying anything."""

from __future__ import annotations

import msgspec
import pytest

from mngr.model.errors import InvalidInput, NotFound, Unreachable
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.wire import TROUBLES
from mngr.vps_docker.errors import VpsApiError


class Checking(Base):
    def test_check_tells_the_price_and_spends_nothing(self, lab):
        spec = lab.spec()
        client = lab.client()
        offer = client.check(spec)
        assert spec.plan in (client.plans or [spec.plan])
        assert (offer.plan, offer.region) == (spec.plan, spec.region)
        assert offer.image
        assert offer.per_hour or offer.per_month, f"no price: {offer}"
        assert lab.bought() == set()

    @pytest.mark.parametrize("what", ["plan", "region", "image"])
    def test_check_names_the_valid_choices_and_spends_nothing(self, lab, what):
        spec = lab.spec()
        wrong = msgspec.structs.replace(spec, **{what: "nosuch-0"})
        with pytest.raises(InvalidInput) as caught:
            lab.client().check(wrong)
        said = f"{caught.value.message} {caught.value.hint}"
        assert "nosuch-0" in said, f"the message doesn't say what was wrong: {said}"
        assert getattr(spec, what) in said, f"the valid {what}s aren't named: {said}"
        assert lab.bought() == set()

    @pytest.mark.parametrize("trouble", TROUBLES, ids=str)
    def test_check_in_trouble_says_so_and_blames_no_choice(self, lab, trouble):
        lab.wire.spoil(trouble)
        with pytest.raises((Unreachable, VpsApiError)) as caught:
            lab.client().check(lab.spec())
        assert not isinstance(caught.value, (InvalidInput, NotFound)), caught.value
        assert lab.bought() == set()
