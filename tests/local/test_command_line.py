"""Names, formats, questions and exit codes."""

import json
import os
import shutil
from pathlib import Path

import pytest

from support.local import Local
from support.typed import typed


def test_several_names_at_once_and_names_from_standard_input(mngr: Local) -> None:
    for name in ("a1", "a2", "a3"):
        mngr.create(name, "sleep", "1000")
    assert sorted(mngr.run("stop", "a1", "a2").stdout.split()) == ["a1", "a2", "stopped", "stopped"]
    assert [mngr.state(name) for name in ("a1", "a2")] == ["stopped", "stopped"]
    names = mngr.run("list", "--format", "{name}").stdout
    assert sorted(names.split()) == ["a1", "a2", "a3"]
    mngr.run("start", "-", input=names)
    assert "stopped" not in [mngr.state(name) for name in ("a1", "a2", "a3")]
    mngr.run("destroy", "-", "--yes", input="a1 a2\na3\n")
    assert mngr.names() == []


def test_no_names_on_standard_input_is_nothing_to_do(mngr: Local) -> None:
    assert mngr.run("stop", "-", input="").stdout == ""


def test_one_wrong_name_among_several_changes_nothing(mngr: Local) -> None:
    mngr.create("alpha", "sleep", "1000")
    done = mngr.run("stop", "alpha", "alpah", code=3)
    assert done.stderr == "mngr: there is no agent called alpah\n  → did you mean alpha?\n"
    assert mngr.state("alpha") != "stopped"


