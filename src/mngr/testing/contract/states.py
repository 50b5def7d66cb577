"""An agent's state for any command, without its help."""

from __future__ import annotations

import time

from mngr.testing.contract.base import Base, limit, shown

#: 10 s of silence make `waiting`; the watcher looks every 3 s.
LIMIT_S = 40.0


class States(Base):
    def test_a_command_that_ended_is_done_and_its_exit_code_is_kept(self, world, mngr, make):
        name = make(command=("sh", "-c", "echo bye; exit 7"))["agent"]["name"]
        row = _until(mngr, world, name, "done")
        assert row["exit_code"] == 7

    def test_what_was_done_still_is_when_its_host_is_down_and_up_again(self, world, mngr, make):
        made = make(command=("sh", "-c", "echo once >>ran; exit 3"))
        name, host = made["agent"]["name"], made["host"]["name"]
        _until(mngr, world, name, "done")
        mngr.ok("stop", name)
        row = shown(mngr, world, name)
        assert row
        assert (row["state"], row["exit_code"]) == ("done", 3)
        if not world.isolated:
            return  # this computer stays up
        assert row["host"]["state"] in ("stopped", "paused")
        refused = mngr("exec", name, "true")
        assert refused.code == 4
        assert f"`mngr start @{host}` starts the host alone" in refused.err
        mngr.ok("start", f"@{host}", limit_s=limit(world))
        row = shown(mngr, world, name)
        assert row
        assert (row["state"], row["exit_code"], row["host"]["state"]) == ("done", 3, "running")
        assert mngr.ok("exec", name, "cat ran").out == "once\n"

    def test_a_command_that_cant_be_run_is_done_too(self, world, mngr, make):
        name = make(command=("/dev/null/command",))["agent"]["name"]
        assert _until(mngr, world, name, "done")["exit_code"] == 127

    def test_output_is_running_and_silence_is_waiting(self, world, mngr, make):
        name = make(command=("sh", "-c", "while [ ! -e quiet ]; do date; sleep 1; done; sleep 100000"))[
            "agent"
        ]["name"]
        for _ in range(3):
            row = shown(mngr, world, name)
            assert row
            assert row["state"] == "running"
            time.sleep(1)
        mngr.ok("exec", name, "touch quiet")
        _until(mngr, world, name, "waiting")
        mngr.ok("stop", name)
        _until(mngr, world, name, "stopped")

    def test_the_words_of_a_command_arrive_as_they_were_typed(self, mngr, make):
        words = ("a  b", "$HOME", "'", '"', "\\", "é#{x}", "*", "", "-n", "line\nend")
        name = make(command=("sh", "-c", 'printf "%s|" "$@" >words; sleep 100000', "sh", *words))["agent"][
            "name"
        ]
        end = time.monotonic() + LIMIT_S
        wanted = "".join(f"{word}|" for word in words)
        while (got := mngr("exec", name, "cat words 2>/dev/null").out) != wanted:
            assert time.monotonic() < end, f"{got!r} instead of {wanted!r}"
            time.sleep(0.3)


def _until(mngr, world, name: str, state: str):
    end = time.monotonic() + LIMIT_S
    while True:
        row = shown(mngr, world, name)
        if row and row["state"] == state:
            return row
        assert time.monotonic() < end, f"{name} isn't {state} within {LIMIT_S:g} s: {row}"
        time.sleep(0.5)
