"""The cloud over an ARM that says what a test wants: what is concluded from its answers, and what is sent in which order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import msgspec
import pytest

from mngr.backends.azure import agent_tags, bodies, images
from mngr.backends.azure.arm import Arm
from mngr.backends.azure.cloud import AzureCloud
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.machines import machine
from mngr.backends.azure.market import over_quota
from mngr.backends.azure.offers import Offers
from mngr.backends.azure.prepare import Prepared, _role, network
from mngr.backends.azure.prices import Prices
from mngr.model.clock import left, within
from mngr.model.errors import Conflict, InvalidInput, NotFound
from mngr.model.ids import new_agent_id
from mngr.model.records import AgentRecord
from mngr.vps_docker.errors import VpsApiUnreadable
from mngr.vps_docker.vps_client import Gone, Later, MachineSpec
from support.rented import ManualClock

SUB = "11111111-aaaa-4bbb-8ccc-222222222222"
TAGS = "/providers/Microsoft.Resources/tags/default"
SPEC = MachineSpec(
    host_id="host-0123456789abcdef", name="box", plan="Standard_B2s", region="westus",
    image="Debian:debian-12:12-gen2:latest", public_key="ssh-ed25519 AAAA me",
)  # fmt: skip

Say = Callable[[str, str, Any], tuple[Any, ...]]


class Login:
    def token(self) -> str:
        return "TOKEN"

    def drop(self) -> None: ...


def cloud(say: Say, folder: Path, **settings: Any) -> SimpleNamespace:
    """Our cloud, whose every call is answered by `say(method, path below the group, body)`; `asked` has them."""
    clock, asked = ManualClock(), []
    config = AzureConfig(**settings)

    def handle(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.partition(f"/resourceGroups/{config.resource_group}")[2] or request.url.path
        body = json.loads(request.content) if request.content else None
        asked.append((request.method, path, body))
        status, said = say(request.method, path, body)
        return httpx2.Response(status, content=b"") if said is None else httpx2.Response(status, json=said)

    arm = Arm(Login(), SUB, clock=clock, transport=httpx2.MockTransport(handle))  # type: ignore[arg-type]
    made = AzureCloud(arm, config, lambda: Offers(arm, Prices("http://127.0.0.1:9", folder, clock)), clock)
    return SimpleNamespace(cloud=made, asked=asked, clock=clock)


def no(status: int, code: str) -> tuple[Any, ...]:
    return status, {"error": {"code": code, "message": "because"}}


def statuses(*codes: str) -> list[dict[str, str]]:
    return [{"code": code} for code in codes]


def row(tags: dict[str, str] | None = None, state: str = "Succeeded") -> dict[str, Any]:
    return {
        "name": "box",
        "location": "westus",
        "tags": tags or {},
        "properties": {"provisioningState": state},
    }


def agent(name: str) -> AgentRecord:
    return AgentRecord(id=new_agent_id(), name=name, created_at="2026-11-29T08:00:00Z")


class Tagged:
    """A VM of which only the tags matter, as Azure keeps them; `most`: how many there ever were."""

    def __init__(self, tags: dict[str, str]) -> None:
        self.tags, self.most = dict(tags), len(tags)

    def __call__(self, method: str, path: str, body: Any) -> tuple[Any, ...]:
        if not path.endswith(TAGS):
            return 200, row(self.tags)
        if method == "PATCH":
            for key, value in body["properties"]["tags"].items():
                if body["operation"] == "Merge":
                    self.tags[key] = value
                else:
                    self.tags.pop(key, None)
            self.most = max(self.most, len(self.tags))
        return 200, {"properties": {"tags": self.tags}}


def test_a_new_vm_says_that_it_has_no_agents() -> None:
    say = cloud(lambda *call: (200, {}), Path("/nonexistent")).cloud
    tags = bodies.vm(say.group, say.config, SPEC, "")["tags"]
    assert agent_tags.whole(tags) == []


def test_agents_are_all_there_are_only_if_their_tags_are_whole(tmp_path: Path) -> None:
    vm = Tagged({agent_tags.COUNT: "0"})
    one = cloud(vm, tmp_path).cloud
    first, second = agent("a1"), agent("a2")
    one.keep_agents("box", [first])
    one.keep_agents("box", [second])
    assert {each.name for each in machine(row(vm.tags), [], "").agents or []} == {"a1", "a2"}
    lost = {key: value for key, value in vm.tags.items() if first.id not in key}
    assert machine(row(lost), [], "").agents is None
    assert machine(row({}), [], "").agents is None
    vm.tags = lost
    one.keep_agents("box", [agent("a3")])
    assert machine(row(vm.tags), [], "").agents is None  # two are read, and none of them is the lost one
    assert [each.name for each in agent_tags.read(vm.tags)]


def test_damaged_tags_are_written_anew_from_the_hosts_own_records(tmp_path: Path) -> None:
    first, second, third = agent("a1"), agent("a2"), agent("a3")
    tags = agent_tags.write([first, second])[0]
    vm = Tagged({key: value for key, value in tags.items() if first.id not in key})
    one = cloud(vm, tmp_path).cloud

    def unreachable() -> list[AgentRecord]:
        raise VpsApiUnreadable("the host is down")

    one.keep_agents("box", [third], [], unreachable)
    assert machine(row(vm.tags), [], "").agents is None
    one.keep_agents("box", [], [], lambda: [first, second, third])
    assert {each.name for each in agent_tags.whole(vm.tags) or []} == {"a1", "a2", "a3"}
    one.keep_agents("box", [], [second.id], unreachable)  # whole ones are enough by themselves
    assert {each.name for each in agent_tags.whole(vm.tags) or []} == {"a1", "a3"}


def test_shortened_records_say_so_until_there_is_room(tmp_path: Path) -> None:
    import random

    noise = random.Random(1)
    many = [
        msgspec.structs.replace(agent(f"a{at}"), command=["".join(noise.choices("abcdefghijklmnop", k=2000))])
        for at in range(12)
    ]
    vm = Tagged({agent_tags.COUNT: "0"})
    one = cloud(vm, tmp_path).cloud
    one.keep_agents("box", many)
    seen = machine(row(vm.tags), [], "")
    assert seen.agents_shortened
    assert {each.name for each in seen.agents or []} == {each.name for each in many}
    one.keep_agents("box", [], [many[0].id])  # the host isn't asked: what was left out still is
    assert machine(row(vm.tags), [], "").agents_shortened
    one.keep_agents("box", [], [each.id for each in many[3:]], lambda: many[1:])
    seen = machine(row(vm.tags), [], "")
    assert not seen.agents_shortened
    assert seen.agents == many[1:3]


def test_a_vm_never_has_more_tags_than_azure_takes(tmp_path: Path) -> None:
    """30 of others, and agents until they are packed, and back."""
    vm = Tagged({agent_tags.COUNT: "0", **{f"theirs-{at}": "x" for at in range(30)}})
    one = cloud(vm, tmp_path).cloud
    many = [agent(f"a{at}") for at in range(12)]
    for each in many:
        one.keep_agents("box", [each])
    for each in many[1:]:
        one.keep_agents("box", [], [each.id])
    assert vm.most <= 50
    assert agent_tags.whole(vm.tags) == many[:1]
    assert len([key for key in vm.tags if key.startswith("theirs")]) == 30


def test_another_group_is_another_account(tmp_path: Path) -> None:
    first = cloud(lambda *call: (200, {}), tmp_path).cloud.account()
    second = cloud(lambda *call: (200, {}), tmp_path, resource_group="other").cloud.account()
    assert first == f"subscription {SUB}, group mngr"
    assert second == f"subscription {SUB}, group other"


@pytest.mark.parametrize(
    ("state", "codes", "seen"),
    [
        ("Failed", ["ProvisioningState/failed/AllocationFailed", "PowerState/deallocated"], "stopped"),
        ("Canceled", ["PowerState/running"], "running"),
        ("Failed", ["ProvisioningState/failed/AllocationFailed"], "failed"),
        ("Failed", [], "failed"),
        ("Succeeded", ["PowerState/deallocated"], "stopped"),
    ],
)
def test_a_vm_whose_last_operation_failed_is_as_it_is_powered(
    state: str, codes: list[str], seen: str
) -> None:
    assert machine(row(state=state), statuses(*codes), "").state == seen


def test_a_role_that_cant_be_given_never_ends_a_finished_host(tmp_path: Path) -> None:
    for code in ("AuthorizationFailed", "RoleAssignmentLimitExceeded", "InvalidPrincipalId"):
        one = cloud(lambda method, *rest: (200, row()) if method == "GET" else no(400, code), tmp_path)  # noqa: B023
        told: list[Any] = []
        one.cloud.keep("box", told.append)
        assert "can't stop its own bill" in told[0].text
        assert len([each for each in one.asked if each[0] == "PUT"]) == 1


@pytest.mark.parametrize("code", ["PrincipalNotFound", "RoleDefinitionDoesNotExist"])
def test_a_role_or_an_identity_that_isnt_known_yet_is_waited_for(tmp_path: Path, code: str) -> None:
    puts: list[str] = []

    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        if method == "GET":
            return 200, row()
        puts.append(path)
        return no(400, code) if len(puts) < 4 else (201, {})

    one = cloud(say, tmp_path)
    told: list[Any] = []
    one.cloud.keep("box", told.append)
    assert (len(puts), told) == (4, [])


class Left:
    """What is there, by path; a DELETE takes it away, but what `refused` has (path's end → code)."""

    def __init__(self, there: set[str], refused: dict[str, str]) -> None:
        self.there, self.refused, self.deleted = there, refused, list[str]()

    def __call__(self, method: str, path: str, body: Any) -> tuple[Any, ...]:
        kind = path.split("/")[-2]
        if method == "DELETE":
            if kind in self.refused:
                return no(403 if "Auth" in self.refused[kind] else 409, self.refused[kind])
            if kind in self.there:
                self.there.remove(kind)
                self.deleted.append(kind)
                return 200, None
            return 204, None
        return (200, row()) if kind in self.there else no(404, "ResourceNotFound")


NIC_KEPT = "NicReservedForAnotherVm"
ALL = ["virtualMachines", "disks", "networkInterfaces", "publicIPAddresses", "roleAssignments"]


@pytest.mark.parametrize(
    ("code", "answer"), [("AuthorizationFailed", Gone), ("ScopeLocked", Later), ("InternalError", Later)]
)
def test_a_role_is_no_obstacle_to_ending_the_bill(tmp_path: Path, code: str, answer: type) -> None:
    left = Left(set(ALL), {"roleAssignments": code})
    assert isinstance(cloud(left, tmp_path).cloud.release(SPEC, {}), answer)
    assert left.deleted == ALL[:-1]


def test_the_vm_goes_first_and_its_role_last(tmp_path: Path) -> None:
    left = Left(set(ALL), {})
    assert isinstance(cloud(left, tmp_path).cloud.release(SPEC, {}), Gone)
    assert left.deleted == ALL


def test_a_disk_isnt_billed_on_while_azure_keeps_an_interface(tmp_path: Path) -> None:
    left = Left({"networkInterfaces", "publicIPAddresses", "disks"}, {"networkInterfaces": NIC_KEPT})
    assert isinstance(cloud(left, tmp_path).cloud.release(SPEC, {}), Later)
    assert left.deleted == ["disks"]


@pytest.mark.parametrize("there", ["virtualMachines", "publicIPAddresses", "disks"])
def test_tags_go_on_what_is_left(tmp_path: Path, there: str) -> None:
    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        return (200, {}) if f"/{there}/" in path else no(404, "ResourceNotFound")

    one = cloud(say, tmp_path)
    one.cloud.tag("box", {"a": "b"})
    assert f"/{there}/" in one.asked[-1][1]


def net(location: str) -> dict[str, Any]:
    subnet = {"name": "mngr-subnet", "properties": {}}
    return {"name": "mngr-vnet", "location": location, "properties": {"subnets": [subnet]}}


@pytest.mark.parametrize(("location", "fits"), [("westus", True), ("West US", True), ("eastus", False)])
def test_a_network_of_another_region_isnt_used(tmp_path: Path, location: str, fits: bool) -> None:
    """Two instances in one group, with the same names."""

    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        return 200, net(location)

    one = cloud(say, tmp_path).cloud
    asks = (
        lambda: one._offers._prepared(one.group),
        lambda: network(one.arm, one.group, [], Prepared(group="mngr", region="westus"), lambda step: None),
    )
    for ask in asks:
        if fits:
            ask()
        else:
            with pytest.raises(Conflict, match="is in eastus") as caught:
                ask()
            assert "resource_group" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("here", "home", "open_to"),
    [
        ([], ["198.51.100.0/24"], ["198.51.100.0/24"]),
        (["203.0.113.4/32"], ["198.51.100.0/24"], ["203.0.113.4/32"]),
        ([], [], ["0.0.0.0/0"]),
    ],
)
def test_another_regions_network_is_no_more_open_than_home(
    tmp_path: Path, here: list[str], home: list[str], open_to: list[str]
) -> None:
    rules = {"mngr-nsg": home, "mngr-nsg-eastus": here}

    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        for name, sources in rules.items():
            properties = {"sourceAddressPrefixes": sources}
            if method == "GET" and path.endswith(f"/{name}/securityRules/mngr-ssh"):
                return (200, {"properties": properties}) if sources else no(404, "NotFound")
            if method == "GET" and path.endswith(f"/{name}"):
                rule = (
                    [{"name": "mngr-ssh", "properties": {"priority": 1000, **properties}}] if sources else []
                )
                return 200, {"name": name, "location": "eastus", "properties": {"securityRules": rule}}
        return (200, net("eastus")) if method == "GET" else (200, {})

    one = cloud(say, tmp_path)
    one.cloud._prepare(one.cloud.group.in_region("eastus"), lambda step: None)
    (put,) = [body for method, _, body in one.asked if method == "PUT"]
    assert put["properties"]["sourceAddressPrefixes"] == open_to


