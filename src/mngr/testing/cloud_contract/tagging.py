"""`tag`: key by key, exactly, and nobody else's labels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mngr.model.errors import MngrError, NotFound
from mngr.testing.cloud_contract.base import Base
from mngr.testing.cloud_contract.lab import HOST_KEY
from mngr.testing.cloud_contract.wire import LOST, changing
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiError


class Tagging(Base):
    def test_tags_change_key_by_key(self, lab):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        before = lab.tags(made)
        client.tag(made.id, {tags.READY: "1", tags.HOST_NAME: "other"}, [tags.BUILDER])
        wanted = {**before, tags.READY: "1", tags.HOST_NAME: "other"}
        del wanted[tags.BUILDER]
        assert lab.tags(made) == wanted
        client.tag(made.id, {}, [tags.READY, tags.HOST_NAME])
        assert lab.tags(made) == {
            key: value for key, value in wanted.items() if key not in (tags.READY, tags.HOST_NAME)
        }

    def test_tags_may_be_put_and_dropped_again(self, lab):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        for _ in range(2):
            client.tag(made.id, {tags.READY: "1"})
        client.tag(made.id, {}, [tags.NEXT_KEY])  # was never there
        client.tag(made.id, {})
        assert lab.tags(made).get(tags.READY) == "1"
        for _ in range(2):
            client.tag(made.id, {}, [tags.READY])
        assert tags.READY not in lab.tags(made)

    def test_values_come_back_as_they_were_put(self, lab):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        put = {
            tags.HOST_KEY: HOST_KEY,
            tags.NEXT_KEY: HOST_KEY[:-2] + "//",
            tags.HOST_NAME: "A-name_with.Both-CASES",
            tags.UNTIL: "4102444800",
        }
        client.tag(made.id, put)
        lab.pass_lag(client)
        assert put.items() <= lab.tags(made).items()
        [found] = client.find({tags.HOST_KEY: HOST_KEY, tags.HOST_NAME: put[tags.HOST_NAME]})
        assert found.id == made.id
        assert tags.read(found.tags).host_keys[0] == f"ssh-ed25519 {HOST_KEY}"

    def test_other_peoples_labels_stay(self, lab, world):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        before = set(world.labels(made.id))
        world.label(made.id)
        [theirs] = set(world.labels(made.id)) - before
        lab.pass_lag(client)
        for put, drop in (({tags.READY: "1"}, []), ({}, [tags.READY]), ({tags.UNTIL: "1"}, [tags.BUILDER])):
            lab.client().tag(made.id, put, drop)
            assert theirs in world.labels(made.id), f"tag(put={put}, drop={drop}) took {theirs}"
        client.power(made.id, True)
        assert theirs in world.labels(made.id)

    def test_threads_that_tag_take_nothing_from_each_other(self, lab):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        put = [
            {tags.READY: "1"},
            {tags.HOST_KEY: HOST_KEY},
            {tags.UNTIL: "4102444800"},
            {tags.NEXT_KEY: HOST_KEY},
        ]
        with ThreadPoolExecutor(len(put)) as pool:
            list(pool.map(lambda one: client.tag(made.id, one), put))
        found = lab.tags(made)
        assert all(one.items() <= found.items() for one in put), found

    @pytest.mark.parametrize("trouble", LOST, ids=str)
    def test_a_tag_whose_answer_was_lost_may_be_repeated(self, lab, trouble):
        client = lab.client()
        made = lab.create(lab.spec(), client)
        before = lab.tags(made)
        for n in (1, 2):
            lab.wire.spoil(trouble, first=n, times=1, only=changing)
            for _ in range(2):
                try:
                    client.tag(made.id, {tags.READY: "1"}, [tags.BUILDER])
                except MngrError:
                    continue
            lab.wire.mend()
            wanted = {**before, tags.READY: "1"}
            del wanted[tags.BUILDER]
            assert lab.tags(made) == wanted
            client.tag(made.id, {tags.BUILDER: before[tags.BUILDER]}, [tags.READY])

    def test_tagging_what_isnt_there_says_so(self, lab, world):
        with pytest.raises((NotFound, VpsApiError)):
            lab.client().tag(world.unknown_id, {tags.READY: "1"})
