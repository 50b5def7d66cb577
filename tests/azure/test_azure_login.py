"""Which subscription is used, and how a token is kept: without a network, with a stand-in for what the SDK would get."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mngr.backends.azure import login as module
from mngr.backends.azure.arm import API_URL
from mngr.backends.azure.login import Login, check_public, subscription
from mngr.model.clock import within
from mngr.model.errors import InvalidInput
from mngr.vps_docker.errors import VpsApiUnreadable
from support.rented import ManualClock

ONE = "11111111-aaaa-4bbb-8ccc-222222222222"
TWO = "33333333-aaaa-4bbb-8ccc-444444444444"
WHERE = "[providers.azure]"


def profile(folder: Path, *rows: dict[str, Any], text: str | None = None) -> dict[str, str]:
    """An environment whose Azure CLI has these subscriptions."""
    folder.mkdir(exist_ok=True)
    whole = json.dumps({"installationId": "x", "subscriptions": rows}) if text is None else text
    (folder / "azureProfile.json").write_text(whole, "utf-8-sig")  # as the CLI writes it
    return {"AZURE_CONFIG_DIR": str(folder), "HOME": "/nowhere"}


def row(id: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "name": "mine",
        "state": "Enabled",
        "isDefault": True,
        "tenantId": TWO.replace("3", "5"),
        **more,
    }


def test_settings_then_the_variable_then_the_cli_say_the_subscription(tmp_path: Path) -> None:
    cli = profile(tmp_path / "az", row(TWO, isDefault=False), row(ONE))
    assert subscription("", WHERE, cli) == ONE
    assert subscription("", WHERE, {**cli, "AZURE_SUBSCRIPTION_ID": f" {TWO.upper()}\n"}) == TWO
    assert subscription(ONE, WHERE, {**cli, "AZURE_SUBSCRIPTION_ID": TWO}) == ONE


def test_the_clis_own_folder_is_in_home(tmp_path: Path) -> None:
    profile(tmp_path / ".azure", row(ONE))
    assert subscription("", WHERE, {"HOME": str(tmp_path)}) == ONE


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no active subscription"),
        ([row(ONE, isDefault=False)], "no active subscription"),
        ([row(ONE, tenantId=ONE, name="N/A(tenant level account)")], "login has no subscription"),
        ([row(ONE, state="Disabled")], "mine is disabled"),
    ],
)
def test_a_cli_without_a_usable_subscription(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        subscription("", WHERE, profile(tmp_path / "az", *rows))
    assert caught.value.hint


def test_no_login_at_all(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="which subscription") as caught:
        subscription("", WHERE, {"HOME": str(tmp_path)})
    assert "az login" in caught.value.hint


@pytest.mark.parametrize("odd", ["mine", "../../x", f"{ONE}/resourceGroups/x", ONE[:-1]])
def test_what_is_no_id_goes_into_no_address(odd: str) -> None:
    with pytest.raises(InvalidInput, match="isn't a subscription's id"):
        subscription("", WHERE, {"AZURE_SUBSCRIPTION_ID": odd})


def test_half_a_profile_is_read_again(tmp_path: Path) -> None:
    """The CLI writes in place."""
    env = profile(tmp_path / "az", text='{"subscriptions": [{"id": "11')

    class Clock(ManualClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            profile(tmp_path / "az", row(ONE))

    assert subscription("", WHERE, env, Clock()) == ONE


# --- tokens ---------------------------------------------------------------------------------------------------


class Sdk:
    """What the SDK would answer."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, scope: str) -> Any:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def token(text: str, ends_at: float) -> SimpleNamespace:
    return SimpleNamespace(token=text, expires_on=ends_at)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def login(tmp_path: Path, clock: ManualClock, **environ: str) -> Login:
    return Login(tmp_path / "azure", "https://arm/.default", clock, {"HOME": str(tmp_path), **environ})