def test_a_machine_is_looked_at_after_a_write_that_took_long(tmp_path: Path) -> None:
    """The write itself is followed for longer than a machine is waited for."""
    asked: list[str] = []

    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        if method == "POST":
            asked.append(path)
            one.clock.at += 400
            return 200, None
        power = "PowerState/running" if asked else "PowerState/deallocated"
        return 200, {**row(), "properties": {"instanceView": {"statuses": statuses(power)}}}

    one = cloud(say, tmp_path)
    one.cloud.power("box", True)
    assert len(asked) == 1


@pytest.mark.parametrize("on", [True, False])
def test_power_is_changed_also_where_azure_shows_what_was_before(tmp_path: Path, on: bool) -> None:
    """Each of the two is what the VM was some seconds ago."""
    asked: list[str] = []

    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        if method == "POST":
            asked.append(path)
            return 200, None
        power = f"PowerState/{'running' if on else 'deallocated'}"
        return 200, {**row(), "properties": {"instanceView": {"statuses": statuses(power)}}}

    cloud(say, tmp_path).cloud.power("box", on)
    assert [path.rpartition("/")[2] for path in asked] == ["start" if on else "deallocate"]


def test_a_machine_that_azure_doesnt_show_for_a_moment_is_stopped_all_the_same(tmp_path: Path) -> None:
    unseen = [no(404, "ResourceNotFound")] * 3

    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        if method == "POST":
            return 200, None
        off = {**row(), "properties": {"instanceView": {"statuses": statuses("PowerState/deallocated")}}}
        return unseen.pop() if unseen else (200, off)

    cloud(say, tmp_path).cloud.power("box", False)
    gone = cloud(
        lambda method, *rest: no(404, "ResourceNotFound") if method == "GET" else (200, None), tmp_path
    )
    with pytest.raises(NotFound):
        gone.cloud.power("box", False)
    assert sum(gone.clock.slept) < 60


