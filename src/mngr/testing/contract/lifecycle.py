"""Create, stop, start, destroy: what each does, and that each may be given again."""

from __future__ import annotations

from mngr.testing.contract.base import Base, create_words, limit, listed, shown
from mngr.testing.world import cloud_of

ALIVE = ("running", "waiting")


class Lifecycle(Base):
    def test_a_created_agent_is_listed_alive_on_a_running_host(self, world, mngr, make):
        made = make()
        row = shown(mngr, world, made["agent"]["name"])
        assert row
        assert row["state"] in ALIVE
        assert row["id"] == made["agent"]["id"]
        assert row["host"]["state"] == "running"
        assert row["host"]["provider"] == world.provider

    def test_what_stop_leaves_start_finds_and_both_may_be_given_again(self, world, mngr, make):
        name = make(command=("sh", "-c", "date +%N >started; exec sleep 100000"))["agent"]["name"]
        mngr.ok("exec", name, "echo kept > file")
        first = mngr.ok("exec", name, "cat started").out
        for _ in range(2):
            mngr.ok("stop", name)
            row = shown(mngr, world, name)
            assert row
            assert row["state"] == "stopped"
            if world.isolated:
                assert row["host"]["state"] in ("stopped", "paused")
        for _ in range(2):
            mngr.ok("start", name, limit_s=limit(world))
            row = shown(mngr, world, name)
            assert row
            assert (row["state"] in ALIVE, row["host"]["state"]) == (True, "running")
        assert mngr.ok("exec", name, "cat file").out == "kept\n"
        assert mngr.ok("exec", name, "cat started").out != first

    def test_destroy_leaves_nothing_and_says_when_there_is_nothing(self, world, mngr, make):
        before = {thing.id for thing in world.things()}
        made = make()
        name, ids = made["agent"]["name"], {made["agent"]["id"], made["host"]["id"]}
        assert any(thing.owner in ids for thing in world.things()), (
            "the test sees nothing of what create made"
        )
        mngr.ok("destroy", name, "--yes", limit_s=limit(world))
        assert shown(mngr, world, name) is None
        of_agent = {made["agent"]["id"]} if not world.isolated else ids
        left = [thing for thing in world.things() if thing.owner in of_agent]
        if cloud_of(world):  # an address or a disk may be billed beside the machine, and not say whose it is
            left += [thing for thing in world.things() if thing.id not in before and not thing.owner]
        assert left == []
        assert mngr("destroy", name, "--yes").code == 3
        assert mngr("destroy", name, "--force").code == 0

    def test_destroy_asks_and_where_nobody_can_answer_does_nothing(self, world, mngr, make):
        name = make()["agent"]["name"]
        done = mngr("destroy", name)
        assert done.code == 2
        assert "--yes" in done.err
        assert shown(mngr, world, name)

    def test_a_name_that_is_taken_is_a_conflict_and_its_agent_stays(self, world, mngr, make):
        name = make()["agent"]["name"]
        mngr.ok("exec", name, "echo mine >mine")
        before = {thing.id for thing in world.things()}
        done = mngr(*create_words(world, name), limit_s=limit(world))
        assert done.code == 4
        assert name in done.err
        assert {thing.id for thing in world.things()} == before
        assert mngr.ok("exec", name, "cat mine").out == "mine\n"

    def test_a_second_agent_shares_a_host_until_it_goes(self, world, mngr, make):
        made = make()
        first, host = made["agent"]["name"], made["host"]["name"]
        second = f"{first}-b"
        more = mngr.ok(
            *create_words(world, f"{second}@{host}" if world.isolated else second), limit_s=limit(world)
        ).json()
        assert more["host"]["id"] == made["host"]["id"]
        mngr.ok("destroy", second, "--yes")
        assert shown(mngr, world, second) is None
        assert mngr.ok("exec", first, "echo here").out == "here\n"

    def test_an_agent_runs_on_under_another_name_and_with_other_labels(self, world, mngr, make):
        made = make(command=("sh", "-c", "date +%N >started; exec sleep 100000"))["agent"]
        name, other = made["name"], f"{made['name']}-x"
        first = mngr.ok("exec", name, "cat started").out
        for _ in range(2):
            mngr.ok("rename", name, other)
            mngr.ok("label", other, "team=search", "none-")
        assert mngr.ok("exec", other, "cat started; echo $MNGR_AGENT_NAME").out == f"{first}{other}\n"
        mngr.ok("stop", other)
        row = shown(mngr, world, other)
        assert row
        assert (row["id"], row["labels"]["team"], shown(mngr, world, name)) == (made["id"], "search", None)
        mngr.ok("start", other, limit_s=limit(world))
        mngr.ok("rename", other, name)
        row = shown(mngr, world, name)
        assert row
        assert row["state"] in ALIVE

    def test_dry_runs_make_and_remove_nothing(self, world, mngr, make):
        name = make()["agent"]["name"]
        before = {thing.id for thing in world.things()}
        words = create_words(world, f"{name}-dry")
        mngr.ok("create", "--dry-run", *words[1:], limit_s=limit(world))
        mngr.ok("destroy", name, "--dry-run")
        mngr.ok("stop", name, "--dry-run")
        assert {thing.id for thing in world.things()} == before
        assert shown(mngr, world, name)

    def test_a_sweep_of_a_world_in_order_does_nothing_however_late(self, world, mngr, agent):
        world.pass_time(90 * 86400)
        swept = mngr.ok("gc", "--provider", world.provider, "--format", "json").json()[world.provider]
        assert (swept["released"], swept["finished"], swept["errors"]) == ([], [], [])
        assert shown(mngr, world, agent)
        assert mngr.ok("exec", agent, "echo here").out == "here\n"

    def test_create_brings_the_code_of_a_repository_uncommitted_changes_too(self, world, mngr, make):
        if not world.isolated:
            return  # agents here work in the directory itself
        code = world.scratch / "code"
        if not code.exists():
            code.mkdir()
            script = (
                "git init -q . && echo one | tee a d >e && git add . && git -c user.name=t -c user.email=t@t commit -qm one && "
                "echo two >a && echo new >b && echo staged >c && echo two >d && git add c d && git rm -q e"
            )
            import subprocess

            subprocess.run(["sh", "-c", script], cwd=code, check=True)
        # `--no-code` of the world's arguments and --from exclude each other.
        words = [word for word in world.create if word != "--no-code"]
        from mngr.testing.contract.base import fresh_name, remove

        name = fresh_name()
        try:
            mngr.ok(
                "create", name, "--provider", world.provider, "--yes", "--no-connect", *words, "--from", str(code),
                "--", "sleep", "100000", limit_s=limit(world),
            )  # fmt: skip
            done = mngr.ok("exec", name, "cat a b c d; git log --format=%s; git status --porcelain")
            assert done.out == "two\nnew\nstaged\ntwo\none\n M a\nA  c\nM  d\nD  e\n?? b\n"
        finally:
            remove(mngr, name)

    def test_listing_makes_no_home_and_changes_nothing(self, world, mngr):
        from mngr.testing.world import cli

        other = world.other_home()
        before = sorted(path.name for path in other.home.iterdir()) if other.home.exists() else None
        cli(other)("list", codes=(0, 5))
        after = sorted(path.name for path in other.home.iterdir()) if other.home.exists() else None
        assert before in (None, after) or set(after or ()) - set(before or ()) <= {
            "laptop",
            "cache",
            "profile",
        }
        assert listed(mngr, world)["errors"] == []
