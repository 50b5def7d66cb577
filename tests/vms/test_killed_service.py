"""The service as a process, killed at every step of create and delete, and started again: what was promised is completed, of all
else nothing is left, and no operation runs for ever."""

from __future__ import annotations

import hashlib
import itertools
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mngr.model.clock import SYSTEM
from mngr.model.waiting import looks
from mngr.testing.libvirtd import Libvirtd
from support import dying_service
from support.shop import Shop, open_shop
from support.vms import Place, place_at

STORE = "mngr.vmservice.store:Store"
FETCHED = "mngr.vms.create:create"
DONE = "mngr.journal.store:Held.done"
#: In the order in which a create passes them.
CREATE = [
    f"{STORE}.begin before",
    f"{STORE}.begin after",
    "mngr.vms.download:Download.run before",
    "mngr.vms.download:_extent after",
    "mngr.vms.images:_digest before",
    "mngr.vms.images:Images._checked after",
    "mngr.vms.images:Images._used before",
    f"{FETCHED} before",
    "mngr.journal.store:encode after",
    "mngr.vms.remove:begin after",
    "mngr.qemu.overlay:create after",
    "mngr.qemu.img:fat after",
    "libvirt:virConnect.defineXML after",
    "libvirt:virDomain.create after",
    f"{DONE} before",
    f"{DONE} after",
    f"{STORE}.made after",
    f"{STORE}.end before",
    f"{STORE}.end after",
]
WHOLE = CREATE.index(f"{DONE} after")
#: In the order in which a delete passes them.
DELETE = [
    f"{STORE}.begin before",
    f"{STORE}.begin after",
    "mngr.journal.store:encode after",
    "mngr.vms.remove:begin after",
    "libvirt:virDomain.destroy after",
    "libvirt:virDomain.undefineFlags after",
    "mngr.vms.files:Files.remove after",
    f"{DONE} before",
    f"{DONE} after",
    f"{STORE}.end before",
    f"{STORE}.end after",
]
POINTS = sorted({one.split()[0] for one in [*CREATE, *DELETE]})
ASYNC = {"Prefer": "respond-async"}