def test_a_list_asks_for_a_login_once_and_in_the_time_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cloud(lambda *call: (200, {"value": []}), tmp_path).cloud
    times: list[float] = []
    real = one._list
    monkeypatch.setattr(one, "_list", lambda path: (times.append(left()), real(path))[1])
    with within(5):
        one.find_ours(lambda name, tags: True)
    assert len(times) == 3
    assert max(times) <= 5

    calls: list[int] = []

    def none() -> str:
        calls.append(1)
        raise VpsApiUnreadable("no login")

    monkeypatch.setattr(one.arm._login, "token", none)
    with pytest.raises(VpsApiUnreadable, match="no login"):
        one.find_ours(lambda name, tags: True)
    assert len(calls) == 1


def test_spot_has_a_quota_of_its_own() -> None:
    size = {"family": "standardBSFamily", "capabilities": [{"name": "vCPUs", "value": "2"}]}
    usages = {"lowprioritycores": (9, 10), "cores": (0, 10), "standardbsfamily": (0, 10)}
    assert "9 of 10" in over_quota(size, usages, True)
    assert not over_quota(size, usages)
    full = {"lowprioritycores": (0, 10), "cores": (10, 10), "standardbsfamily": (10, 10)}
    assert not over_quota(size, full, True)
    assert over_quota(size, full)


