"""Settings and a MNGR_HOME that can't be meant: each verb says so in a line, with the file and the key."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cli import Cli
from mngr.testing.local import clean_environment

TABLES = {
    "providers = 3": "providers: must be a table, not a number",
    "providers = []": "providers: must be a table, not a list",
    "providers = 1979-05-27": "providers: must be a table, not a date",
    "[[providers]]\nbackend = 'ovh'": "providers: must be a table, not a list",
    "[providers]\ndocker = 'x'": "providers.docker: must be a table, not text",
    "[[providers.docker]]\nhost_dir = '/x'": "providers.docker: must be a table, not a list",
    "agent_types = []": "agent_types: must be a table, not a list",
    "[agent_types]\nx = true": "agent_types.x: must be a table, not true or false",
    "assume_yes = 'perhaps'": "assume_yes: must be true or false, not text",
    "default_type = 3": "default_type: must be text, not a number",
    "[default_provider]\nx = 1": "default_provider: must be text, not a table",
}

LATER = {
    "[providers.docker]\nhost_dir = 3": "[providers.docker]: host_dir: must be text, not a number",
    "[providers.docker]\ndefault_start_args = 'x'": "[providers.docker]: default_start_args: must be a list, not text",
    "[providers.docker.docker_host]\nx = 1": "[providers.docker]: docker_host: must be text, not a table",
    "[providers.docker]\nhost_dri = '/x'": "[providers.docker]: unknown key 'host_dri'",
    "[agent_types.shell]\ncommand = 3": "[agent_types.shell]: command: must be text or a list, not a number",
    "[agent_types.shell]\nenv = 'A=b'": "[agent_types.shell]: env: must be a table, not text",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def user(home: Path | str, folder: Path) -> Cli:
    return Cli({**clean_environment(), "MNGR_HOME": str(home)}, folder)


@pytest.mark.parametrize("text", TABLES)
def test_a_value_of_the_wrong_type_is_named_with_its_file_and_key(
    home: Path, tmp_path: Path, text: str
) -> None:
    (home / "config.toml").write_text(text)
    done = user(home, tmp_path)("list")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mngr: {home}/config.toml: {TABLES[text]}")


@pytest.mark.parametrize("text", LATER)
def test_so_is_one_that_only_its_reader_understands(home: Path, tmp_path: Path, text: str) -> None:
    (home / "config.toml").write_text("default_provider = 'docker'\n" + text)
    done = user(home, tmp_path)("create", "a", "--dry-run")
    assert done.code == 2
    assert done.err.startswith(f"mngr: {home}/config.toml: {LATER[text]}")


def test_a_wrong_table_is_told_of_the_layer_it_is_in(home: Path, tmp_path: Path) -> None:
    (tmp_path / ".mngr").mkdir()
    (tmp_path / ".mngr/settings.toml").write_text("[providers.docker]\nhost_dir = 3")
    (home / "config.toml").write_text("[providers.docker]\nhost_dir = '/x'")
    mngr = user(home, tmp_path)
    assert f"{tmp_path}/.mngr/settings.toml: [providers.docker]: host_dir" in mngr("list").err
    mngr.env["MNGR__PROVIDERS__DOCKER"] = "x"
    done = mngr("list")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "mngr: environment: providers.docker: must be a table, not text; write [providers.docker]",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backend = 3", "[providers.x]: backend: must be the name of a backend, as text"),
        ("backend = 'docker'\nenabled = 'perhaps'", "[providers.x]: enabled: must be true or false"),
    ],
)
def test_what_decides_whether_a_provider_is_asked_must_be_readable(
    home: Path, tmp_path: Path, text: str, said: str
) -> None:
    (home / "config.toml").write_text(f"[providers.x]\n{text}")
    done = user(home, tmp_path)("list")
    assert done.code == 2
    assert said in done.err


def test_a_config_file_that_can_t_be_read_isn_t_passed_over(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").symlink_to("nowhere")
    done = user(home, tmp_path)("list")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        f"mngr: {home}/config.toml can't be read: No such file or directory",
    )


def test_config_list_has_every_key_on_a_line_with_its_value_and_source(home: Path, tmp_path: Path) -> None:
    mngr = user(home, tmp_path)
    mngr.ok("config", "set", "providers.docker.default_idle_timeout", "1h")
    mngr.ok("config", "set", "agent_types.x.install", "one\ntwo")
    mngr.env["MNGR__PROVIDERS__VULTR__DEFAULT_PLAN"] = "big"
    (tmp_path / ".mngr").mkdir()
    (tmp_path / ".mngr/settings.toml").write_text("[providers.mine]\nbackend = 'docker'\n")
    listed = mngr.ok("config", "list").out.splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in listed[1:]}
    assert len(rows) == len(listed) - 1
    for key, row in {
        "providers.docker.default_idle_timeout": ["1h", f"{home}/config.toml"],
        "agent_types.x.install": ["one", "two", f"{home}/config.toml"],
        "providers.vultr.default_plan": ["big", "environment"],
        "providers.mine.backend": ["docker", f"{tmp_path}/.mngr/settings.toml"],
        "providers.mine.host_dir": ["/mngr", "default"],
        "providers.ovh.duration": ["P1M", "default"],
        "assume_yes": ["false", "default"],
        "tmux_config": ["default"],
    }.items():
        assert rows[key] == row


def test_config_get_prints_the_value_that_holds_and_no_secret(home: Path, tmp_path: Path) -> None:
    mngr = user(home, tmp_path)
    mngr.ok("config", "set", "providers.vultr.api_key", "0123456789")  # text, though it reads as a number
    mngr.env["MNGR__DEFAULT_PROVIDER"] = "docker"
    assert mngr.ok("config", "get", "default_provider").out == "docker\n"
    assert mngr.ok("config", "get", "providers.docker.default_start_args").out == "[]\n"
    assert mngr.ok("config", "get", "providers.ovh.client_secret").out == "\n"
    done = mngr("config", "get", "providers.vultr.api_key")
    assert (done.code, done.out) == (2, "")
    assert "0123456789" not in done.err + mngr.ok("config", "list", "--format", "json").out


def test_times_are_written_as_people_do_in_each_layer(home: Path, tmp_path: Path) -> None:
    from mngr.config.layers import load
    from mngr.providers.registry import find_instance, settings_of

    (home / "config.toml").write_text("[providers.docker]\ndefault_idle_timeout = '15m'\n")
    environ = {"MNGR__PROVIDERS__DOCKER__DEFAULT_MAX_LIFETIME": "8h"}
    settings = settings_of(find_instance("docker", load(home, tmp_path, environ)))
    assert (settings.default_idle_timeout, settings.default_max_lifetime) == (900, 8 * 3600)


VERBS = (
    ["list"],
    ["list", "--format", "json"],
    ["create", "a", "--no-connect"],
    ["gc"],
    ["doctor"],
    ["ssh-config"],
)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_home_that_is_no_folder_is_said_by_every_verb(tmp_path: Path, verb: list[str]) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("nowhere")
    for home, said in {
        tmp_path / "file": f"MNGR_HOME {tmp_path}/file is a file, not a folder",
        tmp_path
        / "file/below": f"MNGR_HOME {tmp_path}/file/below can't be a folder: {tmp_path}/file is a file",
        tmp_path / "link": f"MNGR_HOME {tmp_path}/link is a link to nowhere, which isn't there",
        "": "MNGR_HOME is set and empty",
    }.items():
        done = user(home, tmp_path)(*verb)
        assert (done.code, done.out, done.err.splitlines()[0]) == (2, "", f"mngr: {said}")
    assert (tmp_path / "file").read_text() == "x"
    assert not (tmp_path / "nowhere").exists()


def test_a_home_may_be_relative_and_a_link_to_a_folder(home: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("home")
    assert user("link", tmp_path)("list").code == 0
    assert (home / "laptop").exists()


@pytest.fixture
def read_only(home: Path) -> Iterator[Path]:
    """A home on a disk that can't be written."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a disk")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", home], check=True)
    yield home
    subprocess.run(["umount", "--lazy", home], check=True)


def lock(home: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", home], check=True)


def test_a_new_home_that_can_t_be_written_is_said_once(read_only: Path, tmp_path: Path) -> None:
    lock(read_only)
    for verb in (["list"], ["create", "a", "--no-connect"], ["gc"]):
        done = user(read_only, tmp_path)(*verb)
        assert (done.code, done.out) == (1, "")
        said = [line for line in done.err.splitlines() if line.startswith("mngr: ")]
        assert said == [f"mngr: {read_only} can't be written: Read-only file system"]


def test_list_reads_a_home_that_can_t_be_written_any_more(read_only: Path, tmp_path: Path) -> None:
    mngr = user(read_only, tmp_path)
    assert mngr("list").code == 0
    lock(read_only)
    assert mngr("list").code == 0
    made = mngr("create", "a", "--no-connect", "--quiet")
    assert made.code == 1
    assert "Read-only file system" in made.err
    assert str(read_only) in made.err
