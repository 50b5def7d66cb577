"""Mistakes are found before anything is made, and the message says what would have been right."""

from __future__ import annotations

import re

import pytest

from mngr.testing.contract.base import Base, create_words, fresh_name
from mngr.testing.world import cloud_of

#: Create arguments that no provider takes.
EVERYWHERE = (
    (("--idle-mode", "nosuch"), "disabled"),
    (("--idle-timeout", "soon"), "15m"),
    (("--label", "no-equals-sign"), "key=value"),
    (("--env", "1BAD=x"), "KEY"),
)


class Mistakes(Base):
    def test_choices_that_arent_there_are_named_with_those_that_are(self, world, mngr):
        given = [*EVERYWHERE, *getattr(world, "mistakes", ())]
        cloud = cloud_of(world)
        before, since = {thing.id for thing in world.things()}, len(cloud.calls()) if cloud else 0
        for words, named in given:
            done = mngr(*create_words(world, fresh_name("mistaken"), *words))
            assert done.code == 2, done
            assert named in done.err, done
            assert "Traceback" not in done.err
        assert {thing.id for thing in world.things()} == before
        if cloud:
            free = re.compile(
                getattr(world, "free_calls", r"(?!)")
            )  # the prices are only to be had by POST at some
            paid = [call["path"] for call in cloud.calls(since) if call["method"] != "GET"]
            assert [path for path in paid if not free.fullmatch(path)] == []

    @pytest.mark.parametrize("name", ["-x", "a b", "ä", "a/b", "x" * 64, "a'b", "$(id)", "a\nb"])
    def test_names_that_cant_be_used(self, world, mngr, name):
        done = mngr(*create_words(world, name))
        assert done.code == 2, done

    def test_an_unknown_provider_names_the_known_ones(self, world, mngr):
        done = mngr("create", fresh_name(), "--provider", "nosuch", "--no-connect", "--no-code")
        assert done.code == 2
        assert "local" in done.err

    def test_a_mistyped_verb_or_setting_is_told_with_the_nearest(self, world):
        from mngr.testing.cli import Cli

        assert Cli(world.env, world.scratch)("lst").code == 2
        done = Cli({**world.env, "MNGR__DEFAULT_PROVIDR": "x"}, world.scratch)("list")
        assert (done.code, "default_provider" in done.err) == (2, True)
