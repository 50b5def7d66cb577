"""What `list` and `exec` promise to programs: shapes, formats, exit codes, labels; part of the truth beats none."""

from __future__ import annotations

import json

from mngr.testing.cli import Cli
from mngr.testing.contract.base import Base, create_words, fresh_name, listed, remove, shown

AGENT = {"name", "id", "type", "state", "labels", "created_at", "host"}
AGENT_HOST = {"name", "id", "state", "provider"}


class Listings(Base):
    def test_the_list_has_the_promised_shape(self, world, mngr, agent):
        whole = listed(mngr, world)
        assert set(whole) - {"spares"} == {"agents", "hosts", "errors"}  # spares: where there are such
        row = next(one for one in whole["agents"] if one["name"] == agent)
        assert set(row) >= AGENT
        assert set(row["host"]) >= AGENT_HOST
        host = next(one for one in whole["hosts"] if one["id"] == row["host"]["id"])
        assert agent in host["agents"]
        assert isinstance(row["labels"], dict)

    def test_create_says_agent_host_and_phases(self, make):
        made = make()
        assert set(made) == {"agent", "host", "phases"}
        assert set(made["agent"]) >= AGENT
        assert all(set(phase) == {"name", "seconds"} for phase in made["phases"])

    def test_labels_are_kept_and_shown(self, world, mngr, make):
        name = make("--label", "team=search", "--label", "x.y/z=1 2")["agent"]["name"]
        row = shown(mngr, world, name)
        assert row
        assert row["labels"] == {"team": "search", "x.y/z": "1 2"}

    def test_other_formats_jsonl_templates_people(self, world, mngr, agent):
        provider = ("--provider", world.provider)
        rows = [json.loads(line) for line in mngr.ok("list", *provider, "--format", "jsonl").out.splitlines()]
        assert agent in [row["name"] for row in rows]
        said = mngr.ok("list", *provider, "--format", "{name} {host.provider}").out
        assert f"{agent} {world.provider}" in said.splitlines()
        assert agent in mngr.ok("list", *provider).out
        assert mngr("list", *provider, "--format", "{nosuch}").code == 2
        assert mngr("list", "--format", "nosuch").code == 2

    def test_exec_one_word_is_a_shell_line_several_are_an_argv(self, mngr, agent):
        assert mngr.ok("exec", agent, "echo 'a  b' | tr a-z A-Z").out == "A  B\n"
        assert mngr.ok("exec", agent, "printf", "%s|", "a  b", "$HOME", "'q'").out == "a  b|$HOME|'q'|"

    def test_exec_hands_on_input_streams_and_exit_code(self, mngr, agent):
        assert mngr.ok("exec", agent, "cat", input="line 1\nö\n").out == "line 1\nö\n"
        done = mngr("exec", agent, "echo out; echo err >&2; exit 7")
        assert (done.code, done.out, done.err) == (7, "out\n", "err\n")
        assert mngr("exec", agent, "kill -9 $$").code == 137

    def test_agents_know_who_they_are(self, mngr, agent):
        assert mngr.ok("exec", agent, 'echo "$MNGR_AGENT_NAME"').out == f"{agent}\n"

    def test_a_name_that_isnt_there_is_exit_code_3_everywhere(self, mngr, agent):
        for words in (
            ("exec", "nosuch", "true"),
            ("stop", "nosuch"),
            ("start", "nosuch"),
            ("logs", "nosuch"),
        ):
            done = mngr(*words)
            assert done.code == 3, done
            assert "nosuch" in done.err

    def test_a_broken_provider_is_an_error_row_and_the_rest_is_listed(self, world, agent):
        broken = Cli(
            {
                **world.env,
                "MNGR__PROVIDERS__BROKEN__BACKEND": "docker",
                "MNGR__PROVIDERS__BROKEN__DOCKER_HOST": "tcp://127.0.0.1:1",
            },
            world.scratch,
        )
        done = broken("list", "--format", "json")
        assert done.code == 5
        whole = done.json()
        assert agent in [one["name"] for one in whole["agents"]]
        assert [one["provider"] for one in whole["errors"]] == ["broken"]
        assert whole["errors"][0]["error"]
        assert broken("exec", agent, "true").code == 0

    def test_what_an_agent_printed_can_be_read(self, mngr, make):
        name = make(command=("sh", "-c", "echo 'printed by the agent'; exec sleep 100000"))["agent"]["name"]
        _until(lambda: "printed by the agent" in mngr.ok("logs", name).out, "the agent's output in its log")

    def test_two_creates_of_one_name_at_once_make_one_agent(self, world, mngr):
        from mngr.testing.cli import finish

        name = fresh_name()
        words = create_words(world, name)
        try:
            both = [mngr.start(*words), mngr.start(*words)]
            codes = sorted(finish(one, words, limit_s=240).code for one in both)
            assert codes == [0, 4]
            assert [one["name"] for one in listed(mngr, world)["agents"]].count(name) == 1
        finally:
            remove(mngr, name)


def _until(check, what: str, limit_s: float = 20.0) -> None:
    import time

    end = time.monotonic() + limit_s
    while not check():
        assert time.monotonic() < end, f"waited {limit_s:g} s for {what}"
        time.sleep(0.3)