@pytest.mark.parametrize(("version", "there"), [("latest", True), ("1.0.2", True), ("9.9.9", False)])
def test_an_images_version_is_looked_at(tmp_path: Path, version: str, there: bool) -> None:
    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        names = {"publishers": "Debian", "offers": "debian-12", "skus": "12-gen2", "versions": "1.0.2"}
        return 200, [{"name": names[path.rsplit("/", 1)[-1]]}]

    arm = cloud(say, tmp_path).cloud.arm
    image = f"Debian:debian-12:12-gen2:{version}"
    if there:
        images.check(arm, image, ["westus"], image)
    else:
        with pytest.raises(InvalidInput, match=version) as caught:
            images.check(arm, image, ["westus"], image)
        assert "1.0.2" in (caught.value.hint or "")


def test_an_image_of_the_marketplace_has_to_be_in_each_region(tmp_path: Path) -> None:
    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        name = {"publishers": "Debian", "offers": "other", "skus": "12", "versions": "1"}[
            path.rsplit("/", 1)[-1]
        ]
        return no(404, "NotFound") if "/eastus/" in path and name == "1" else (200, [{"name": name}])

    image = "Debian:debian-12:12:latest"
    with pytest.raises(InvalidInput, match=r"no image .* in eastus"):
        images.check(cloud(say, tmp_path).cloud.arm, image, ["westus", "eastus"], image)


