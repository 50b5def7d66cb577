"""`find`: all machines with these tags, or an error; never a part of them."""

from __future__ import annotations

import pytest

from mngr.model.errors import Unreadable
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.lab import INSTANCE
from mngr.testing.cloud_contract.wire import SILENCE, TROUBLES
from mngr.vps_docker import tags

#: More machines than fit into a page of most clouds.
MANY = 124


class Finding(Base):
    def test_find_sees_all_of_many_machines(self, lab, world):
        first = lab.crowd(MANY // 2, {tags.PROVIDER: "many"})
        lab.crowd(max(0, world.page - MANY // 2), {tags.PROVIDER: "others"})
        last = lab.crowd(MANY // 2, {tags.PROVIDER: "many"})
        client = lab.client()
        lab.pass_lag(client)
        found = [one.id for one in client.find({tags.PROVIDER: "many"})]
        assert len(found) == len(set(found)), "machines are there twice"
        assert set(found) == first | last

    def test_find_wants_all_tags_and_whole_values(self, lab):
        ours = {tags.PROVIDER: "one", tags.HOST_ID: "host-0123456789abcdef"}
        mine = lab.crowd(1, ours)
        for other in (
            {**ours, tags.PROVIDER: "two"},
            {**ours, tags.PROVIDER: "one-more"},
            {**ours, tags.HOST_ID: "host-0123456789abcdee"},
            {tags.PROVIDER: "one"},
            {tags.HOST_NAME: "one"},
        ):
            lab.crowd(1, other)
        client = lab.client()
        lab.pass_lag(client)
        assert {one.id for one in client.find(ours)} == mine
        assert client.find({**ours, tags.READY: "1"}) == []

    def test_find_shows_what_a_machine_is(self, lab, world):
        spec, client = lab.spec(), lab.client()
        made = lab.create(spec, client)
        lab.pass_lag(client)
        [found] = client.find({tags.HOST_ID: spec.host_id})
        assert (found.id, found.plan, found.region) == (made.id, world.plan, world.region)
        assert found == client.get(made.id)

    def test_other_peoples_machines_are_nobodys(self, lab):
        strangers = lab.crowd(3, {})
        spec, client = lab.spec(), lab.client()
        made = lab.create(spec, client)
        client.tag(made.id, {}, [tags.PROVIDER])  # somebody took it off
        lab.pass_lag(client)
        assert client.find({tags.PROVIDER: INSTANCE}) == []
        found = {one.id for one in client.find_ours(lambda name, found: tags.is_ours(INSTANCE, name, found))}
        assert made.id in found
        assert not found & strangers

    def test_find_shows_what_was_done_once_its_lag_is_over(self, lab):
        spec, client = lab.spec(), lab.client()
        wanted = {tags.HOST_ID: spec.host_id}
        assert client.find(wanted) == []
        made = lab.create(spec, client)
        lab.pass_lag(client)
        client.tag(made.id, {tags.READY: "1"})
        lab.pass_lag(client)
        assert [one.tags.get(tags.READY) for one in client.find(wanted)] == ["1"]
        lab.release(spec)
        lab.pass_lag(client)
        assert client.find(wanted) == []

    def test_find_in_trouble_is_unreadable_at_each_of_its_calls(self, lab, world):
        wanted = {tags.PROVIDER: "many"}
        lab.crowd(1, wanted)
        lab.crowd(world.page, {tags.PROVIDER: "others"})
        lab.crowd(1, wanted)
        lab.pass_lag(lab.client())
        made = lab.calls_of(lambda: lab.client().find(wanted))
        for trouble in (*TROUBLES, SILENCE):
            for n in {1} if trouble is SILENCE else {1, 2, len(made)} & set(range(1, len(made) + 1)):
                lab.wire.spoil(trouble, first=n)
                try:
                    found = lab.client().find(wanted)
                except Unreadable:
                    found = None
                assert found is None, f"{trouble} from call {n} on: {found}"
                lab.wire.mend()

    @pytest.mark.parametrize("trouble", TROUBLES, ids=str)
    def test_find_after_a_moment_of_trouble_is_whole_or_unreadable(self, lab, trouble):
        wanted = {tags.PROVIDER: "few"}
        mine = lab.crowd(2, wanted)
        lab.pass_lag(lab.client())
        made = lab.calls_of(lambda: lab.client().find(wanted))
        for n in range(1, len(made) + 1):
            lab.wire.spoil(trouble, first=n, times=1)
            try:
                assert {one.id for one in lab.client().find(wanted)} == mine
            except Unreadable:
                pass
            lab.wire.mend()
