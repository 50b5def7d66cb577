"""The official SDKs, unmodified, over TLS with the cloud's own authority."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("azure.mgmt.compute")

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError
from azure.identity import DefaultAzureCredential, EnvironmentCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resourcegraph import ResourceGraphClient

from support.azure import RULES
from support.simcloud import Simcloud

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@pytest.fixture(scope="module")
def secure() -> Iterator[Simcloud]:
    with Simcloud("azure", "--machines", "fake", "--speed", "1000") as running:
        yield running


@pytest.fixture
def sdk(secure: Simcloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    return clients(secure, monkeypatch)


def clients(cloud: Simcloud, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every client, for the credentials that the cloud's environment has."""
    for name, value in cloud.ready["https_env"].items():
        monkeypatch.setenv(name, value)
    credential = DefaultAzureCredential(disable_instance_discovery=True)
    sub, there = cloud.env["AZURE_SUBSCRIPTION_ID"], {"base_url": cloud.ready["https_url"]}
    return SimpleNamespace(
        credential=credential,
        resources=ResourceManagementClient(credential, sub, **there),
        network=NetworkManagementClient(credential, sub, **there),
        compute=ComputeManagementClient(credential, sub, **there),
        roles=AuthorizationManagementClient(credential, sub, **there),
        graph=ResourceGraphClient(credential, **there),
        sub=sub,
    )


def prepare(sdk: Any, group: str, region: str = "westus") -> str:
    """As `mngr azure prepare` does; the subnet's id."""
    for namespace in ("Microsoft.Compute", "Microsoft.Network"):
        sdk.resources.providers.register(namespace)
    sdk.resources.resource_groups.create_or_update(
        group, {"location": region, "tags": {"managed-by": "mngr"}}
    )
    nsg = sdk.network.network_security_groups.begin_create_or_update(
        group, "nsg", {"location": region, "properties": {"securityRules": RULES}}
    ).result()
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    sdk.network.virtual_networks.begin_create_or_update(
        group, "vnet", {"location": region, "properties": space}
    ).result()
    subnet = {"properties": {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": {"id": nsg.id}}}
    return sdk.network.subnets.begin_create_or_update(group, "vnet", "subnet", subnet).result().id


def test_nothing_is_made_before_the_provider_is_registered(secure: Simcloud, sdk: Any) -> None:
    sdk.resources.resource_groups.create_or_update("early", {"location": "westus"})
    secure.ask("POST", "/behaviour", {"register_s": 0.3})
    with pytest.raises(ResourceExistsError) as refused:
        sdk.network.virtual_networks.begin_create_or_update("early", "v", {"location": "westus"})
    assert refused.value.error.code == "MissingSubscriptionRegistration"
    assert "namespace 'Microsoft.Network'" in refused.value.message
    assert sdk.resources.providers.register("Microsoft.Network").registration_state == "Registering"
    secure.advance(1)
    assert sdk.resources.providers.get("Microsoft.Network").registration_state == "Registered"


def test_prepare_and_its_undoing(sdk: Any) -> None:
    subnet = prepare(sdk, "prep")
    assert sdk.network.subnets.get("prep", "vnet", "subnet").id == subnet
    rules = sdk.network.security_rules
    mine = {"properties": {**RULES[0]["properties"], "priority": 300}}
    rules.begin_create_or_update("prep", "nsg", "mine", mine).result()
    assert {rule.name for rule in rules.list("prep", "nsg")} == {"ssh", "agent", "mine"}
    rules.begin_delete("prep", "nsg", "mine").result()
    address = sdk.network.public_ip_addresses.begin_create_or_update(
        "prep",
        "ip",
        {
            "location": "westus",
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        },
    ).result()
    assert address.ip_address.startswith("127.")
    sdk.resources.tags.begin_update_at_scope(
        address.id, {"operation": "Merge", "properties": {"tags": {"mngr-host-id": "h1"}}}
    ).result()
    assert sdk.network.public_ip_addresses.get("prep", "ip").tags == {"mngr-host-id": "h1"}
    assert sdk.resources.resource_groups.check_existence("prep")
    sdk.resources.resource_groups.begin_delete("prep").result()
    assert not sdk.resources.resource_groups.check_existence("prep")
    with pytest.raises(HttpResponseError) as gone:
        list(sdk.network.public_ip_addresses.list("prep"))
    assert gone.value.error.code == "ResourceGroupNotFound"


def test_roles(secure: Simcloud, sdk: Any) -> None:
    scope = f"/subscriptions/{sdk.sub}"
    who = secure.ask("POST", "/principals", {"allow": []})
    given = RoleAssignmentCreateParameters(
        role_definition_id=f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{OWNER}",
        principal_id=who["object_id"],
        principal_type="ServicePrincipal",
    )
    name = "c0ffee00-0000-4000-8000-000000000009"
    assert sdk.roles.role_assignments.create(scope, name, given).principal_id == who["object_id"]
    assert [one.name for one in sdk.roles.role_assignments.list_for_subscription()].count(name) == 1
    sdk.roles.role_assignments.delete(scope, name)
    found = [one for one in sdk.roles.role_definitions.list(scope) if one.role_type == "BuiltInRole"]
    assert "Owner" in {one.role_name for one in found}


def test_a_wrong_secret_is_entras_to_refuse(
    secure: Simcloud, sdk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    credential = EnvironmentCredential(disable_instance_discovery=True)
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        credential.get_token("https://management.azure.com/.default")
