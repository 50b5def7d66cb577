"""Provider `libvirt` through the VM service: the real application over libvirt's fake hypervisor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

pytest.importorskip("fastapi", reason="the extra server isn't installed")

from fastapi.testclient import TestClient

from mngr.backends.libvirt.config import LibvirtConfig
from mngr.backends.libvirt.service import ServiceCloud
from mngr.model.clock import SYSTEM
from mngr.model.errors import InvalidInput, MngrError, NotFound, Unreadable
from mngr.model.records import AgentRecord
from mngr.qemu.kvm import Probe
from mngr.testing.libvirt import fat_files
from mngr.vms.images import Images
from mngr.vms.urls import Allowed
from mngr.vmservice import machines
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from mngr.vps_docker.vps_client import Gone, Handle, Later, Machine, MachineSpec

from .conftest import URI

IMAGE = "https://images.test/a.img"


@pytest.fixture
def app(conn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, Tokens]]:
    image = tmp_path / "image.raw"
    image.write_bytes(bytes(1 << 20))
    monkeypatch.setenv("MNGR_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("mngr.vms.acceleration.kvm.probe", lambda: Probe("tcg", "a test"))
    monkeypatch.setattr(Images, "get", lambda *words: image)
    settings = Settings(
        port=0, libvirt_env={"LIBVIRT_URI": URI, "LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")},
        key_dir=tmp_path / "keys", tokens=tmp_path / "tokens.json", images=Allowed(),
    )  # fmt: skip
    tokens = Tokens(settings.tokens)
    with TestClient(make(Service(settings), tokens), raise_server_exceptions=False) as client:
        yield client, tokens


class Through(httpx2.BaseTransport):
    """To the application, without a network."""

    def __init__(self, client: TestClient) -> None:
        self.client, self.said = client, []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {key: value for key, value in request.headers.items() if key != "host"}
        answer = self.client.request(
            request.method, str(request.url.raw_path, "ascii"), content=request.read(), headers=headers
        )
        self.said.append(f"{request.method} {request.url.path}: {answer.text}")
        sent = {key: value for key, value in answer.headers.items() if key != "content-encoding"}
        return httpx2.Response(
            answer.status_code,
            headers={**sent, "date": "Mon, 30 Nov 2026 10:00:00 GMT"},
            content=answer.content,
        )


@pytest.fixture
def cloud(app: tuple[TestClient, Tokens]) -> ServiceCloud:
    return at(*app, scope="destructive")


def at(client: TestClient, tokens: Tokens, scope: Any) -> ServiceCloud:
    config = LibvirtConfig(url="http://127.0.0.1:8092", network="user", image=IMAGE, default_plan="64m-1c-1g")
    return ServiceCloud(config, tokens.make(scope, scope), SYSTEM, Through(client))


def order(number: int = 1, **more: Any) -> MachineSpec:
    host_id = f"host-{number:016x}"
    wanted: dict[str, Any] = {
        "host_id": host_id, "name": f"mngr-libvirt-box-{number:08x}", "plan": "64m-1c-1g", "region": "local",
        "image": IMAGE, "user_data": "#cloud-config\n{a: secret}\n", "tags": {"mngr-host-id": host_id, "é": "a & <b>\n"},
    }  # fmt: skip
    return MachineSpec(**{**wanted, **more})


def made(cloud: ServiceCloud, spec: MachineSpec, handle: Handle | None = None) -> tuple[Machine, Handle]:
    kept = dict(handle or {})
    machine = cloud.create(spec, kept, kept.update, lambda step: None)
    assert machine is not None
    return machine, kept


def test_the_whole_life_of_a_machine(cloud: ServiceCloud, conn: Any, tmp_path: Path) -> None:
    spec = order()
    assert cloud.check(spec).per_hour == 0
    machine, handle = made(cloud, spec)
    assert (machine.id, machine.state, machine.tags, machine.agents) == (spec.name, "running", spec.tags, [])
    assert (machine.plan, handle["id"]) == ("64m-1c-1g", spec.name)
    assert cloud.ssh_port(machine.address) == 2022
    assert made(cloud, spec)[0] == machine
    assert cloud.find(spec.tags) == [machine]
    cloud.tag(machine.id, {"k": "A" * 68}, ["é"])
    assert cloud.get(machine.id).tags == {"mngr-host-id": spec.host_id, "k": "A" * 68}
    one = AgentRecord(id="agent-1", name="one", type="shell", command=["sh", "-c", "a & <b>"])
    cloud.keep_agents(machine.id, [one, msgspec.structs.replace(one, id="agent-2")])
    cloud.keep_agents(machine.id, [], ["agent-2"])
    cloud.power(machine.id, on=False)
    off = cloud.get(machine.id)
    assert (off.state, off.agents, off.address) == ("stopped", [one], machine.address)
    ended = cloud.ended(machine.id)
    assert ended is not None
    assert ended.by == "person"
    [seed] = (tmp_path / "disks").glob("*.seed.img")
    assert b"secret" in fat_files(seed.read_bytes())["user-data"]
    cloud.blank_user_data(machine.id)
    assert b"secret" not in seed.read_bytes()
    cloud.power(machine.id, on=True)
    assert (cloud.get(machine.id).state, cloud.ended(machine.id)) == ("running", None)
    assert cloud.release(spec, handle) == Gone()
    assert cloud.release(spec, handle) == Gone()
    assert made(cloud, spec, handle)[0].state == "gone"
    with pytest.raises(NotFound):
        cloud.get(machine.id)
    assert not list((tmp_path / "disks").glob("[!.]*"))


def test_no_answer_shows_user_data(cloud: ServiceCloud, app: tuple[TestClient, Tokens]) -> None:
    machine, _ = made(cloud, order())
    cloud.find({})
    answers = (
        app[0]
        .get(f"/api/vms/{machine.id}", headers={"Authorization": f"Bearer {app[1].make('r', 'read')}"})
        .text
    )
    assert "secret" not in answers
    assert "secret" not in str(cloud.get(machine.id))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"plan": "big"}, "2048m-2c-20g"), ({"plan": "1m-1c-1g"}, "memory"), ({"plan": "9999999m-1c-1g"}, "MiB"), ({"region": "moon"}, "local"),
        ({"image": "/etc/passwd"}, "address"), ({"image": "https://10.0.0.1/x"}, "10.0.0.1"),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_anything_is_made(
    cloud: ServiceCloud, conn: Any, wrong: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput) as told:
        cloud.check(order(**wrong))
    assert named in f"{told.value.message} {told.value.hint}"
    assert [one.name() for one in conn.listAllDomains()] == ["test"]


def test_anothers_vm_stays(cloud: ServiceCloud, conn: Any) -> None:
    made(cloud, order())
    other = order(host_id="host-00000000000000ff", tags={"mngr-host-id": "host-00000000000000ff"})
    with pytest.raises(MngrError, match="somebody else"):
        made(cloud, other)
    assert [one.name() for one in conn.listAllDomains() if one.name() != "test"] == [order().name]


def test_a_token_that_may_not_is_unreadable_and_says_what_would(app: tuple[TestClient, Tokens]) -> None:
    cloud = at(*app, scope="read")
    cloud.find({})
    with pytest.raises(MngrError) as told:
        made(cloud, order())
    assert "mngr vm token create" in told.value.hint
    nobody = ServiceCloud(cloud.config, "wrong", SYSTEM, Through(app[0]))
    with pytest.raises(Unreadable) as unread:
        nobody.find({})
    assert "mngr vm token create" in unread.value.hint
    assert "wrong" not in f"{unread.value.message}{unread.value.hint}"


def test_an_address_that_is_no_services_is_unreadable_and_not_empty(
    app: tuple[TestClient, Tokens], cloud: ServiceCloud
) -> None:
    machine, handle = made(cloud, order())
    config = msgspec.structs.replace(cloud.config, url="http://127.0.0.1:8092/api")
    wrong = ServiceCloud(config, app[1].make("w", "destructive"), SYSTEM, Through(app[0]))
    for ask in (
        lambda: wrong.find({}),
        lambda: wrong.get(machine.id),
        lambda: wrong.release(order(), handle),
    ):
        with pytest.raises(Unreadable, match="nothing at"):
            ask()


def test_a_service_without_its_pool_is_unreadable(
    app: tuple[TestClient, Tokens], cloud: ServiceCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nosuch(*words: Any, **more: Any) -> Any:
        raise NotFound("libvirt has no storage pool 'nosuch' that is a folder")

    machine, _ = made(cloud, order())
    monkeypatch.setattr("mngr.vmservice.service._is_alive", lambda one: False)
    monkeypatch.setattr("mngr.vmservice.service.opened", nosuch)
    token = {"Authorization": f"Bearer {app[1].make('r', 'read')}"}
    answer = app[0].get(f"/api/machines/{machine.id}", headers=token)
    assert (answer.status_code, "nosuch" in answer.text) == (503, True)


def test_what_is_being_made_isnt_gone(
    cloud: ServiceCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetching, go_on = threading.Event(), threading.Event()

    def slow(*words: object) -> Path:
        fetching.set()
        assert go_on.wait(30)
        return tmp_path / "image.raw"

    monkeypatch.setattr(Images, "get", slow)
    creating = threading.Thread(target=made, args=(cloud, order()))
    creating.start()
    try:
        assert fetching.wait(30)
        assert isinstance(cloud.release(order(), {}), Later)
    finally:
        go_on.set()
        creating.join(30)
    assert cloud.get(order().name).state == "running"
    assert cloud.release(order(), {}) == Gone()


def test_a_reservation_begins_when_the_image_is_there() -> None:
    assert machines.later({"mngr-until": "100", "a": "b"}, 50.7) == {"mngr-until": "150", "a": "b"}
    assert machines.later({"a": "b"}, 50.7) == {"a": "b"}
    assert machines.later({"mngr-until": "soon"}, 50.7) == {"mngr-until": "soon"}
