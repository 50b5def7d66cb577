"""Where settings come from, and which of them wins."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mngr.config.home import laptop_id
from mngr.config.layers import change_user_file, files, load, load_own, project_folder, user_file
from mngr.config.schema import Config, convert
from mngr.model.errors import InvalidInput, NotFound


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".mngr").mkdir(parents=True)
    (tmp_path / "project" / ".git").mkdir()
    return tmp_path / "project"


def test_without_any_file_the_defaults_apply(home: Path, tmp_path: Path) -> None:
    assert load(home, tmp_path, {}) == Config()


def test_each_layer_wins_over_those_before(home: Path, project: Path) -> None:
    def now(environ: dict[str, str] | None = None) -> str:
        return load(home, project, environ or {}).default_provider

    (home / "config.toml").write_text('default_provider = "one"')
    assert now() == "one"
    (project / ".mngr/settings.toml").write_text('default_provider = "two"')
    assert now() == "two"
    (project / ".mngr/settings.local.toml").write_text('default_provider = "three"')
    assert now() == "three"
    assert now({"MNGR__DEFAULT_PROVIDER": "four"}) == "four"


def test_layers_merge_key_by_key(home: Path, project: Path) -> None:
    (home / "config.toml").write_text('[providers.ovh]\ndefault_plan = "a"\ndefault_region = "gra"\n')
    (project / ".mngr/settings.toml").write_text('[providers.ovh]\ndefault_plan = "b"\n[providers.x]\n')
    config = load(home, project, {"MNGR__PROVIDERS__OVH__ORDER_TIMEOUT": "5"})
    assert config.providers == {
        "ovh": {"default_plan": "b", "default_region": "gra", "order_timeout": "5"},
        "x": {},
    }


def test_a_dash_in_an_instance_name_is_an_underscore_in_the_environment(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_text('[providers.My-Ovh]\nbackend = "ovh"\n')
    config = load(home, tmp_path, {"MNGR__PROVIDERS__MY_OVH__DEFAULT_PLAN": "p"})
    assert config.providers == {"My-Ovh": {"backend": "ovh", "default_plan": "p"}}


@pytest.mark.parametrize("text", ["true", "1"])
def test_an_environment_value_becomes_what_the_schema_wants(home: Path, tmp_path: Path, text: str) -> None:
    assert load(home, tmp_path, {"MNGR__ASSUME_YES": text}).assume_yes is True


def test_lists_in_the_environment_are_toml(home: Path, tmp_path: Path) -> None:
    config = load(home, tmp_path, {"MNGR__PROVIDERS__V__DEFAULT_START_ARGS": '["--cpus=2", "--init"]'})
    assert config.providers["v"]["default_start_args"] == ["--cpus=2", "--init"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("MNGR__", "environment: MNGR__ isn't a setting"),
        ("MNGR__PROVIDERS____X", "environment: MNGR__PROVIDERS____X isn't a setting"),
        ("MNGR__DEFAULT_PROVIDR", "environment: unknown key 'default_providr'"),
    ],
)
def test_a_wrong_environment_key_is_an_error(home: Path, tmp_path: Path, key: str, said: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        load(home, tmp_path, {key: "x"})
    assert str(raised.value) == said


def test_variables_with_a_single_underscore_are_not_settings(home: Path, tmp_path: Path) -> None:
    assert load(home, tmp_path, {"MNGR_HOME": "x", "MNGR_DEBUG": "1", "PATH": "y"}) == Config()


def test_an_unknown_key_names_the_file_and_the_nearest_key(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_text('defualt_provider = "docker"')
    with pytest.raises(InvalidInput) as raised:
        load(home, tmp_path, {})
    assert str(raised.value) == f"{home}/config.toml: unknown key 'defualt_provider'"
    assert raised.value.hint == "did you mean default_provider?"


def test_an_unknown_key_like_no_other_lists_the_known(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_text("zzz = 1")
    with pytest.raises(InvalidInput) as raised:
        load(home, tmp_path, {})
    known = (
        "agent_types, ask_above, assume_yes, background, busy_cpu, busy_output, default_provider, default_type, log_size, on_change, "
        "providers, quiet, tell_url, tmux_config"
    )
    assert raised.value.hint == f"known: {known}"


def test_a_value_of_the_wrong_type_names_its_place(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_text("providers = 3")
    with pytest.raises(InvalidInput, match=r"config.toml: providers: must be a table, not a number"):
        load(home, tmp_path, {})


def test_a_nested_value_of_the_wrong_type_names_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"here: providers\.ovh: must be a table, not a number"):
        convert({"providers": {"ovh": 3}}, Config, "here")


def test_broken_toml_names_the_file(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_text("a = ")
    with pytest.raises(InvalidInput, match=r"config.toml can't be read: Invalid value"):
        load(home, tmp_path, {})


def test_bytes_that_are_no_text_name_the_file(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_bytes(b'a = "\xff"')
    with pytest.raises(InvalidInput, match=r"config.toml can't be read"):
        load(home, tmp_path, {})


def test_settings_toml_is_the_other_spelling(home: Path, tmp_path: Path) -> None:
    (home / "settings.toml").write_text('default_type = "claude"')
    assert load(home, tmp_path, {}).default_type == "claude"
    assert user_file(home) == home / "settings.toml"


def test_both_spellings_in_one_folder_are_an_error(home: Path, tmp_path: Path) -> None:
    (home / "settings.toml").write_text("")
    (home / "config.toml").write_text("")
    with pytest.raises(InvalidInput) as raised:
        load(home, tmp_path, {})
    assert str(raised.value) == f"both config.toml and settings.toml are in {home}"


def test_the_project_is_the_nearest_folder_up_to_the_repository(home: Path, project: Path) -> None:
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    assert project_folder(home, deep) == project / ".mngr"
    (project / "a/.git").mkdir()
    assert project_folder(home, deep) is None


def test_the_home_is_not_its_own_project(tmp_path: Path) -> None:
    (tmp_path / ".mngr").mkdir()
    (tmp_path / ".mngr/settings.toml").write_text('default_provider = "docker"')
    assert files(tmp_path / ".mngr", tmp_path) == [tmp_path / ".mngr/settings.toml"]


def test_setting_a_key_keeps_comments_and_order(home: Path) -> None:
    (home / "config.toml").write_text('# mine\ndefault_type = "shell"  # so\n')
    change_user_file(home, ["providers", "ovh", "default_plan"], "vps-1")
    change_user_file(home, ["assume_yes"], "true")
    text = (home / "config.toml").read_text()
    assert text.startswith('# mine\ndefault_type = "shell"  # so\n')
    config = load(home, home, {})
    assert config.assume_yes is True
    assert config.providers == {"ovh": {"default_plan": "vps-1"}}


def test_a_key_that_cannot_be_is_not_written(home: Path) -> None:
    (home / "config.toml").write_text('default_type = "shell"\n')
    with pytest.raises(InvalidInput):
        change_user_file(home, ["defualt_type"], "x")
    assert (home / "config.toml").read_text() == 'default_type = "shell"\n'


def test_the_file_of_settings_is_readable_by_its_owner_only(home: Path) -> None:
    change_user_file(home, ["providers", "vultr", "api_key"], "secret")
    assert (home / "config.toml").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("path", [["default_type"], ["providers", "x", "y"]])
def test_unsetting_what_is_not_set_says_so(home: Path, path: list[str]) -> None:
    with pytest.raises(NotFound, match="isn't set in"):
        change_user_file(home, path, None)


def test_unsetting_removes_the_key(home: Path) -> None:
    change_user_file(home, ["default_type"], "claude")
    change_user_file(home, ["default_type"], None)
    assert load(home, home, {}) == Config()


def test_unset_going_through_a_plain_value_says_so(home: Path) -> None:
    change_user_file(home, ["default_type"], "claude")
    with pytest.raises(InvalidInput, match="goes below a plain value"):
        change_user_file(home, ["default_type", "x"], None)


def test_set_going_through_a_plain_value_says_so(home: Path) -> None:
    change_user_file(home, ["default_type"], "claude")
    with pytest.raises(InvalidInput, match="goes below a plain value"):
        change_user_file(home, ["default_type", "x"], "y")


def test_a_laptop_s_id_is_one_whoever_asks_first(tmp_path: Path) -> None:
    for turn in range(20):
        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(laptop_id, [tmp_path / str(turn)] * 8))
        assert len(ids) == 1
        assert [one.name for one in (tmp_path / str(turn)).iterdir()] == ["laptop"]


@pytest.mark.parametrize(
    "key", ["on_change", "tell_url", "tmux_config", "assume_yes", "ask_above",
            *(f"agent_types.claude.{key}" for key in ("pass_env", "answers", "prompt", "prompt_at")), "providers.vultr.api_url", "providers.vultr.api_key",
            "providers.libvirt.uri", "providers.libvirt.url", "providers.docker.docker_host", "providers.ovh.endpoint",
            "providers.ovh.assume_yes", "providers.ovh.trust_first_contact", "providers.azure.allowed_ssh_cidrs",
            "providers.docker.default_start_args", "providers.libvirt.storage_path"]
)  # fmt: skip
def test_what_reaches_beyond_a_project_can_t_be_set_by_one(home: Path, project: Path, key: str) -> None:
    value = {
        "pass_env": '["TOKEN"]', "answers": '{ no = ["y"] }', "assume_yes": "true", "ask_above": "9", "trust_first_contact": "true",
        "allowed_ssh_cidrs": "['0.0.0.0/0']", "default_start_args": "['-v', '/:/all']",
    }.get(key.rpartition(".")[2], '"x"')  # fmt: skip
    for name in ("settings.toml", "settings.local.toml"):
        file = project / ".mngr" / name
        file.write_text(f"{key} = {value}\n")
        with pytest.raises(InvalidInput) as raised:
            load(home, project, {})
        assert str(raised.value).startswith(f"{file}: {key} can't be set by a project, as it ")
        assert f"`mngr config set {key} …`" in raised.value.hint
        file.unlink()


def test_a_project_says_what_its_hosts_are_made_of(home: Path, project: Path) -> None:
    wanted = {"default_plan": "b", "default_region": "x", "default_image": "ours", "host_dir": "/d"}
    lines = "".join(f'{key} = "{value}"\n' for key, value in wanted.items())
    (project / ".mngr/settings.toml").write_text(f"[providers.vultr]\n{lines}")
    assert load(home, project, {}).providers == {"vultr": wanted}


def test_a_project_has_no_say_in_what_is_there_already(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "config.toml").write_text("[agent_types.a]\ncommand = 'mine'\n")
    (project / ".mngr/settings.toml").write_text("[agent_types.a]\ncommand = 'theirs'\nends = 'x'\n")
    monkeypatch.chdir(project)
    assert load(home, project, {}).agent_types == {"a": {"command": "theirs", "ends": "x"}}
    environ = {"MNGR__AGENT_TYPES__A__ABOUT": "it"}
    assert load_own(home, environ).agent_types == {"a": {"command": "mine", "about": "it"}}
