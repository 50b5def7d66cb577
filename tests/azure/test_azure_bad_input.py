"""What can be wrong with a login, a subscription, rights and settings, as it is typed: each verb's exit code, and a message that
says what happened, to what, and what to do next. Nothing is ordered, and no Python is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mngr.testing.azure import HASTY, AzureWorld
from mngr.testing.cli import Cli, Done
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from support.azure import Arm

VERBS = {
    "list": ("list",),
    "create": ("create", "two", "--provider", "azure", "--no-code", "--yes", "--no-connect"),
    "prepare": ("azure", "prepare", "--allowed-ssh-cidr", "203.0.113.4/32"),
    "stop": ("stop", "box"),
    "bake": ("azure", "bake", "--yes"),
    "cleanup": ("azure", "cleanup", "--yes"),
}
TENANT = "11111111-aaaa-4bbb-8ccc-222222222222"
SETTING = "MNGR__PROVIDERS__AZURE__"
EXPIRED = "AADSTS700082: The refresh token has expired due to inactivity."

Env = dict[str, str]


class Circumstances:
    """A subscription with one host, and environments in which something is wrong."""

    def __init__(self, world: AzureWorld, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.id = world.env["AZURE_SUBSCRIPTION_ID"]

    def logged_out(self) -> Env:
        """Nobody is logged in, and there is no Azure CLI."""
        without = {key: value for key, value in self.world.env.items() if not key.startswith("AZURE_")}
        return {**without, "HOME": str(self.folder / "nobody")}

    def cli(self, says: str = "", **row: object) -> Env:
        """The Azure CLI is logged in, to a subscription with those properties; asked for a token it says this, and fails."""
        folder = self.folder / f"cli-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        (folder / "az").write_text(f"#!/bin/sh\necho 'ERROR: {says} Please run: az login' >&2\nexit 1\n")
        (folder / "az").chmod(0o755)
        whole = {"id": self.id, "name": "mine", "state": "Enabled", "isDefault": True, "tenantId": TENANT}
        (folder / "azureProfile.json").write_text(json.dumps({"subscriptions": [whole | row]}), "utf-8-sig")
        env = self.logged_out()
        return {**env, "PATH": f"{folder}:{env['PATH']}", "AZURE_CONFIG_DIR": str(folder)}

    def lacking(self, *rights: str) -> Env:
        return {**self.world.env, **self.world.cloud.ask("POST", "/principals", {"without": rights})["env"]}

    def set(self, **settings: str) -> Env:
        return {**self.world.env, **{SETTING + key.upper(): value for key, value in settings.items()}}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, fakes: Fakes) -> Iterator[Circumstances]:
    folder = tmp_path_factory.mktemp("azure")
    cloud = SimulatedCloud(
        "azure", *HASTY, "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
    )
    world = AzureWorld(cloud, folder, fakes)
    Cli(world.env, folder).ok("create", "box", "--provider", "azure", "--no-code", "--yes", "--no-connect")
    (folder / "logins").mkdir()
    yield Circumstances(world, folder / "logins")
    cloud.stop()


def refused(
    here: Circumstances, env: Mapping[str, str], argv: tuple[str, ...], code: int, *says: str
) -> Done:
    """The verb fails with that code, one message and a next step, and all those words; nothing is made."""
    before = {one["id"] for one in here.world.cloud.resources()}
    done = Cli(env, here.world.scratch)(*argv, codes=(code,))
    said = [line for line in done.err.splitlines() if line.startswith("mngr: ")]
    assert len(said) == 1, done
    assert "\n  → " in done.err, done
    assert "Traceback" not in done.err + done.out
    assert "a bug" not in done.err, done
    for words in says:
        assert words in done.err, done
    assert {one["id"] for one in here.world.cloud.resources()} == before
    return done


def verbs(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("verb", names)


LOGIN = "`az login`; or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"


@verbs("list", "create", "prepare", "stop", "bake", "cleanup")
def test_no_login_and_no_subscription(here: Circumstances, verb: str) -> None:
    code = 5 if verb == "list" else 2
    refused(here, here.logged_out(), VERBS[verb], code, "[providers.azure]: which subscription", LOGIN)


@verbs("list", "create", "prepare", "stop", "bake", "cleanup")
def test_no_login(here: Circumstances, verb: str) -> None:
    env = {**here.logged_out(), "AZURE_SUBSCRIPTION_ID": here.id}
    done = refused(here, env, VERBS[verb], 5, "no login for Azure works here", LOGIN)
    assert "To mitigate" not in done.err


@verbs("list", "create", "prepare", "stop")
def test_an_expired_login(here: Circumstances, verb: str) -> None:
    done = refused(here, here.cli(EXPIRED), VERBS[verb], 5, "the Azure login has expired", "az login")
    # Of all sources that Azure's SDK tried, the one that said so.
    assert "EnvironmentCredential" not in done.err
    assert ("Azure bills its machine on until a `mngr stop` has succeeded" in done.err) == (verb == "stop")


@verbs("list", "create", "prepare", "stop")
def test_a_wrong_secret(here: Circumstances, verb: str) -> None:
    env = {**here.world.env, "AZURE_CLIENT_SECRET": "wrong"}
    says = "Azure refuses the login: AADSTS7000215: Invalid client secret provided"
    refused(here, env, VERBS[verb], 5, says, LOGIN)


@verbs("list", "create", "prepare", "stop")
def test_a_login_without_a_subscription(here: Circumstances, verb: str) -> None:
    env = here.cli(id=TENANT, name="N/A(tenant level account)")
    refused(here, env, VERBS[verb], 5 if verb == "list" else 2, "login has no subscription", "az account set")


@verbs("list", "create", "prepare", "stop")
def test_a_subscription_that_the_cli_knows_is_disabled(here: Circumstances, verb: str) -> None:
    code = 5 if verb == "list" else 2
    refused(here, here.cli(state="Disabled"), VERBS[verb], code, "subscription mine is disabled", "enable it")


@pytest.fixture
def disabled(here: Circumstances) -> Iterator[None]:
    here.world.cloud.ask("POST", "/behaviour", {"subscription_state": "Disabled"})
    yield
    here.world.cloud.ask("POST", "/behaviour", {"subscription_state": "Enabled"})


@verbs("create", "prepare", "stop", "bake")
def test_a_subscription_that_azure_has_disabled(here: Circumstances, disabled: None, verb: str) -> None:
    done = refused(
        here, here.world.env, VERBS[verb], 1, "is disabled", "[ReadOnlyDisabledSubscription]", "enable"
    )
    assert "order" not in done.err
    # Before anything is ordered, so nothing is there to be taken back.
    assert [one["name"] for one in Cli(here.world.env, here.world.scratch).ok("list", "--format", "json").json()["hosts"]] == [
        "box"
    ]  # fmt: skip


def test_a_list_of_a_disabled_subscription_is_whole(here: Circumstances, disabled: None) -> None:
    assert "box" in Cli(here.world.env, here.world.scratch).ok("list").out


READ = "Microsoft.Compute/virtualMachines/read"
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"


@pytest.mark.parametrize(
    ("verb", "code", "right", "scope"),
    [
        ("list", 5, READ, "/resourceGroups/mngr/providers/Microsoft.Compute/virtualMachines"),
        ("create", 5, READ, "/resourceGroups/mngr/providers/Microsoft.Compute/virtualMachines"),
        ("stop", 5, READ, "/resourceGroups/mngr/providers/Microsoft.Compute/virtualMachines"),
        ("create", 5, "Microsoft.Network/virtualNetworks/read", "/virtualNetworks/mngr-vnet"),
        ("create", 5, "Microsoft.Compute/skus/read", "/providers/Microsoft.Compute/skus"),
        ("create", 1, "Microsoft.Network/publicIPAddresses/write", "/publicIPAddresses/mngr-azure-two-"),
        ("create", 1, JOIN, "/virtualNetworks/mngr-vnet/subnets/mngr-subnet"),
        ("create", 1, "Microsoft.Compute/virtualMachines/write", "/virtualMachines/mngr-azure-two-"),
        ("stop", 1, "Microsoft.Compute/virtualMachines/deallocate/action", "/virtualMachines/mngr-azure-box-"),
        ("prepare", 5, "Microsoft.Resources/subscriptions/providers/read", "/subscriptions/"),
        ("prepare", 5, "Microsoft.Network/networkSecurityGroups/read", "/networkSecurityGroups/mngr-nsg"),
        ("prepare", 1, "Microsoft.Network/networkSecurityGroups/securityRules/write", "/securityRules/mngr-ssh"),
        ("cleanup", 5, "Microsoft.Resources/subscriptions/resourceGroups/read", "/resourceGroups/mngr"),
    ],
)  # fmt: skip
def test_a_missing_right_is_named_with_its_scope(
    here: Circumstances, verb: str, code: int, right: str, scope: str
) -> None:
    refused(
        here,
        here.lacking(right),
        VERBS[verb],
        code,
        f"'{right}'",
        scope,
        "Owner or User Access Administrator",
    )


SIZES = ("no size 'Standard_B2z' in westus", "did you mean Standard_B2s", "Standard_B1s, Standard_B1ms")
REGIONS = ("no region 'westuss'", "did you mean westus", "valid: australiaeast, brazilsouth")


@pytest.mark.parametrize(
    ("verb", "more", "settings", "says"),
    [
        ("create", ("-b", "--azure-vm-size=Standard_B2z"), {}, (*SIZES, "-b --azure-vm-size=")),
        ("create", (), {"default_vm_size": "Standard_B2z"}, SIZES),
        ("bake", (), {"default_vm_size": "Standard_B2z"}, (*SIZES, "choose as default_vm_size in the settings")),
        ("create", ("-b", "--azure-region=westuss"), {}, (*REGIONS, "-b --azure-region=")),
        ("create", (), {"default_region": "westuss"}, REGIONS),
        ("prepare", ("--region", "westuss"), {}, (*REGIONS, "choose with --region, or as default_region")),
        ("prepare", (), {"default_region": "westuss", "resource_group": "other"}, REGIONS),
        ("bake", ("--region", "westuss"), {}, (*REGIONS, "choose with --region")),
        ("bake", (), {"default_region": "westuss", "resource_group": "other"}, REGIONS),
    ],
)  # fmt: skip
def test_an_unknown_size_or_region_names_valid_ones(
    here: Circumstances, verb: str, more: tuple[str, ...], settings: dict[str, str], says: tuple[str, ...]
) -> None:
    refused(here, here.set(**settings), (*VERBS[verb], *more), 2, *says)


@verbs("create", "bake")
def test_a_group_that_was_never_prepared(here: Circumstances, verb: str) -> None:
    env = here.set(resource_group="other")
    refused(here, env, VERBS[verb], 4, "nothing is prepared", "resource group other", "`mngr azure prepare`")


def test_a_prepared_group_that_is_gone(here: Circumstances) -> None:
    """The last of this file: it takes the group away."""
    Arm(here.world.cloud).done("DELETE", f"/subscriptions/{here.id}/resourceGroups/mngr")  # type: ignore[arg-type]
    mngr: Callable[..., Done] = Cli(here.world.env, here.world.scratch)
    assert mngr("list", "--format", "json", codes=(0,)).json()["errors"] == []
    for verb in ("create", "bake"):
        says = ("nothing is prepared", "resource group mngr", "`mngr azure prepare`")
        refused(here, here.world.env, VERBS[verb], 4, *says)
    refused(here, here.world.env, VERBS["stop"], 3, "no agent called box", "`mngr list`")
    mngr(*VERBS["prepare"], codes=(0,))
    mngr(*VERBS["create"], codes=(0,))
    mngr("destroy", "two", "--yes", codes=(0,))
