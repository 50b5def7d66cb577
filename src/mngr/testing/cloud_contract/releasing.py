"""`release`: the bill of all that create may have made ends, and nothing else is touched."""

from __future__ import annotations

import contextlib

import pytest

from mngr.model.errors import MngrError
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.lab import Lab
from mngr.testing.cloud_contract.wire import LOST, TROUBLES, changing
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import Gone, Handle, MachineSpec


class Releasing(Base):
    def test_release_ends_the_bill_and_may_be_repeated(self, lab):
        spec = lab.spec()
        made = lab.create(spec)
        for _ in range(3):
            lab.release(spec)
            assert lab.billed() == set()
        assert lab.is_gone(made.id)

    def test_release_finds_by_tags_alone_what_nobody_wrote_down(self, lab):
        spec, client = lab.spec(), lab.client()
        lab.create(spec, client)
        lab.pass_lag(client)
        lab.release(spec, {})
        assert lab.billed() == set()

    def test_release_of_what_was_never_made_is_gone(self, lab):
        client = lab.client()
        assert lab.release_once(lab.spec(), {}, client) == Gone()

    @pytest.mark.parametrize("known", [True, False], ids=["by its handle", "by its tags"])
    @pytest.mark.parametrize("written", [True, False], ids=["after it was written", "before"])
    def test_release_of_a_create_that_was_killed_at_any_save(self, lab, written, known):
        for n in range(1, lab.saves() + 1):
            spec = lab.spec()
            lab.killed_at_save(spec, n, written)
            _release(lab, spec, known)
            assert lab.billed() == set(), f"killed at save {n}"

    @pytest.mark.parametrize("known", [True, False], ids=["by its handle", "by its tags"])
    def test_release_of_a_create_whose_network_went_at_any_call(self, lab, known):
        for n in range(1, lab.changes() + 1):
            spec = lab.spec()
            lab.wire.cut(LOST[1], first=n, only=changing)
            with contextlib.suppress(MngrError):
                lab.create(spec)
            lab.wire.mend()
            _release(lab, spec, known)
            assert lab.billed() == set(), f"the network went at change {n}"

    @pytest.mark.parametrize("written", [True, False], ids=["after it was written", "before"])
    def test_release_isnt_gone_before_an_order_can_show(self, lab, written):
        for n in range(1, lab.saves() + 1):
            spec = lab.spec()
            lab.lag()
            lab.killed_at_save(spec, n, written)
            lab.release(spec)
            assert lab.billed() == set(), f"killed at save {n}, lists lag"
            lab.wire.mend()

    def test_release_is_later_while_the_cloud_shows_the_machine(self, lab):
        spec, client = lab.spec(), lab.client()
        made = lab.create(spec, client)
        lab.pass_lag(client)
        client.get(made.id)
        client.find({tags.HOST_ID: spec.host_id})
        lab.wire.freeze(until=lambda: False)
        try:
            assert lab.release_once(spec, client=client) != Gone(), "the cloud still shows it"
        except MngrError:
            pass

    @pytest.mark.parametrize("trouble", TROUBLES, ids=str)
    def test_release_in_trouble_is_never_gone_with_something_billed(self, lab, trouble):
        spec = lab.spec()
        lab.create(spec)
        calls = lab.calls_of(lambda: lab.release_once(spec))
        lab.release_all()
        spec = lab.spec()
        lab.create(spec)
        for n in range(1, len(calls) + 1):
            lab.wire.spoil(trouble, first=n)
            try:
                said = lab.release_once(spec)
            except MngrError:
                said = None
            lab.wire.mend()
            if said == Gone():
                lab.world.settle(lab.client())
                assert lab.billed() == set(), f"Gone, with trouble from call {n} on"
                spec = lab.spec()
                lab.create(spec)

    @pytest.mark.parametrize("known", [True, False], ids=["by its handle", "by its tags"])
    def test_a_release_that_was_cut_off_is_finished_by_the_next(self, lab, known):
        spec = lab.spec()
        lab.create(spec)
        calls = lab.calls_of(lambda: lab.release_once(spec))
        lab.release_all()
        for n in range(1, sum(call.changes for call in calls) + 1):
            spec = lab.spec()
            lab.create(spec)
            lab.pass_lag(lab.client())
            lab.wire.cut(LOST[1], first=n, only=changing)
            with contextlib.suppress(MngrError):
                lab.release_once(spec)
            lab.wire.mend()
            _release(lab, spec, known)
            assert lab.billed() == set(), f"cut off at change {n}"

    @pytest.mark.parametrize("known", [True, False], ids=["by its handle", "by its tags"])
    def test_release_after_somebody_deleted_the_machine_by_hand(self, lab, world, known):
        spec = lab.spec()
        made = lab.create(spec)
        world.vanish(made.id)
        _release(lab, spec, known)
        assert lab.billed() == set(), "what was bought beside the machine stayed"

    def test_release_leaves_all_others_alone(self, lab, world):
        strangers = lab.crowd(2, {}) | lab.crowd(2, {tags.PROVIDER: "other"})
        spec, neighbour = lab.spec(), lab.spec()
        other = lab.create(neighbour)
        billed = lab.billed()
        made = lab.create(spec)
        lab.release(spec)
        assert lab.billed() == billed
        client = lab.client()
        assert client.get(other.id).tags.get(tags.HOST_ID) == neighbour.host_id
        assert made.id not in {one.id for one in client.find({tags.HOST_ID: neighbour.host_id})}
        assert strangers <= {id for id, runs in world.bill().items() if runs}


def _release(lab: Lab, spec: MachineSpec, known: bool) -> None:
    """With what was saved, or with nothing once lists had time to show what there is."""
    handle: Handle | None = None
    if not known:
        lab.pass_lag(lab.client())
        handle = {}
    lab.release(spec, handle)