def test_a_token_is_kept_for_the_next_command(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = Sdk(token("secret-1", clock.now() + 3600), token("secret-2", clock.now() + 9000))
    monkeypatch.setattr(module, "_ask_sdk", sdk)
    assert login(tmp_path, clock).token() == "secret-1"
    assert login(tmp_path, clock).token() == "secret-1"
    assert sdk.asked == 1
    kept = tmp_path / "azure" / "token.json"
    assert stat.S_IMODE(os.stat(kept).st_mode) == 0o600
    clock.sleep(3600 - module.LEAST_LIFE_S + 1)
    assert login(tmp_path, clock).token() == "secret-2"


def test_another_login_has_a_token_of_its_own(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module,
        "_ask_sdk",
        Sdk(token("a", clock.now() + 3600), token("b", clock.now() + 3600), token("c", clock.now() + 3600)),
    )
    assert login(tmp_path, clock).token() == "a"
    assert login(tmp_path, clock, AZURE_CLIENT_ID="other").token() == "b"
    profile(tmp_path / ".azure", row(ONE))  # `az login` in between
    assert login(tmp_path, clock).token() == "c"


def test_a_refused_token_isnt_used_again(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "_ask_sdk", Sdk(token("old", clock.now() + 3600), token("new", clock.now() + 3600))
    )
    mine = login(tmp_path, clock)
    mine.token()
    mine.drop()
    assert mine.token() == "new"
    assert login(tmp_path, clock).token() == "new"


def test_a_folder_that_cant_be_written_costs_time_only(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ask_sdk", Sdk(token("a", clock.now() + 3600)))
    (tmp_path / "azure").write_text("a file")
    assert login(tmp_path, clock).token() == "a"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("AzureCliCredential: Azure CLI not found on path", "no login for Azure works here"),
        ("AADSTS700082: The refresh token has expired due to inactivity", "the Azure login has expired"),
    ],
)
def test_no_login_says_how_to_log_in(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setattr(module, "_ask_sdk", Sdk(RuntimeError(text)))
    with pytest.raises(VpsApiUnreadable, match=said) as caught:
        login(tmp_path, clock).token()
    assert "az login" in caught.value.hint
    assert text in caught.value.details


def test_what_the_cli_printed_isnt_shown(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "_ask_sdk", Sdk(RuntimeError('Unexpected output: {"accessToken":"eyJ-secret", "x": 1}'))
    )
    with pytest.raises(VpsApiUnreadable) as caught:
        login(tmp_path, clock).token()
    assert "secret" not in str(caught.value) + caught.value.details


def test_an_sdk_that_never_answers_is_waited_for_within_a_limit(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    held = threading.Event()
    monkeypatch.setattr(module, "_ask_sdk", lambda scope: held.wait(30))
    with pytest.raises(VpsApiUnreadable, match="no login within 60 s"):
        login(tmp_path, clock).token()
    held.set()


def test_a_login_is_waited_for_no_longer_than_the_list_is(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    held = threading.Event()
    monkeypatch.setattr(module, "_ask_sdk", lambda scope: held.wait(30))
    began = clock.now()
    with within(7), pytest.raises(VpsApiUnreadable, match="no login"):
        login(tmp_path, clock).token()
    assert clock.now() - began <= 7
    held.set()


# --- which cloud ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api_url", "authority", "said"),
    [
        ("https://management.chinacloudapi.cn", "", "api_url: management.chinacloudapi.cn"),
        ("https://management.usgovcloudapi.net", "", "api_url: management.usgovcloudapi.net"),
        (API_URL, "https://login.microsoftonline.us/", "AZURE_AUTHORITY_HOST: login.microsoftonline.us"),
        (API_URL, "login.partner.microsoftonline.cn", "AZURE_AUTHORITY_HOST: login.partner"),
        (API_URL, "https://LOGIN.chinacloudapi.cn", "AZURE_AUTHORITY_HOST: login.chinacloudapi.cn"),
    ],
)
def test_azures_other_clouds_are_refused(api_url: str, authority: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        check_public(api_url, WHERE, {"AZURE_AUTHORITY_HOST": authority})
    assert "public cloud" in caught.value.message
    assert caught.value.hint


def test_an_authority_that_is_no_address_is_a_users_mistake() -> None:
    with pytest.raises(InvalidInput, match="AZURE_AUTHORITY_HOST"):
        check_public(API_URL, WHERE, {"AZURE_AUTHORITY_HOST": "https://["})


@pytest.mark.parametrize("authority", ["", "https://login.microsoftonline.com", "https://127.0.0.1:8443"])
def test_the_public_cloud_and_a_simulated_one_are_not(authority: str) -> None:
    for api_url in (API_URL, "https://localhost:8443"):
        check_public(api_url, WHERE, {"AZURE_AUTHORITY_HOST": authority})
