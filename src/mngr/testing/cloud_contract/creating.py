"""`create`: one machine is bought, whatever happens meanwhile, and what must survive is saved in time."""

from __future__ import annotations

import pytest

from mngr.model.errors import MngrError, Unreachable
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.lab import quiet
from mngr.testing.cloud_contract.wire import LOST, REFUSED, SILENCE, Call, Trouble, changing
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsProvisioningError
from mngr.vps_docker.vps_client import Handle, VpsClientInterface

#: One call of create may wait this long, in seconds: for a lost order to show, but not for a delivery.
CREATE_LIMIT_S = 400.0


class Creating(Base):
    def test_create_makes_the_machine_that_was_asked_for(self, lab, world):
        spec = lab.spec()
        made = lab.create(spec)
        shown = lab.client().get(made.id)
        assert shown.id == made.id
        assert (shown.plan, shown.region) == (spec.plan, spec.region)
        assert shown.state in ("pending", "running")
        # A cloud that tags after the delivery puts a lease of its own.
        wanted = {key: value for key, value in spec.tags.items() if key != tags.UNTIL}
        assert wanted.items() <= shown.tags.items()
        assert lab.bought(), "the world's `bill` doesn't show what create bought"

    def test_the_machine_gets_its_user_data_as_it_is(self, lab, world):
        client = lab.client()
        if not client.caps.user_data:
            pytest.skip("declared: caps.user_data is False")
        spec = lab.spec()
        made = lab.create(spec, client)
        assert world.user_data(made.id) == spec.user_data

    def test_user_data_is_emptied_where_it_can_be(self, lab, world):
        client = lab.client()
        if type(client).blank_user_data is VpsClientInterface.blank_user_data:
            pytest.skip("declared: this cloud has no blank_user_data of its own")
        spec = lab.spec()
        made = lab.create(spec, client)
        for _ in range(2):
            client.blank_user_data(made.id)
        assert "hostname: box" not in world.user_data(made.id)
        assert lab.tags(made)[tags.HOST_ID] == spec.host_id

    def test_a_machine_that_is_kept_costs_money_and_stays(self, lab):
        spec, client = lab.spec(), lab.client()
        made = lab.create(spec, client)
        for _ in range(2):
            client.keep(made.id, quiet)
        client.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
        assert lab.billed(), "nothing costs money: the world's `bill` doesn't show it"
        assert lab.tags(made).get(tags.READY) == "1"
        lab.release(spec)
        assert lab.billed() == set()

    def test_create_says_if_the_machine_of_its_handle_is_gone(self, lab, world):
        spec, client = lab.spec(), lab.client()
        made = lab.create(spec, client)
        bought = lab.bought()
        world.vanish(made.id)
        lab.pass_lag(client)
        assert lab.create(spec).state == "gone"
        assert lab.bought() == bought, "it bought another one, of which its caller knows nothing"

    def test_each_paid_call_is_between_two_saves(self, lab):
        events: list[str] = []
        bought = lab.bought()

        def after(call: Call) -> None:
            nonlocal bought
            now = lab.bought()
            if now - bought:
                events.append(f"paid: {call.method} {call.target}")
            bought = now

        def save(more: Handle) -> None:
            events.append("save")
            lab.handle(spec).update(more)

        lab.wire.after = after
        spec = lab.spec()
        lab.create(spec, save=save)
        paid = [at for at, event in enumerate(events) if event != "save"]
        assert paid, f"nothing was paid: {events}"
        for at in paid:
            assert "save" in events[at - 1 : at], f"no save right before {events[at]}: {events}"
            assert "save" in events[at + 1 : at + 2], f"no save right after {events[at]}: {events}"

    @pytest.mark.parametrize("written", [True, False], ids=["after it was written", "before"])
    def test_killed_at_any_save_and_repeated_it_is_one_machine(self, lab, written):
        alone = lab.alone()
        for n in range(1, lab.saves() + 1):
            spec, began = lab.spec(), lab.bought()
            lab.killed_at_save(spec, n, written)
            made = lab.create(spec)
            assert lab.create(spec).id == made.id, f"another machine after the kill at save {n}"
            bought = lab.bought() - began
            assert len(bought) == alone, f"killed at save {n}, repeated: {sorted(bought)}"
            lab.release_all()

    def test_a_repeat_with_nothing_saved_adopts_instead_of_buying(self, lab):
        spec = lab.spec()
        client = lab.client()
        made = lab.create(spec, client)
        bought = lab.bought()
        lab.pass_lag(client)
        lab.handle(spec).clear()
        assert lab.create(spec).id == made.id
        assert lab.bought() == bought

    @pytest.mark.parametrize("trouble", LOST, ids=str)
    def test_whatever_answer_is_lost_one_machine_is_bought(self, lab, trouble):
        alone = lab.alone()
        for n in range(1, lab.changes() + 1):
            spec, began = lab.spec(), lab.bought()
            lab.wire.spoil(trouble, first=n, times=1, only=changing)
            lab.create_somehow(spec)
            bought = lab.bought() - began
            assert len(bought) == alone, f"{trouble}, at change {n}: {sorted(bought)}"
            lab.release_all()

    def test_a_lost_answer_and_lists_that_lag_buy_one_machine(self, lab):
        alone = lab.alone()
        for n in range(1, lab.changes() + 1):
            spec, began = lab.spec(), lab.bought()
            lab.lag()
            lab.wire.spoil(LOST[1], first=n, times=1, only=changing)
            lab.create_somehow(spec)
            bought = lab.bought() - began
            assert len(bought) == alone, f"lost at change {n}: {sorted(bought)}"
            lab.release_all()

    @pytest.mark.parametrize("trouble", REFUSED, ids=str)
    def test_a_refusal_is_told_and_nothing_is_bought(self, lab, trouble):
        spec = lab.spec()
        lab.wire.spoil(trouble, only=changing)
        with pytest.raises((VpsApiError, VpsProvisioningError)) as caught:
            lab.create(spec)
        assert not isinstance(caught.value, VpsApiNoAnswer), "it was answered: with no"
        assert lab.bought() == set()
        lab.wire.mend()
        lab.create(spec)

    def test_an_order_without_any_answer_is_unreachable(self, lab):
        lab.wire.spoil(SILENCE, only=changing)
        with pytest.raises((Unreachable, VpsApiError)):
            lab.create(lab.spec())

    def test_a_list_that_cant_be_read_buys_nothing(self, lab):
        spec = lab.spec()
        lab.wire.spoil(Trouble("500", 500, body=b"{}"), only=lambda call: not call.changes)
        with pytest.raises(MngrError):
            lab.create(spec)
        assert lab.bought() == set()

    def test_create_returns_none_rather_than_wait_for_a_delivery(self, lab):
        spec, client = lab.spec(), lab.client()
        for _ in range(300):
            began = lab.clock.skipped
            made = client.create(spec, dict(lab.handle(spec)), lab.handle(spec).update, lambda phase: None)
            waited = lab.clock.skipped - began
            assert waited <= CREATE_LIMIT_S, f"one call of create waited {waited:.0f} s"
            if made is not None:
                return
            lab.clock.sleep(5)
        raise AssertionError("never delivered")