class Served:
    """A service that is killed and started again, and what it asks images from."""

    def __init__(self, place: Place, shop: Shop, folder: Path) -> None:
        self.place, self.shop = place, shop
        self._armed, self._numbers = folder / "armed", itertools.count()
        self._armed.write_text("")
        self._token = place.told("token", "create", "tests", "--scope", "destructive")["token"]
        self._env = {
            **place.env,
            "SSH_KEY_DIR": str(folder / "keys"),
            "VM_PROVISIONER_PRIVATE_IMAGES": "true",
        }
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._armed.write_text("")
        words = [str(self._armed), " ".join(POINTS), "vm", "serve", "--port", "0"]
        self._process = subprocess.Popen(
            [sys.executable, dying_service.__file__, *words], env=self._env, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        url = self._process.stdout.readline().removeprefix("serving at ").strip()
        headers = {"Authorization": f"Bearer {self._token}"}
        self._client = httpx2.Client(base_url=url, headers=headers, timeout=120)

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = self._client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def asked(self) -> dict[str, Any]:
        """A create of a VM that boots nothing, from an image that nobody has fetched yet."""
        number = next(self._numbers)
        body = number.to_bytes(4, "big") + bytes(1024**2 - 4)
        self.shop.files[f"/{number}.img"] = (body, f'"{number}"')
        return {
            "name": "one", "memory": 64, "vcpus": 1, "diskSize": 1, "network": "user", "wait": False,
            "imageUrl": self.shop.url(f"/{number}.img", host="127.0.0.1"), "imageSha256": hashlib.sha256(body).hexdigest(),
        }  # fmt: skip

    def dies(self, point: str, method: str, path: str, body: Any = None, **headers: str) -> None:
        """Makes the call, and the service is killed at that point of it; then the next one starts."""
        self._armed.write_text(point)
        try:
            self._client.request(method, path, json=body, headers=headers)
        except httpx2.HTTPError:
            pass
        self._ended()
        self.start()

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._ended()

    def _ended(self) -> None:
        assert self._process
        assert self._process.wait(60) == -signal.SIGKILL
        self._client.close()

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(60) == 0
            self._client.close()
            self._process = None

    def operation(self) -> dict[str, Any] | None:
        """The newest one, once it has ended."""
        found = self("GET", "/api/operations?limit=1")["operations"]
        return self("GET", f"/api/operations/{found[0]['id']}?wait=60") if found else None

    def left(self) -> list[str]:
        """All that is there beside whole images."""
        images = [name for name in self.place.files() if name.startswith("images/")]
        whole = {name.removesuffix(".img") for name in images if name.endswith(".img")}
        halves = [name for name in images if name.endswith(".part")]
        assert all(f"{name}.json" in images for name in whole)
        return halves + [name for name in self.place.files() if not name.startswith("images/")]

    def names(self) -> list[str]:
        return [one["name"] for one in self("GET", "/api/vms")["vms"]]


def until(seen: Callable[[], bool]) -> None:
    """Looks until it is seen, a minute at most."""
    for _ in looks(SYSTEM, 60, first=0.01):
        if seen():
            return
    raise AssertionError("it wasn't seen within a minute")


@pytest.fixture(scope="module")
def one_service(libvirtd: Libvirtd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("killed")
    with open_shop() as shop:
        served = Served(place_at(libvirtd.uri, folder), shop, folder)
        try:
            yield served
        finally:
            served.end()


@pytest.fixture
def served(one_service: Served) -> Iterator[Served]:
    """It runs, and no VM is there, before and afterwards."""
    one_service.start()
    yield one_service
    one_service.start()
    if one_service.names():
        one_service("DELETE", "/api/vms/one")
    for part in one_service.place.folder.glob("images/*.part"):
        part.unlink()
    assert one_service.left() == []


def check_whole(served: Served, asked: dict[str, Any]) -> None:
    """The VM is there, and is the one that the same create gives."""
    assert served.names() == ["one"]
    left = served.left()
    assert len(left) == 2, left
    disk, seed = left
    vm = served("GET", "/api/vms/one")
    assert (vm["state"], f"one-{vm['uuid'][:8]}.qcow2", f"one-{vm['uuid'][:8]}.seed.img") == (
        "running",
        disk,
        seed,
    )
    assert served("POST", "/api/vms", asked) == vm


@pytest.mark.parametrize("point", CREATE)
def test_a_create_that_was_promised_is_completed(served: Served, point: str) -> None:
    asked, before = served.asked(), served.operation()
    served.dies(point, "POST", "/api/vms", asked, **ASYNC)
    operation = served.operation()
    if point == CREATE[0]:
        assert (operation, served.names(), served.left()) == (before, [], [])
        return
    assert operation
    assert operation != before
    assert (operation["state"], operation["action"]) == ("done", "vm_create"), operation
    check_whole(served, asked)
    assert operation["result"] == served("GET", "/api/vms/one")


@pytest.mark.parametrize("point", [CREATE[1], CREATE[4], CREATE[8], CREATE[9], *CREATE[-7:]])
def test_of_a_create_whose_caller_is_gone_all_or_nothing_is_there(served: Served, point: str) -> None:
    asked = served.asked()
    served.dies(point, "POST", "/tools/vm_create", asked)
    operation = served.operation()
    assert operation
    if point == CREATE[-1]:
        assert operation["state"] == "done"
    else:
        assert operation["problem"]["status"] == 503
        assert "ended in the middle of it" in operation["problem"]["detail"]
    if CREATE.index(point) >= WHOLE:
        return check_whole(served, asked)
    assert served.names() == []
    fetching = CREATE.index(point) < CREATE.index(f"{FETCHED} before")
    assert [name for name in served.left() if not (fetching and name.endswith(".part"))] == []
    served("POST", "/api/vms", asked)  # which goes on with what has come of the image
    return check_whole(served, asked)


@pytest.mark.parametrize("point", DELETE)
def test_a_delete_that_had_begun_is_completed(served: Served, point: str) -> None:
    asked = served.asked()
    served("POST", "/api/vms", asked)
    served.dies(point, "DELETE", "/api/vms/one")
    operation = served.operation()
    assert operation
    if point == DELETE[0]:
        assert operation["action"] == "vm_create"
        return check_whole(served, asked)
    assert (operation["action"], operation["state"]) == ("vm_delete", "done"), operation
    assert operation["result"] == {"status": "deleted", "vm": "one"}
    assert (served.names(), served.left()) == ([], [])
    return None


def test_half_an_image_is_gone_on_with(served: Served) -> None:
    asked, folder = served.asked(), served.place.folder / "images"
    served.shop.cuts.append(2**19)
    served.shop.answers_later.extend([503] * 2)  # so that it is away for a while
    operation = served("POST", "/api/vms", asked, 202, **ASYNC)
    until(lambda: any(part.stat().st_size == 2**19 for part in folder.glob("*.part")))
    served.kill()
    served.shop.answers_later.clear()
    served.start()
    done = served("GET", f"/api/operations/{operation['id']}?wait=60")
    assert done["state"] == "done", done
    assert served.shop.asked[-1][1]["range"] == "bytes=524288-"
    check_whole(served, asked)


def test_a_create_that_waits_for_ssh_goes_on_waiting_and_makes_no_second_vm(served: Served) -> None:
    asked = {**served.asked(), "wait": True, "timeout": 2}
    operation = served("POST", "/api/vms", asked, 202, **ASYNC)
    path = f"/api/operations/{operation['id']}"
    until(lambda: served("GET", path)["progress"]["phase"] == "booting")
    uuid = served("GET", "/api/vms/one")["uuid"]
    served.kill()
    served.start()
    told = served("GET", f"{path}?wait=60")
    assert told["problem"]["status"] == 504
    assert "nothing speaks SSH at 127.0.0.1" in told["problem"]["detail"]
    assert served("GET", "/api/vms/one")["uuid"] == uuid
    assert len(served.left()) == 2


def test_a_service_that_is_told_to_end_leaves_it_to_the_next(served: Served) -> None:
    operation = served("POST", "/api/vms", {**served.asked(), "wait": True, "timeout": 3600}, 202, **ASYNC)
    path = f"/api/operations/{operation['id']}"
    until(lambda: served("GET", path)["progress"]["phase"] == "booting")
    served.end()
    served.start()
    assert served("GET", f"{path}?wait=1")["state"] == "running"
    served("DELETE", "/api/vms/one")
    # It is gone, or was seen off in the moment before.
    assert served("GET", f"{path}?wait=60")["problem"]["status"] in (404, 504)


def test_a_caller_that_goes_away_ends_nothing(served: Served) -> None:
    asked, before = served.asked(), served.operation()
    with pytest.raises(httpx2.TimeoutException):
        served._client.post("/tools/vm_create", json={**asked, "wait": True, "timeout": 3}, timeout=0.5)
    until(lambda: served.operation() != before)
    operation = served.operation()
    assert operation
    assert operation["problem"]["status"] == 504
    check_whole(served, asked)
