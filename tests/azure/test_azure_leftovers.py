"""gc takes away what machines that are gone left behind, and nothing of others."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.cloud import AzureCloud
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.offers import Offers
from mngr.backends.azure.prices import Prices
from mngr.backends.azure.release import RESERVED_S
from mngr.journal import Intent
from mngr.model.swept import Found, Swept
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiRefused
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.sweeping import sweep
from mngr.vps_docker.vps_client import Later, Leftover, MachineSpec
from support import azure as other
from support.azure import Here
from support.rented import parts
from support.wire import SkippingClock

HOST = "host-0123456789abcdef"
NAME = "mngr-cloud-box-01234567"


@pytest.fixture
def sim():
    with Here("--speed", "20", "--registered") as running:
        running.ask("POST", "/behaviour", {"bucket": "off", "create_vm_s": 1, "delete_vm_s": 1})
        yield running


@pytest.fixture
def subnet(theirs: other.Arm) -> str:
    return other.prepared(theirs)


@pytest.fixture
def rented(arm: Arm, clock: SkippingClock, tmp_path: Path, subnet: str) -> Rented:
    """Instance `cloud`."""
    cloud = AzureCloud(
        arm, AzureConfig(), lambda: Offers(arm, Prices("http://127.0.0.1:9", tmp_path, clock)), clock
    )
    return parts(tmp_path, cloud)  # type: ignore[arg-type]


@pytest.fixture
def nic(theirs: other.Arm, subnet: str) -> Callable[..., None]:
    """Makes an interface without a VM, and with no address of its own."""

    def make(name: str, **tagged: str) -> None:
        inner = {"name": "primary", "properties": {"subnet": {"id": subnet}}}
        body = {"location": "westus", "tags": tagged, "properties": {"ipConfigurations": [inner]}}
        theirs.done("PUT", theirs.group(f"Microsoft.Network/networkInterfaces/{name}"), body)

    return make


def left(theirs: other.Arm) -> list[str]:
    return other.left(theirs)


def swept(rented: Rented, dry_run: bool = False) -> Swept:
    done = sweep(rented, dry_run)
    assert done.errors == []
    return done


def whose_machine_is_gone(what: str) -> Found:
    return Found(thing="leftover", name=what, why="machine-gone")


def building(rented: Rented, host: str = HOST, lease_s: float = 0) -> dict[str, str]:
    found = tags.building("cloud", host, "box", "laptop-9", rented.cloud.now())
    return {**found, tags.UNTIL: str(int(rented.cloud.now() + lease_s))}


def test_an_interface_by_itself_is_named_and_removed(
    rented: Rented, nic: Callable[..., None], theirs: other.Arm, clock: SkippingClock
) -> None:
    nic(f"{NAME}-nic", **building(rented, lease_s=-600))
    assert swept(rented, dry_run=True).released == [whose_machine_is_gone(f"network interface {NAME}-nic")]
    assert left(theirs) == [f"{NAME}-nic"]
    assert swept(rented).released == [whose_machine_is_gone(f"network interface {NAME}-nic")]
    assert left(theirs) == []
    assert swept(rented).released == []


def test_one_that_lost_its_tags_is_known_by_its_name(
    rented: Rented, nic: Callable[..., None], theirs: other.Arm
) -> None:
    nic(f"{NAME}-nic")
    swept(rented)
    assert left(theirs) == []


def test_one_of_a_machine_in_the_making_stays(
    rented: Rented, nic: Callable[..., None], theirs: other.Arm
) -> None:
    nic(f"{NAME}-nic", **building(rented, lease_s=600))
    (said,) = swept(rented).kept
    assert (said.why, said.by) == ("in-the-making", "laptop-9")
    assert left(theirs) == [f"{NAME}-nic"]


def test_one_of_an_intent_is_the_intents_own(
    rented: Rented, nic: Callable[..., None], theirs: other.Arm
) -> None:
    nic(f"{NAME}-nic", **building(rented, lease_s=-600))
    spec = MachineSpec(host_id=HOST, name=NAME, plan="p", region="r", image="i")
    plan = {"machine": msgspec.to_builtins(spec), "host_name": "box"}
    with rented.journal.hold("cloud", HOST) as held:
        held.write(Intent(provider="cloud", subject=HOST, kind="create", plan=plan))
        assert swept(rented).released == []
        assert left(theirs) == [f"{NAME}-nic"]


def test_what_is_others_stays(rented: Rented, nic: Callable[..., None], theirs: other.Arm) -> None:
    nic("theirs-nic")
    nic("theirs")
    nic("mngr-other-box-01234567-nic", **{tags.PROVIDER: "other"})
    nic("mngr-cloud-box-76543210-nic", **{tags.PROVIDER: "other", tags.HOST_ID: HOST})
    before = left(theirs)
    done = swept(rented)
    assert (done.released, done.kept) == ([], [])
    assert left(theirs) == before


def test_a_reserved_interface_is_kept_and_then_goes(
    rented: Rented, theirs: other.Arm, sim: Here, clock: SkippingClock, subnet: str
) -> None:
    """Azure keeps it for 180 s for the VM that it was ordered for."""
    sim.ask("POST", "/behaviour", {"nic_reserved_s": RESERVED_S})
    id = other.interface(theirs, NAME, subnet)
    sim.ask("POST", "/capacity", {"is": "none"})
    assert theirs("PUT", other.vm_path(theirs, NAME), other.vm_body(id)).status == 409
    bare = {"name": "main", "properties": {"subnet": {"id": subnet}}}
    theirs.done("PUT", id, {"location": "westus", "properties": {"ipConfigurations": [bare]}})
    theirs.done("DELETE", theirs.group(f"Microsoft.Network/publicIPAddresses/{NAME}-ip"))
    assert left(theirs) == [f"{NAME}-nic"]
    begun = clock.now()
    (said,) = swept(rented).kept
    assert said.why == "not-released"
    assert "reserved" in said.said
    assert left(theirs) == [f"{NAME}-nic"]
    clock.sleep(RESERVED_S - (clock.now() - begun))
    assert len(swept(rented).released) == 1
    assert left(theirs) == []


def assigned(rented: Rented, theirs: other.Arm, subnet: str, name: str, guid: str = "") -> str:
    """A VM with a role over itself, as `keep` gives it; the assignment's path."""
    cloud = rented.cloud
    assert isinstance(cloud, AzureCloud)
    made = other.machine(theirs, name, subnet)
    role = f"/subscriptions/{theirs.sub}/providers/Microsoft.Authorization/roleDefinitions/9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
    path = cloud.group.whole(cloud.group.assignment(name))
    path = f"{path.rpartition('/')[0]}/{guid}" if guid else path
    cloud.clock.sleep(20)  # the directory doesn't know a new identity at once
    body = {"roleDefinitionId": role, "principalId": made["identity"]["principalId"]}
    assert theirs("PUT", path, {"properties": body}).status == 201
    return path


