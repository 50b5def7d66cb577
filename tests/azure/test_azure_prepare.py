"""prepare and cleanup against a simulated Azure: what they make, what they leave alone, what rights they need."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mngr.backends.azure import bodies
from mngr.backends.azure.arm import Arm
from mngr.backends.azure.cleanup import cleanup
from mngr.backends.azure.config import ANYWHERE, AzureConfig
from mngr.backends.azure.group import Group
from mngr.backends.azure.prepare import ACTIONS, Prepared, prepare, register
from mngr.model.errors import Conflict, NotFound
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.vps_client import MachineSpec
from support import azure as other
from support.azure import Here

MINE = ["203.0.113.4/32"]


def prepared(arm: Arm, group: Group, cidrs: list[str] = MINE, **more: Any) -> Prepared:
    return prepare(arm, group, cidrs, lambda step: None, **more)


def rules(arm: Arm, group: Group) -> dict[str, dict[str, Any]]:
    return {one["name"]: one["properties"] for one in arm.get(group.nsg)["properties"]["securityRules"]}


def test_prepare_makes_all_and_again_nothing(arm: Arm, group: Group) -> None:
    done = prepared(arm, group)
    assert len(done.made) == 5
    assert arm.get(group.path)["tags"] == {"managed-by": "mngr"}
    assert {
        arm.get(f"/providers/{name}")["registrationState"]
        for name in ("Microsoft.Compute", "Microsoft.Storage")
    } == {"Registered"}
    subnet = arm.get(group.subnet)["properties"]
    assert subnet["networkSecurityGroup"]["id"].lower() == group.whole(group.nsg).lower()
    again = prepared(arm, group)
    assert again.made == []
    assert not again.warnings


def test_the_network_lets_in_ssh_from_the_named_networks_and_nothing_else(arm: Arm, group: Group) -> None:
    prepared(arm, group, ["203.0.113.4/32", "198.51.100.0/24"])
    (rule,) = rules(arm, group).values()
    assert rule["destinationPortRanges"] == ["22", "2222"]
    assert sorted(rule["sourceAddressPrefixes"]) == ["198.51.100.0/24", "203.0.113.4/32"]
    assert (rule["protocol"], rule["direction"], rule["access"]) == ("Tcp", "Inbound", "Allow")


def test_the_role_can_deallocate_and_nothing_else(arm: Arm, group: Group) -> None:
    prepared(arm, group)
    role = arm.get(group.role)["properties"]
    assert role["roleName"] == "mngr-self-deallocate"
    assert [one["actions"] for one in role["permissions"]] == [list(ACTIONS)]
    assert not [one.get("dataActions") for one in role["permissions"] if one.get("dataActions")]
    assert role["assignableScopes"] == [f"/subscriptions/{arm.subscription}"]


def test_no_network_means_no_rule_and_takes_ours_away(arm: Arm, group: Group) -> None:
    prepared(arm, group, [])
    assert rules(arm, group) == {}
    prepared(arm, group, MINE)
    assert list(rules(arm, group)) == ["mngr-ssh"]
    prepared(arm, group, [])
    assert rules(arm, group) == {}


def test_a_narrow_rule_is_widened_by_a_persons_word_only(arm: Arm, group: Group) -> None:
    prepared(arm, group, MINE)
    again = prepared(arm, group, [ANYWHERE])
    assert again.made == []
    assert again.open_to == MINE
    assert prepared(arm, group, [ANYWHERE], asked=True).open_to == [ANYWHERE]
    assert prepared(arm, group, MINE).open_to == MINE


def test_what_others_added_stays(arm: Arm, group: Group, theirs: other.Arm) -> None:
    prepared(arm, group)
    rule = {**other.RULES[0]["properties"], "destinationPortRange": "443", "priority": 1001}
    theirs.done(
        "PUT",
        theirs.group("Microsoft.Network/networkSecurityGroups/mngr-nsg/securityRules/web"),
        {"properties": rule},
    )
    theirs.done(
        "PUT",
        theirs.group("Microsoft.Network/virtualNetworks/mngr-vnet/subnets/apps"),
        {"properties": {"addressPrefix": "10.0.1.0/24"}},
    )
    assert prepared(arm, group, ["198.51.100.0/24"]).made == ["rule mngr-ssh"]
    assert set(rules(arm, group)) == {"mngr-ssh", "web"}
    assert {one["name"] for one in arm.get(group.vnet)["properties"]["subnets"]} == {"mngr-subnet", "apps"}


@pytest.mark.parametrize("kind", ["networkSecurityGroups", "virtualNetworks"])
def test_what_others_added_stays_also_where_azure_shows_what_was_before(
    sim: Here, arm: Arm, group: Group, theirs: other.Arm, kind: str
) -> None:
    """For a read that lags nothing is there; to make it anew would undo all that was added."""
    prepared(arm, group)
    test_what_others_added_stays(arm, group, theirs)
    sim.fault("stale", method="GET", path=f"**/{kind}/*", lag_s=100_000, times=2)
    assert prepared(arm, group, ["198.51.100.0/24"]).made == []
    assert set(rules(arm, group)) == {"mngr-ssh", "web"}
    assert {one["name"] for one in arm.get(group.vnet)["properties"]["subnets"]} == {"mngr-subnet", "apps"}


def test_what_is_made_may_show_late(sim: Here, arm: Arm, group: Group) -> None:
    for kind in ("networkSecurityGroups", "virtualNetworks"):
        sim.fault("stale", method="GET", path=f"**/{kind}/*", lag_s=100_000, times=4)
    assert len(prepared(arm, group).made) == 5


def test_a_network_of_others_is_given_a_subnet_that_is_free(
    arm: Arm, group: Group, theirs: other.Arm
) -> None:
    register(arm)
    other.prepared(theirs)  # a vnet whose first network is taken; and rules at our priority
    mine = msgspec.structs.replace(group, config=AzureConfig(subnet_name="agents"))
    prepared(arm, mine)
    assert arm.get(mine.subnet)["properties"]["addressPrefix"] == "10.0.1.0/24"
    priorities = [one["priority"] for one in rules(arm, group).values()]
    assert len(set(priorities)) == len(priorities) == 3


def test_another_region_has_a_network_of_its_own(arm: Arm, group: Group) -> None:
    prepared(arm, group)
    east = group.in_region("eastus")
    assert len(prepared(arm, east).made) == 3
    assert arm.get(east.vnet)["location"] == "eastus"
    assert arm.get(group.vnet)["location"] == "westus"


def test_without_the_right_to_make_roles_all_else_is_made(
    arm: Arm, group: Group, sim: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    _limit(sim, monkeypatch, without=["Microsoft.Authorization/*"])
    done = prepared(arm, group)
    assert "Microsoft.Authorization/role" in done.no_role
    assert arm.get(group.subnet)
    assert not any(one.startswith("role") for one in done.made)


def test_a_missing_right_names_the_action_and_the_scope(
    arm: Arm, group: Group, sim: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    _limit(sim, monkeypatch, without=["Microsoft.Network/networkSecurityGroups/*"])
    with pytest.raises(VpsApiError, match=r"Microsoft\.Network/networkSecurityGroups/.*over scope") as caught:
        prepared(arm, group)
    assert caught.value.hint


def test_a_group_that_is_being_deleted_is_waited_for_by_the_user(arm: Arm, group: Group) -> None:
    prepared(arm, group)
    arm.begin("DELETE", group.path)
    with pytest.raises((Conflict, VpsApiError), match="delet"):
        prepared(arm, group)


def test_cleanup_takes_all_away_and_again_nothing(arm: Arm, group: Group) -> None:
    prepared(arm, group)
    done = cleanup(arm, group, lambda step: None)
    assert done.removed == ["resource group mngr", "role mngr-self-deallocate"]
    with pytest.raises(NotFound):
        arm.get(group.path)
    assert cleanup(arm, group, lambda step: None).removed == []


def test_cleanup_whose_answer_is_lost_ends_well(sim: Here, arm: Arm, group: Group) -> None:
    prepared(arm, group)
    sim.ask("POST", "/behaviour", {"delete_group_s": 0})
    sim.fault("lose_answer", method="DELETE", path="**/resourceGroups/*")
    assert cleanup(arm, group, lambda step: None).removed == [
        "resource group mngr",
        "role mngr-self-deallocate",
    ]


def test_cleanup_sees_a_machine_that_the_list_of_resources_doesnt_show_yet(
    sim: Here, arm: Arm, group: Group, theirs: other.Arm
) -> None:
    prepared(arm, group)
    sim.advance(1000)
    spec = MachineSpec(
        host_id="", name="box", plan="Standard_B2s", region="westus", image=AzureConfig().boot_image, public_key=other.KEY
    )  # fmt: skip
    for path, body in (
        (group.address("box"), bodies.address(spec)),
        (group.nic("box"), bodies.interface(group, spec)),
        (group.vm("box"), bodies.vm(group, group.config, spec, "")),
    ):
        theirs.done("PUT", group.whole(path), body)
    sim.fault("stale", method="GET", path="**/resources", lag_s=900)
    with pytest.raises(Conflict, match="box"):
        cleanup(arm, group, lambda step: None)
    assert arm.get(group.vm("box"))


def test_cleanup_leaves_a_group_that_isnt_ours(arm: Arm, group: Group, theirs: other.Arm) -> None:
    theirs("PUT", theirs.group(), {"location": "westus"})
    with pytest.raises(Conflict, match="isn't mngr's"):
        cleanup(arm, group, lambda step: None)
    assert arm.get(group.path)


def test_cleanup_leaves_a_group_with_things_of_others(arm: Arm, group: Group, theirs: other.Arm) -> None:
    prepared(arm, group)
    theirs.done(
        "PUT", theirs.group("Microsoft.Network/publicIPAddresses/theirs"),
        {"location": "westus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}},
    )  # fmt: skip
    with pytest.raises(Conflict, match="theirs"):
        cleanup(arm, group, lambda step: None)
    assert arm.get(group.path)


def test_cleanup_keeps_the_role_while_another_group_needs_it(arm: Arm, group: Group) -> None:
    west = msgspec.structs.replace(group, config=AzureConfig(resource_group="mngr-west"))
    prepared(arm, group)
    prepared(arm, west)
    done = cleanup(arm, west, lambda step: None)
    assert done.removed == ["resource group mngr-west"]
    assert "mngr needs it" in done.kept[0]
    assert arm.get(group.role)


def _limit(sim: Here, monkeypatch: pytest.MonkeyPatch, without: list[str]) -> None:
    """From here on the login is one without these rights."""
    limited = sim.ask("POST", "/principals", {"without": without})
    monkeypatch.setattr(sim, "env", {**sim.env, **limited["env"]})
