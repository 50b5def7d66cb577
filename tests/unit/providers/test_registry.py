"""Finding backends, and which provider instances are asked for hosts."""

import sys
from pathlib import Path

import pytest

import mngr.backends
from mngr.config.layers import load
from mngr.config.schema import Config
from mngr.model.errors import InvalidInput
from mngr.ops.context import Mngr
from mngr.providers import registry

MODULE = """
import msgspec, pluggy

class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    default_plan: str = "small"

class Provider:
    def __init__(self, config, context):
        self.name, self.plan, self.context = context.instance, config.default_plan, context

class BACKEND:
    name = "{name}"
    config_type = Settings

    @staticmethod
    def build(config, context):
        return Provider(config, context)

@pluggy.HookimplMarker("mngr")
def register_provider_backend():
    return BACKEND
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A distribution that registers the backend `elsewhere`, as pip would have installed it."""
    site = tmp_path / "site"
    info = site / "mngr_elsewhere-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "mngr_elsewhere.py").write_text(MODULE.replace("{name}", "elsewhere"))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mngr-elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mngr]\nelsewhere = mngr_elsewhere\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "mngr_elsewhere", raising=False)
    return "elsewhere"


@pytest.fixture
def in_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose packages are backends of the tree."""
    folder = tmp_path / "backends"
    folder.mkdir()
    monkeypatch.setattr(mngr.backends, "__path__", [*mngr.backends.__path__, str(folder)])
    return folder


def names(config: Config, home: Path, environ: dict[str, str] | None = None) -> list[str]:
    return [one.name for one in registry.active_instances(config, home, environ or {})]


def test_backends_of_the_tree_are_those_with_a_folder() -> None:
    assert "local" in registry.in_tree()
    assert not [name for name in registry.in_tree() if name.startswith("_")]


def test_only_this_computer_is_asked_where_nothing_is_configured(tmp_path: Path) -> None:
    assert names(Config(), tmp_path) == ["local"]


def test_configured_instances_are_asked(tmp_path: Path) -> None:
    config = Config(providers={"my-ovh": {"backend": "ovh"}, "vultr": {}})
    assert names(config, tmp_path) == ["local", "my-ovh", "vultr"]


def test_an_instance_that_is_not_enabled_is_left_out(tmp_path: Path) -> None:
    config = Config(providers={"local": {"enabled": False}, "vultr": {"enabled": "false"}})
    assert names(config, tmp_path) == []


def test_an_instance_that_was_used_before_is_asked(tmp_path: Path) -> None:
    (tmp_path / "profile/providers/docker/docker").mkdir(parents=True)
    (tmp_path / "profile/providers/docker/.part").mkdir()
    assert names(Config(), tmp_path) == ["docker", "local"]


def test_credentials_in_the_environment_make_an_instance(tmp_path: Path) -> None:
    assert names(Config(), tmp_path, {"VULTR_API_KEY": "x"}) == ["local", "vultr"]
    assert names(Config(), tmp_path, {"VULTR_API_KEY": ""}) == ["local"]


def test_an_instance_is_built_with_its_settings(installed: str, tmp_path: Path) -> None:
    config = Config(providers={"mine": {"backend": installed, "default_plan": "big", "enabled": True}})
    built = registry.build(registry.find_instance("mine", config), tmp_path, "laptop-1")
    assert (built.name, built.plan) == ("mine", "big")  # type: ignore[attr-defined]
    assert built.context.folder(installed) == tmp_path / f"profile/providers/{installed}/mine"  # type: ignore[attr-defined]


def test_a_mistyped_setting_names_the_section_and_the_nearest_key(installed: str, tmp_path: Path) -> None:
    config = Config(providers={"mine": {"backend": installed, "defualt_plan": "big"}})
    with pytest.raises(InvalidInput) as raised:
        registry.build(registry.find_instance("mine", config), tmp_path, "laptop-1")
    assert str(raised.value) == "config: [providers.mine]: unknown key 'defualt_plan'"
    assert raised.value.hint == "did you mean default_plan?"


def test_an_unknown_backend_names_the_known_ones_also_of_others(installed: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        registry.find_backend("nimbus")
    assert str(raised.value) == "unknown provider 'nimbus'"
    assert "local" in raised.value.hint
    assert installed in raised.value.hint


@pytest.mark.parametrize("name", ["", "../local", "local/../x", "a b", "os.path"])
def test_a_name_that_is_none_finds_nothing(name: str) -> None:
    with pytest.raises(InvalidInput):
        registry.find_instance(name, Config())


def test_a_missing_extra_is_one_line_that_says_what_to_install(in_tree: Path) -> None:
    (in_tree / "cumulus").mkdir()
    (in_tree / "cumulus/__init__.py").write_text("import cumulus_sdk\n")
    with pytest.raises(InvalidInput) as raised:
        registry.find_backend("cumulus")
    assert str(raised.value) == "backend cumulus needs cumulus_sdk"
    assert raised.value.hint == "pip install 'mngr[cumulus]'"


def test_a_folder_is_all_that_a_new_backend_needs(in_tree: Path, tmp_path: Path) -> None:
    (in_tree / "stratus").mkdir()
    (in_tree / "stratus/__init__.py").write_text(MODULE.replace("{name}", "stratus"))
    built = registry.build(registry.find_instance("stratus", Config()), tmp_path, "laptop-1")
    assert built.name == "stratus"


def test_each_backend_of_the_tree_is_called_as_its_folder() -> None:
    for name in registry.in_tree():
        assert registry.find_backend(name).name == name


@pytest.mark.parametrize("said", ["0", "1", "false", "true", "False"])
def test_enabled_is_read_alike_from_the_environment_and_a_file(tmp_path: Path, said: str) -> None:
    config = load(tmp_path, tmp_path, {"MNGR__PROVIDERS__VULTR__ENABLED": said})
    on = said.lower() in ("1", "true")
    assert ("vultr" in names(config, tmp_path)) is on
    assert registry.find_instance("vultr", config).enabled is on
    assert registry.find_instance("x", Config(providers={"x": {"enabled": int(on)}})).enabled is on


def test_what_is_neither_true_nor_false_enables_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"enabled.* must be true or false, not 'maybe'"):
        registry.find_instance("vultr", Config(providers={"vultr": {"enabled": "maybe"}}))


def test_a_backend_says_whether_it_left_anything_here_or_isn_t_asked(installed: str, tmp_path: Path) -> None:
    assert not registry.has_leftovers(registry.Instance("mine", installed, {}), tmp_path, "laptop-1")
    ovh = registry.Instance("work", "ovh", {})
    orders = tmp_path / "profile/providers/ovh/work/pending_orders"
    orders.mkdir(parents=True)
    (orders / ".host-1.lock").touch()
    assert not registry.has_leftovers(ovh, tmp_path, "laptop-1")
    (orders / "order-7.json").write_text("not to be read, and still an order")
    assert registry.has_leftovers(ovh, tmp_path, "laptop-1")


def test_an_instance_that_was_mistyped_is_guessed(tmp_path: Path) -> None:
    config = Config(providers={"eu-cloud": {"backend": "local"}})
    for ask in (lambda one: one.asked(["eu-clodu"]), lambda one: one.provider("eu-clodu")):
        with pytest.raises(InvalidInput) as raised:
            ask(Mngr(tmp_path, config))
        assert raised.value.hint.startswith("did you mean eu-cloud? known backends: ")
