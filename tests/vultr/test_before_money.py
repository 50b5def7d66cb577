"""Nothing is bought before everything is checked: what can't be meant is refused while the cloud is only asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cli import Cli
from mngr.testing.local import clean_environment
from support.simcloud import Simcloud

AFTER_THAT = ("--", "sleep", "1000")

#: Words after `create NAME --provider vultr --yes --no-connect` → what the refusal says.
OPTIONS = (
    (("--format", "{nosuch}"), "'nosuch' isn't a field"),
    (("--format", "{host.nosuch}"), "isn't a field"),
    (("--format", "{name:>99999999999999999999}"), "--format"),
    (("--format", "{name"), "--format"),
    (("--format", "{0}"), "--format"),
    (("--format", ""), "--format"),
    (("--env-file", "nul.env"), "nul.env, line 1 holds a NUL"),
    (("--env-file", "open.env"), "open.env, line 2 isn't KEY=VALUE"),
    (("--env-file", "."), "directory"),
    (("--env-file", ""), "--env-file"),
    (("--env", "PATH="), "PATH"),
    (("--env", "PATH=bin"), "PATH"),
    (("--env", "HOME="), "HOME"),
    (("--env-file", "long.env"), "no program starts with more than 128"),
    (("--env", "A=\udcff"), "UTF-8"),
    (("--env", ""), "KEY=VALUE"),
    (("--pass-env", ""), "--pass-env"),
    (("-s", "--nosuch"), "--nosuch"),
    (("-s", "--nosuch=1"), "--nosuch=1"),
    (("-s", "--hostname"), "lacks its value"),
    (("-s", "--hostname", "-s", "--privileged"), "lacks its value"),
    (("-s", "--pids-limit=many"), "--pids-limit"),
    (("-s", "--env-file=here.env"), "--env-file"),
    (("-s", ""), "empty"),
    (("-s", "-v"), "lacks its value"),
    (("-b", "--nosuch=1", "-b", "context"), "--nosuch=1"),
    (("-b", "--vps-plan=vc2-1c-1gb", "-b", "--vultr-plan=vc2-1c-2gb"), "contradict"),
    (("-b", "--vps-region=ewr", "-b", "--vultr-region=ams"), "contradict"),
    (("-b", ""), "empty"),
    (("-b", "--vps-plan="), "empty"),
    (("-b", "empty"), "Dockerfile"),
    (("-b", "nosuch"), "nosuch"),
    (("-b", "context", "--image", "debian"), "--image"),
    (("--image", ""), "--image has an empty value"),
    (("--image", "No Such"), "isn't an image's name"),
    (("--image", "a:b:c"), "isn't an image's name"),
    (("--workdir", ""), "--workdir has an empty value"),
    (("--workdir", "here/there"), "isn't an absolute path"),
    (("--workdir", "~/x"), "isn't an absolute path"),
    (("--workdir", "/a\nb"), "can't be printed"),
    (("--workdir", "/proc/x"), "the kernel's"),
    (("--workdir", "/mngr/agents"), "mngr's own"),
    (("--workdir", "/mngr"), "mngr's own"),
    (("--from", "context", "--workdir", "/etc"), "isn't empty"),
    (("--from", ""), "--from has an empty value"),
    (("--from", "file"), "--from"),
    (("--from", "nosuch"), "there is no such directory"),
    (("--snapshot", ""), "--snapshot has an empty value"),
    (("--snapshot", "file"), "neither a snapshot's id nor"),
    (("--label", ""), "key=value"),
    (("--label", "a b=c"), "key=value"),
    (("--label", "k=a\nb"), "key=value"),
    (("--idle-mode", ""), "--idle-mode has an empty value"),
    (("--idle-timeout", ""), "--idle-timeout has an empty value"),
    (("--idle-timeout", "nan"), "duration"),
    (("--idle-timeout", "-1"), "duration"),
    (("--max-lifetime", "inf"), "duration"),
    (("--max-lifetime", "0.2"), "duration"),
    (("--max-lifetime", ""), "--max-lifetime has an empty value"),
)  # fmt: skip

#: Settings of `[providers.vultr]` that no host can be made with.
SETTINGS = (
    ("host_dir", "mngr"), ("host_dir", "/usr"), ("host_dir", "/a b"), ("host_dir", "/proc/mngr"), ("host_dir", ""),
    ("container_ssh_port", "0"), ("container_ssh_port", "22"), ("container_ssh_port", "70000"),
    ("container_ssh_port", "many"), ("vps_boot_timeout", "nan"), ("vps_boot_timeout", "-1"),
    ("ssh_connect_timeout", "inf"), ("docker_install_timeout", "0"), ("default_idle_timeout", "nan"),
    ("default_max_lifetime", "-1"), ("default_max_lifetime", "0.2"), ("list_lag", "-1"),
    ("default_idle_mode", "often"), ("default_image", "No Such"), ("default_start_args", "['--nosuch']"),
)  # fmt: skip


@pytest.fixture(scope="module")
def sim() -> Iterator[Simcloud]:
    with Simcloud("vultr", "--machines", "fake", "--rate-limit", "0") as running:
        yield running


@pytest.fixture
def mngr(sim: Simcloud, tmp_path: Path) -> Cli:
    """A user with an account, in a folder with this and that in it."""
    here = tmp_path / "here"
    (here / "context").mkdir(parents=True)
    (here / "context/Dockerfile").write_text("FROM debian\n")
    (here / "empty").mkdir()
    (here / "file").write_text("no snapshot\n")
    (here / "nul.env").write_bytes(b"A=1\0\n")
    (here / "open.env").write_text('A=1\nB="x\n')
    (here / "long.env").write_text("A=" + "x" * 131070)
    (here / "here.env").write_text("A=1\n")
    env = {**clean_environment(), **sim.env, "MNGR_HOME": str(tmp_path / "home")}
    return Cli({**env, "GIT_CEILING_DIRECTORIES": str(tmp_path)}, here)


def refused(sim: Simcloud, mngr: Cli, *words: str, name: str = "x") -> str:
    """What `create` says, which must be exit code 2; the cloud got no call that changes anything."""
    since = len(sim.calls())
    options, command = (
        (words, AFTER_THAT) if "--" not in words else (words[: words.index("--")], words[words.index("--") :])
    )
    done = mngr(
        "create", name, "--provider", "vultr", "--yes", "--no-connect", *options, *command, codes=(2,)
    )
    assert "Traceback" not in done.err
    assert "a bug" not in done.err
    assert [call["path"] for call in sim.calls(since) if call["method"] != "GET"] == []
    return done.err


@pytest.mark.parametrize(
    ("words", "said"),
    OPTIONS,
    ids=lambda value: (
        " ".join(value)[:40].encode(errors="replace").decode() if isinstance(value, tuple) else ""
    ),
)
def test_an_option_that_can_t_be_meant_is_refused(
    sim: Simcloud, mngr: Cli, words: tuple[str, ...], said: str
) -> None:
    assert said in refused(sim, mngr, *words)


@pytest.mark.parametrize(("key", "value"), SETTINGS)
def test_a_setting_that_can_t_be_meant_is_refused(sim: Simcloud, mngr: Cli, key: str, value: str) -> None:
    mngr.env[f"MNGR__PROVIDERS__VULTR__{key.upper()}"] = value
    refused(sim, mngr)


@pytest.mark.parametrize("command", ["", "\udcff"])
def test_a_command_that_can_t_be_run_is_refused(sim: Simcloud, mngr: Cli, command: str) -> None:
    assert "the agent's command" in refused(sim, mngr, "--", command)


@pytest.mark.parametrize("words", [("", "shell"), ("x", "")])
def test_a_name_or_type_that_is_empty_isn_t_one_that_wasn_t_given(
    sim: Simcloud, mngr: Cli, words: tuple[str, ...]
) -> None:
    since = len(sim.calls())
    mngr("create", *words, "--provider", "vultr", "--yes", codes=(2,))
    assert sim.calls(since) == []


def test_an_empty_provider_isn_t_the_default_one(sim: Simcloud, mngr: Cli) -> None:
    mngr.env["MNGR__DEFAULT_PROVIDER"] = "vultr"
    since = len(sim.calls())
    assert "--provider has an empty value" in mngr("create", "x", "--provider", "", "--yes", codes=(2,)).err
    assert sim.calls(since) == []