def test_a_role_of_a_machine_that_is_gone_is_removed_and_no_other(
    rented: Rented, theirs: other.Arm, subnet: str
) -> None:
    mine = assigned(rented, theirs, subnet, NAME)
    lives = assigned(rented, theirs, subnet, "mngr-cloud-web-76543210")
    by_hand = assigned(
        rented, theirs, subnet, "mngr-cloud-api-11112222", "7b0b3c5e-6d57-5c8c-9a55-000000000001"
    )
    stranger = assigned(rented, theirs, subnet, "somebody")
    for gone in (NAME, "mngr-cloud-api-11112222", "somebody"):
        theirs.done("DELETE", other.vm_path(theirs, gone))
        with_it = theirs.group(f"Microsoft.Network/networkInterfaces/{gone}-nic")
        assert theirs("GET", with_it).status == 404
    assert swept(rented, dry_run=True).released == [whose_machine_is_gone(f"role assignment of {NAME}")]
    assert theirs("GET", mine).status == 200
    assert swept(rented).released == [whose_machine_is_gone(f"role assignment of {NAME}")]
    assert theirs("GET", mine).status == 404
    assert [theirs("GET", path).status for path in (lives, by_hand, stranger)] == [200, 200, 200]


def test_without_the_right_to_see_roles_the_rest_is_swept(
    rented: Rented,
    theirs: other.Arm,
    sim: Here,
    subnet: str,
    nic: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assigned(rented, theirs, subnet, NAME)
    theirs.done("DELETE", other.vm_path(theirs, NAME))
    nic("mngr-cloud-web-76543210-nic")
    limited = sim.ask("POST", "/principals", {"without": ["Microsoft.Authorization/*/delete"]})
    monkeypatch.setattr(sim, "env", {**sim.env, **limited["env"]})
    done = swept(rented)
    assert done.released == [whose_machine_is_gone("network interface mngr-cloud-web-76543210-nic")]
    (kept,) = done.kept
    assert "it is void, and costs nothing" in kept.said
    limited = sim.ask("POST", "/principals", {"without": ["Microsoft.Authorization/*"]})
    monkeypatch.setattr(sim, "env", {**sim.env, **limited["env"]})
    done = swept(rented)
    assert (done.released, done.kept) == ([], [])


def test_an_interface_that_came_into_use_meanwhile_stays(
    rented: Rented, theirs: other.Arm, subnet: str
) -> None:
    """Azure says so, not an older list."""
    other.machine(theirs, NAME, subnet)
    cloud = rented.cloud
    assert isinstance(cloud, AzureCloud)
    it = Leftover(id=cloud.group.nic(NAME), machine=NAME, what="network interface")
    with contextlib.suppress(VpsApiRefused):
        assert isinstance(cloud.clear(it), Later)
    assert theirs("GET", theirs.group(f"Microsoft.Network/networkInterfaces/{NAME}-nic")).status == 200