def test_destroy_off_a_terminal_needs_a_yes(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    done = mngr.run("destroy", "a1", code=2)
    assert "destroys a1 (" in done.stderr
    assert "their directories stay" in done.stderr
    assert "--yes says yes" in done.stderr
    assert mngr.names() == ["a1"]


def test_destroying_nothing_by_force_still_answers_programs(mngr: Local) -> None:
    assert mngr.json("destroy", "nobody", "--force") == {"destroyed": []}
    mngr.run("destroy", "-", input="")


def test_this_computer_goes_by_its_name(mngr: Local) -> None:
    mngr.run("create", "a1@localhost.local", "--no-connect", "--", "sleep", "1000")
    mngr.run("create", "a2@localhost", "--no-connect", "--", "sleep", "1000")
    assert sorted(mngr.names()) == ["a1", "a2"]


def test_dry_runs_change_nothing(mngr: Local) -> None:
    would = f"would create agent a1\n  costs nothing\n  works in {mngr.cwd}, on this computer\n"
    assert mngr.run("create", "a1", "--dry-run").stdout == would
    assert mngr.names() == []
    mngr.create("a1", "sleep", "1000")
    assert mngr.run("stop", "a1", "--dry-run").stdout.startswith("would stop a1 (")
    assert mngr.run("destroy", "a1", "--dry-run").stdout.startswith("would destroy a1 (")
    assert mngr.state("a1") != "stopped"


def test_a_name_that_is_taken(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    before = mngr.agent("a1")
    done = mngr.run("create", "a1", "--no-connect", code=4)
    assert done.stderr.splitlines()[-2:] == [
        "mngr: agent a1 is on local already (host localhost, running)",
        "  → `mngr connect a1` puts you on it; another name makes a new agent",
    ]
    assert mngr.agent("a1")["id"] == before["id"]
    mngr.run("stop", "a1")
    done = mngr.run("create", "a1", "--no-connect", code=4)
    assert "→ `mngr start a1` runs it again, `mngr connect a1` puts you on it; another" in done.stderr
    shutil.rmtree(mngr.home / "cache" / "names")
    done = mngr.run("create", "a1", "--no-connect", code=4)
    assert "→ `mngr start a1@localhost.local` runs it again" in done.stderr
    mngr.run("start", "a1@localhost.local")


def test_ctrl_c_at_a_question_does_nothing(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    code, screen = typed(mngr.env, mngr.cwd, "destroy", "a1", answer="\x03")
    assert (code, screen.splitlines()[-1]) == (130, "mngr: interrupted; nothing was done")
    assert mngr.names() == ["a1"]


def test_the_shape_of_create_and_list(mngr: Local) -> None:
    made = json.loads(
        mngr.run("create", "a1", "--label", "team=s", "--format", "json", "--", "sleep", "1000").stdout
    )
    assert set(made) == {"agent", "host", "phases"}
    assert [set(phase) for phase in made["phases"]] == [{"name", "seconds"}] * len(made["phases"])
    assert made["phases"]
    listed = mngr.json("list")
    assert set(listed) == {"agents", "hosts", "errors"}
    [agent], [host] = listed["agents"], listed["hosts"]
    assert {"name", "id", "type", "state", "labels", "created_at", "host"} <= set(agent)
    assert {"name", "id", "state", "provider"} <= set(agent["host"])
    assert {"name", "id", "state", "provider", "agents"} <= set(host)
    assert (agent["name"], agent["labels"], agent["host"]["provider"]) == ("a1", {"team": "s"}, "local")
    assert agent["id"] == made["agent"]["id"]
    assert host["agents"] == ["a1"]
    assert listed["errors"] == []


def test_formats_for_programs(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    mngr.create("a2", "sleep", "1000")
    rows = [json.loads(line) for line in mngr.run("list", "--format", "jsonl").stdout.splitlines()]
    assert [row["name"] for row in rows] == ["a1", "a2"]
    template = mngr.run("list", "--format", "{name}@{host.name}.{host.provider}").stdout
    assert template == "a1@localhost.local\na2@localhost.local\n"
    assert mngr.run("exec", "a2@localhost.local", "echo $MNGR_AGENT_NAME").stdout == "a2\n"
    assert "isn't a field" in mngr.run("list", "--format", "{nam}", code=2).stderr
    stopped = mngr.json("stop", "a1", "a2")["stopped"]
    assert sorted(row["name"] for row in stopped) == ["a1", "a2"]


def test_list_chooses_and_show_says_all(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000", options=("--label", "team=s"))
    mngr.create("a2", "sh", "-c", "exit 3")
    mngr.until_state("a2", "done")
    assert mngr.run("ls", "a2", "--columns", "name,state,exit").stdout.split() == [
        "NAME", "STATE", "EXIT", "a2", "done", "3"
    ]  # fmt: skip
    assert mngr.run("ps", "-q", "--state", "done").stdout == "a2\n"
    assert mngr.run("list", "--label", "team", "--format", "{name} {labels.team}").stdout == "a1 s\n"
    assert mngr.run("list", "--sort", "-name", "-q").stdout == "a2\na1\n"
    assert mngr.run("list", "--provider", "docker", "--state", "done", code=None).stdout in (
        "none in state done on docker\n", "no agents could be read\n"
    )  # fmt: skip
    shown = mngr.run("show", "a2").stdout
    assert "exit code    3\n" in shown
    assert "command      sh -c 'exit 3'\n" in shown
    moving = ("active_at", "state", "reason", "since", "signal")
    one, other = (
        {k: v for k, v in row.items() if k not in moving}
        for row in (mngr.json("show", "a1")["agent"], mngr.agent("a1"))
    )
    assert one == other
    mngr.run("rm", "a1", "a2", "--yes")
    assert mngr.names() == []


def test_results_go_to_standard_output_and_all_else_to_standard_error(mngr: Local) -> None:
    done = mngr.run("create", "a1", "--format", "json", "--", "sleep", "1000")
    json.loads(done.stdout)
    assert "create a1: agent" in done.stderr
    quiet = mngr.run("create", "a2", "--quiet", "--", "sleep", "1000")
    assert (quiet.stdout, quiet.stderr) == ("", "")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["exec", "nobody", "true"], 3, "there is no agent called nobody"),
        (["stop", "nobody"], 3, "there is no agent called nobody"),
        (["logs", "nobody"], 3, "there is no agent called nobody"),
        (["connect", "nobody"], 2, "connect needs a terminal"),
        (["create", "a b"], 2, "agent name 'a b' can't be used"),
        (["create", "x", "--provider", "nimbus"], 2, "unknown provider 'nimbus'"),
        (["create", "x.docker", "--provider", "local"], 2, "two providers"),
        (["create", "x", "nosuchtype"], 2, "unknown agent type 'nosuchtype'"),
        (["create", "x", "--"], 2, "nothing follows --"),
        (["create", "x", "--env", "A-B=1"], 2, "an environment variable can't be used"),
        (["create", "x", "--pass-env", "NOT_SET_HERE"], 2, "--pass-env NOT_SET_HERE: no variable"),
        (["create", "x", "--image", "debian"], 2, "--image can't apply to this computer"),
        (["create", "x", "--idle-timeout", "soon"], 2, "'soon' is not a duration"),
        (["create", "x", "--connect"], 2, "--connect needs a terminal"),
        (["create", "x", "--from", "nosuch-folder"], 2, "there is no such directory"),
        (["list", "--format", "yaml"], 2, "--format 'yaml' isn't known"),
        (["list", "--provider", "nimbus"], 2, "unknown provider 'nimbus'"),
        (["gc", "--provider", "nimbus"], 2, "unknown provider 'nimbus'"),
        (["lits"], 2, "did you mean list?"),
        (["show", "nobody"], 3, "there is no agent called nobody"),
        (["list", "nobody"], 3, "there is no agent called nobody"),
        (["create", "x", "shel"], 2, "did you mean shell?"),
        (["create", "x", "--provider", "dockr"], 2, "did you mean docker?"),
        (["create", "x", "--pvodier", "local"], 2, "there is no option --pvodier"),
        (["config", "set", "defualt_type", "x"], 2, "unknown key 'defualt_type'"),
        (["config", "unset", "default_type"], 3, "isn't set"),
        (["config", "set", "default_provider", "dockr"], 2, "unknown provider 'dockr'"),
        (["config", "set", "default_type", "nope"], 2, "unknown agent type 'nope'"),
        (["config", "set", "providers.docker.default_idle_mode", "x"], 2, "unknown idle mode 'x'"),
        (["config", "set", "providers.docker.default_idle_timeout", "x"], 2, "default_idle_timeout"),
        (["config", "set", "providers.docker.nope", "x"], 2, "nope"),
        (["config", "set", "agent_types.x.commnd", "y"], 2, "[agent_types.x]: unknown key 'commnd'"),
        (["config", "set", "agent_types.x/y.command", "z"], 2, "agent type 'x/y' can't be used"),
        (["config", "set", "agent_types.x.env.A-B", "y"], 2, "'A-B' can't be a variable's name"),
        (["config", "set", "providers.docker.default_idle_timeout", "1x"], 2, "'1x' is not a duration"),
        (["config", "get", "defualt_type"], 2, "there is no setting 'defualt_type'"),
        (["config", "get", "providers.docker"], 2, "shows what is below it"),
        (["config", "list", "providers.dockr"], 2, "there is no setting 'providers.dockr'"),
        (["create", ""], 2, "agent name '' can't be used"),
        (["create", "../x"], 2, "agent name '../x' can't be used"),
        (["create", "x@nohost"], 2, "there is no host nohost on local"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_one_message_and_an_exit_code(
    mngr: Local, args: list[str], code: int, said: str
) -> None:
    done = mngr.run(*args, code=code)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "a bug" not in done.stderr
    assert done.stdout == ""
    assert mngr.names() == []


def test_a_broken_config_stops_every_verb_with_the_file_s_name(mngr: Local) -> None:
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text("defualt_type = 'x'\n")
    for args in (["list"], ["create", "a1"], ["stop", "a1"], ["gc"], ["config", "list"]):
        done = mngr.run(*args, code=2)
        assert f"{mngr.home}/config.toml: unknown key 'defualt_type'" in done.stderr
        assert "did you mean default_type?" in done.stderr
    (mngr.home / "config.toml").unlink()


def test_a_setting_that_is_refused_leaves_the_file_as_it_was(mngr: Local) -> None:
    mngr.run("config", "set", "default_type", "command")
    before = (mngr.home / "config.toml").read_text()
    mngr.run("config", "set", "default_provider", "dockr", code=2)
    assert (mngr.home / "config.toml").read_text() == before
    (mngr.home / "config.toml").write_text("x = [")
    assert "can't be read" in mngr.run("config", "set", "default_type", "shell", code=2).stderr
    (mngr.home / "config.toml").unlink()


def test_options_of_other_providers_are_refused_also_beside_other_agents(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    for option in (
        ["--image", "x"],
        ["-b", "."],
        ["-s", "--memory=1g"],
        ["--snapshot", "x"],
        ["--idle-timeout", "5m"],
    ):
        assert mngr.run("create", "a2", "--no-connect", *option, code=None).returncode in (2, 3)
    assert mngr.names() == ["a1"]


def test_an_instance_that_was_used_once_and_has_nothing_left_is_no_error(mngr: Local) -> None:
    (mngr.home / "profile" / "providers" / "vultr" / "vultr").mkdir(parents=True)
    mngr.env.pop("VULTR_API_KEY", None)
    mngr.run("list")
    mngr.run("gc")
    (mngr.home / "journal").mkdir(exist_ok=True)
    (mngr.home / "journal" / "vultr.host-0123456789abcdef.json").write_text("{}")
    assert "has no API key" in mngr.run("list", code=5).stderr
    (mngr.home / "journal" / "vultr.host-0123456789abcdef.json").unlink()


def test_config_set_list_unset(mngr: Local) -> None:
    mngr.run("config", "set", "providers.vultr.api_key", "hunter2")
    mngr.run("config", "set", "providers.vultr.enabled", "false")
    shown = mngr.run("config", "list").stdout
    assert "hunter2" not in shown
    assert "providers.vultr.api_key" in shown
    mngr.run("config", "unset", "providers.vultr.api_key")
    assert {one["key"]: one["source"] for one in mngr.json("config", "list", "providers.vultr")["settings"]}[
        "providers.vultr.api_key"
    ] == "default"


def test_config_list_masks_what_agents_get(mngr: Local) -> None:
    mngr.home.mkdir(exist_ok=True)
    (mngr.home / "config.toml").write_text(
        "[agent_types.x]\ncommand = 'sh'\n[agent_types.x.env]\nANTHROPIC_API_KEY = 'sk-1'\n"
    )
    shown = mngr.run("config", "list").stdout
    assert "agent_types.x.env.ANTHROPIC_API_KEY" in shown
    assert "sk-1" not in shown


def test_verbs_that_only_look(mngr: Local) -> None:
    assert mngr.run("--version").stdout.startswith("mngr ")
    assert "local" in mngr.run("plugin", "list").stdout
    assert mngr.run("config", "path").stdout == f"{mngr.home}/config.toml\n"
    assert "tmux" in mngr.run("doctor").stdout
    assert mngr.run("ssh-config").stdout == ""
    assert mngr.run("snapshot", "list").stdout == "no snapshots\n"


def test_gc_says_of_each_thing_for_what_reason(mngr: Local) -> None:
    folder = Path(mngr.env["MNGR_HOME"]) / ".new-agent-x"
    folder.mkdir(parents=True)
    os.utime(folder, (0, 0))
    row = json.loads(mngr.run("gc", "--dry-run", "--format", "jsonl").stdout)
    assert (row["provider"], row["kind"], row["thing"], row["name"], row["why"]) == (
        "local", "released", "directory", str(folder), "create-cut-short"
    )  # fmt: skip
    assert mngr.run("gc", "--dry-run").stdout == f"local: would be released: {row['what']}\n"
    assert mngr.run("gc", "--format", "{thing} {why}").stdout == "directory create-cut-short\n"
    assert not folder.exists()