def test_a_role_whose_names_are_both_taken_is_said(tmp_path: Path) -> None:
    def say(method: str, path: str, body: Any) -> tuple[Any, ...]:
        return no(404, "RoleDefinitionDoesNotExist") if method == "GET" else no(409, SAME)

    one = cloud(say, tmp_path).cloud
    done = Prepared(group="mngr", region="westus")
    _role(one.arm, one.group, done)
    assert f"mngr-self-deallocate-{SUB[:8]}" in done.no_role


SAME = "RoleDefinitionWithSameNameExists"
PRICED = {
    "type": "Consumption",
    "productName": "BS Series",
    "skuName": "B2s",
    "retailPrice": 0.04,
}


@pytest.mark.parametrize(
    ("status", "said", "price"),
    [
        (200, {"Items": [PRICED]}, 0.04),
        (200, {"Items": [{"type": "Consumption"}, {**PRICED, "retailPrice": "?"}, None, 7, PRICED]}, 0.04),
        (200, {"Items": [{**PRICED, "retailPrice": None}]}, None),
        (200, {"Items": [{**PRICED, "skuName": None}]}, None),
        (200, [], None),
        (429, {}, None),
    ],
)
def test_a_price_is_what_azure_clearly_says_and_isnt_waited_for(
    tmp_path: Path, status: int, said: Any, price: float | None
) -> None:
    clock = ManualClock()
    transport = httpx2.MockTransport(
        lambda request: httpx2.Response(status, json=said, headers={"Retry-After": "3"})
    )
    prices = Prices("https://prices.example", tmp_path, clock, transport)
    assert prices.per_hour("westus", "Standard_B2s") == price
    assert clock.slept == []
