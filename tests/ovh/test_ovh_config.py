"""Where OVH credentials come from, and what is said when they don't."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.backends.ovh import BACKEND
from mngr.backends.ovh.config import KEYS as SIGNING
from mngr.backends.ovh.config import VARIABLES, OvhConfig, credentials
from mngr.model.errors import InvalidInput
from mngr.providers.contract import Context

KEYS = {"OVH_APPLICATION_KEY": "ak", "OVH_APPLICATION_SECRET": "as", "OVH_CONSUMER_KEY": "ck"}
OAUTH2 = {"OVH_CLIENT_ID": "id", "OVH_CLIENT_SECRET": "secret"}
WHERE = "[providers.ovh]"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"HOME": str(tmp_path)}


def test_every_field_has_the_default_of_the_table() -> None:
    config = OvhConfig()
    assert (config.default_region, config.default_plan) == ("US-EAST-VA", "vps-2025-model1")
    assert (config.default_image_name, config.bootstrap_ssh_user) == ("Debian 12 - Docker", "debian")
    assert (config.pricing_mode, config.duration, config.vps_boot_timeout) == ("default", "P1M", 600.0)
    assert (config.enable_recycle_cancelled, config.recycle_safety_margin_hours) == (True, 2)
    assert config.recycle_max_candidates_considered == 10
    assert config.project_id is None


def test_endpoint_is_ovh_us_unless_somebody_says_otherwise(home: dict[str, str]) -> None:
    assert credentials(OvhConfig(), WHERE, {**home, **KEYS}).endpoint == "ovh-us"
    assert credentials(OvhConfig(), WHERE, {**home, **KEYS, "OVH_ENDPOINT": "ovh-eu"}).endpoint == "ovh-eu"
    config = OvhConfig(endpoint="ovh-ca")
    assert credentials(config, WHERE, {**home, **KEYS, "OVH_ENDPOINT": "ovh-eu"}).endpoint == "ovh-ca"


def test_short_spellings_count(home: dict[str, str]) -> None:
    env = {"OVH_APP_KEY": "short", "OVH_APP_SECRET": "shorter", "OVH_CONSUMER_KEY": "ck"}
    found = credentials(OvhConfig(), WHERE, {**home, **env})
    assert (found.application_key, found.application_secret) == ("short", "shorter")


def test_config_goes_before_environment_and_oauth2_before_keys(home: dict[str, str]) -> None:
    assert credentials(OvhConfig(), WHERE, {**home, **KEYS, **OAUTH2}).client_id == "id"
    config = OvhConfig(application_key="mine", application_secret="s", consumer_key="c")
    found = credentials(config, WHERE, {**home, **OAUTH2})
    assert (found.application_key, found.client_id) == ("mine", "")


def test_ovh_conf_is_read_last(home: dict[str, str]) -> None:
    text = (
        "[default]\nendpoint=ovh-eu\n[ovh-eu]\napplication_key=fk\napplication_secret=fs\nconsumer_key=fc\n"
    )
    (Path(home["HOME"]) / ".ovh.conf").write_text(text)
    found = credentials(OvhConfig(), WHERE, home)
    assert (found.endpoint, found.application_key, found.source) == ("ovh-eu", "fk", "ovh.conf")
    assert credentials(OvhConfig(), WHERE, {**home, **OAUTH2}).client_id == "id"


def test_half_of_a_pair_names_the_other(home: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="lack client_secret") as error:
        credentials(OvhConfig(), WHERE, {**home, "OVH_CLIENT_ID": "id"})
    assert "OVH_CLIENT_SECRET" in error.value.hint


def test_none_at_all_says_where_they_go(home: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="no OVH credentials") as error:
        credentials(OvhConfig(), WHERE, home)
    assert "~/.ovh.conf" in error.value.hint


def test_keys_never_go_in_the_clear(home: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="in the clear"):
        credentials(OvhConfig(endpoint="http://example.com/1.0"), WHERE, {**home, **KEYS})


def test_a_missing_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match="needs the package ovh") as error:
        BACKEND.build(OvhConfig(), Context(instance="ovh", home=tmp_path, laptop="laptop-1"))
    assert error.value.hint == "pip install 'mngr[ovh]'"


def test_secrets_show_in_no_repr(home: dict[str, str]) -> None:
    shown = repr(credentials(OvhConfig(), WHERE, {**home, **dict.fromkeys(KEYS, "s3cret")}))
    assert "s3cret" not in shown
    assert "ovh-us" in shown


@pytest.mark.parametrize("change", [{"pricing_mode": "monthly"}, {"duration": "P2M"}])
def test_what_ovh_has_no_meaning_for_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))}.*one of"):
        OvhConfig(**change)


@pytest.mark.parametrize("place", VARIABLES)
@pytest.mark.parametrize(
    "odd", ["a MARK", "MARK\nMARK", "éMARK", "MARK\x1b[31m", "\ufeffMARK", "MARK" * 2000]
)
def test_what_can_t_be_a_credential_is_refused_and_not_shown(place: str, odd: str, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), VARIABLES[place][0]: odd}
    with pytest.raises(InvalidInput, match=place) as refused:
        credentials(OvhConfig(), "[providers.ovh]", environ)
    with pytest.raises(InvalidInput, match=place) as configured:
        credentials(OvhConfig(**{place: odd}), "[providers.ovh]", {"HOME": str(tmp_path)})  # type: ignore[arg-type]
    assert "MARK" not in f"{refused.value} {refused.value.hint} {configured.value} {configured.value.hint}"


def test_white_space_around_a_credential_is_nothing(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), **{VARIABLES[name][0]: f" {name}\r\n" for name in SIGNING}}
    found = credentials(OvhConfig(client_id=" \n"), "[providers.ovh]", environ)
    assert [getattr(found, name) for name in SIGNING] == list(SIGNING)
