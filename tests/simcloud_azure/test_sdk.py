"""The official SDKs, unmodified, over TLS with the cloud's own authority."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("azure.mgmt.compute")

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError
from azure.identity import DefaultAzureCredential, EnvironmentCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.models import RoleAssignmentCreateParameters
from azure.mgmt.compute import ComputeManagementClient, models
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resourcegraph import ResourceGraphClient

from support.azure import KEY, RULES
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


def nic(sdk: Any, group: str, subnet: str, name: str = "one") -> str:
    address = sdk.network.public_ip_addresses.begin_create_or_update(
        group,
        f"{name}-ip",
        {
            "location": "westus",
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        },
    ).result()
    public = {"id": address.id, "properties": {"deleteOption": "Delete"}}
    configuration = {"name": "main", "properties": {"subnet": {"id": subnet}, "publicIPAddress": public}}
    body = {"location": "westus", "properties": {"ipConfigurations": [configuration]}}
    return sdk.network.network_interfaces.begin_create_or_update(group, f"{name}-nic", body).result().id


def vm(nic_id: str, size: str = "Standard_B2s", **more: Any) -> models.VirtualMachine:
    """In the SDK's own models."""
    key = models.SshPublicKey(path="/home/mngr/.ssh/authorized_keys", key_data=more.pop("key", KEY))
    return models.VirtualMachine(
        location="westus",
        identity=models.VirtualMachineIdentity(type="SystemAssigned"),
        hardware_profile=models.HardwareProfile(vm_size=size),
        storage_profile=models.StorageProfile(
            image_reference=models.ImageReference(
                publisher="Debian", offer="debian-12", sku="12-gen2", version="latest"
            ),
            os_disk=models.OSDisk(
                create_option="FromImage",
                delete_option="Delete",
                disk_size_gb=30,
                managed_disk=models.ManagedDiskParameters(storage_account_type="StandardSSD_LRS"),
            ),
        ),
        os_profile=models.OSProfile(
            computer_name="one",
            admin_username="mngr",
            custom_data=base64.b64encode(more.pop("user_data", b"#cloud-config\n{}\n")).decode(),
            linux_configuration=models.LinuxConfiguration(
                disable_password_authentication=True, ssh=models.SshConfiguration(public_keys=[key])
            ),
        ),
        network_profile=models.NetworkProfile(
            network_interfaces=[
                models.NetworkInterfaceReference(id=nic_id, primary=True, delete_option="Delete")
            ]
        ),
        **more,
    )


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


def test_a_vms_whole_life(secure: Simcloud, sdk: Any) -> None:
    """Made, listed, deallocated, started, resized in tags, given a role, deleted with all that is its own."""
    subnet = prepare(sdk, "life")
    made = sdk.compute.virtual_machines.begin_create_or_update(
        "life", "one", vm(nic(sdk, "life", subnet), tags={"mngr-host-id": "h"})
    ).result()
    assert (made.provisioning_state, made.identity.type) == ("Succeeded", "SystemAssigned")
    assert made.identity.principal_id
    [listed] = sdk.compute.virtual_machines.list("life")
    assert (listed.id, listed.tags) == (made.id, {"mngr-host-id": "h"})
    address = sdk.network.public_ip_addresses.get("life", "one-ip").ip_address
    [machine] = secure.resources("virtualMachines")
    assert (machine["address"], machine["state"]) == (address, "running")

    with pytest.raises(HttpResponseError) as refused:
        list(sdk.compute.virtual_machines.list("life", expand="instanceView"))
    assert refused.value.status_code == 400
    sdk.compute.virtual_machines.begin_deallocate("life", "one").result()
    [seen] = sdk.compute.virtual_machines.list_all(status_only="true")
    assert seen.instance_view.statuses[1].code == "PowerState/deallocated"
    bill = {line["kind"]: line["open"] for line in secure.bill()["lines"]}
    assert bill == {"virtualMachine": False, "disk": True, "address": True}
    cost = next(line["cost"] for line in secure.bill()["lines"] if line["kind"] == "virtualMachine")
    secure.advance(3600)
    assert next(line["cost"] for line in secure.bill()["lines"] if line["kind"] == "virtualMachine") == cost

    asked = {
        "subscriptions": [sdk.sub],
        "query": "Resources | where type =~ 'microsoft.compute/virtualmachines' | where resourceGroup == 'life' "
        "| extend power = tostring(properties.extended.instanceView.powerState.code) | project name, power, tags",
    }
    assert sdk.graph.resources(asked).data == [
        {"name": "one", "power": "PowerState/deallocated", "tags": {"mngr-host-id": "h"}}
    ]
    sdk.compute.virtual_machines.begin_start("life", "one").result()
    assert sdk.network.public_ip_addresses.get("life", "one-ip").ip_address == address
    sdk.compute.virtual_machines.begin_power_off("life", "one").result()
    sdk.compute.virtual_machines.begin_restart("life", "one").result()
    view = sdk.compute.virtual_machines.instance_view("life", "one")
    assert view.statuses[-1].code == "PowerState/running"
    sdk.compute.virtual_machines.begin_update("life", "one", {"tags": {"b": "c"}}).result()
    assert sdk.compute.virtual_machines.get("life", "one").tags == {"b": "c"}

    role = "c0ffee00-0000-4000-8000-00000000000a"
    sdk.roles.role_assignments.create(
        made.id,
        role,
        RoleAssignmentCreateParameters(
            role_definition_id=f"/subscriptions/{sdk.sub}/providers/Microsoft.Authorization/roleDefinitions/{OWNER}",
            principal_id=made.identity.principal_id,
            principal_type="ServicePrincipal",
        ),
    )
    sdk.compute.virtual_machines.begin_delete("life", "one").result()
    kinds = {one["kind"] for one in secure.resources() if "/life/" in one["id"]}
    assert kinds == {"networkSecurityGroups", "virtualNetworks", "roleAssignments"}
    assert sdk.roles.role_assignments.delete(made.id, role).name == role


def test_a_failed_create_is_an_exception_with_its_code(secure: Simcloud, sdk: Any) -> None:
    subnet = prepare(sdk, "late")
    secure.fault(
        "late_failure", method="PUT", path="**/virtualMachines/*", how="OverconstrainedAllocationRequest"
    )
    with pytest.raises(HttpResponseError) as failed:
        sdk.compute.virtual_machines.begin_create_or_update(
            "late", "one", vm(nic(sdk, "late", subnet))
        ).result()
    assert failed.value.error.code == "OverconstrainedAllocationRequest"
    assert sdk.compute.virtual_machines.get("late", "one").provisioning_state == "Failed"
    assert [disk.disk_state for disk in sdk.compute.disks.list_by_resource_group("late")] == ["Attached"]


def test_every_way_of_polling_ends(secure: Simcloud, sdk: Any) -> None:
    sdk.resources.resource_groups.create_or_update("ways", {"location": "westus"})
    for way in ("async", "location", "body", "real"):
        secure.ask("POST", "/behaviour", {"lro": way})
        body = {"location": "westus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
        made = sdk.network.virtual_networks.begin_create_or_update(
            "ways", way, body, polling_interval=0.05
        ).result()
        assert (way, made.provisioning_state) == (way, "Succeeded")
        sdk.network.virtual_networks.begin_delete("ways", way, polling_interval=0.05).result()
