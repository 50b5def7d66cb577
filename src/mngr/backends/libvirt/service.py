"""The VM service (`mngr vm serve`) as a cloud: what `cloud.py` does here, it does on its computer.

Our public key is in the user data, and no private one ever leaves this computer or the service's.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from mngr.backends.libvirt import machines, plans
from mngr.backends.libvirt.cloud import FORWARDED_SSH, ssh_port
from mngr.backends.libvirt.config import REGION, LibvirtConfig
from mngr.model.clock import Clock
from mngr.model.errors import InvalidInput, NotFound
from mngr.model.progress import Progress
from mngr.model.records import AgentRecord
from mngr.model.views import Offer
from mngr.vms.guests import Guest
from mngr.vms.library import NO_VM
from mngr.vms.spec import USER_NETWORK
from mngr.vps_docker.errors import VpsApiRefused, VpsApiUnreadable
from mngr.vps_docker.http import Answer, Api, Refusal, segment
from mngr.vps_docker.http_wire import wire_to
from mngr.vps_docker.tags import HOST_ID
from mngr.vps_docker.vps_client import (
    AllAgents,
    Caps,
    Ended,
    Gone,
    Handle,
    Later,
    Machine,
    MachineSpec,
    Save,
    VpsClientInterface,
)

#: A create may fetch an image, and a stop waits for the guest.
LONG_S = 1800.0
_HINT = "`mngr vm token create NAME --scope destructive`, on the service's computer, makes one that will do"


class ServiceCloud(VpsClientInterface):
    """The service at `config.url`. `transport`: httpx2's, for tests."""

    caps = Caps(paid_while_off=("disk",), self_stop="poweroff\n")

    def __init__(self, config: LibvirtConfig, token: str, clock: Clock, transport: Any = None) -> None:
        self.config = config
        self.network = config.network or "default"
        headers = {"Authorization": f"Bearer {token}"} if token else {}

        def api(**more: Any) -> Api:
            wire = wire_to(config.url, headers, transport=transport, **more)
            return Api(
                wire, _refusal, title="the VM service", where=config.url, status_page="`mngr vm serve` there",
                clock=clock, read_time=lambda: self._api.get("/api/host"),
            )  # fmt: skip

        self._api, self._long = api(), api(timeout=LONG_S)

    def check(self, spec: MachineSpec) -> Offer:
        size = plans.read(spec.plan)
        if spec.region != REGION:
            raise InvalidInput(f"libvirt knows no region {spec.region!r}", hint=f"the only one is {REGION}")
        try:
            self._api.post("/api/machine-checks", self._order(spec, check=True), repeat=True)
        except VpsApiRefused as refused:
            if refused.status in (409, 422):
                raise InvalidInput(refused.message, hint=refused.hint) from None
            raise VpsApiUnreadable(refused.message, hint=refused.hint) from None
        return Offer(
            plan=spec.plan, region=spec.region, image=spec.image.rpartition("/")[2], per_hour=0.0, cpus=size.vcpus,
            memory_gb=size.memory_mib / 1024, disk_gb=size.disk_gib,
        )  # fmt: skip

    def _order(self, spec: MachineSpec, *, check: bool = False) -> dict[str, Any]:
        size, port = plans.read(spec.plan), self.config.container_ssh_port
        pairs = [{"here": FORWARDED_SSH, "guest": 22}, {"here": port, "guest": port}]
        order = {
            "name": spec.name, "memory": size.memory_mib, "vcpus": size.vcpus, "diskSize": size.disk_gib,
            "network": self.network, "imageUrl": spec.image, "tags": {HOST_ID: spec.host_id} if check else spec.tags,
            "userData": "" if check else spec.user_data, "forwards": pairs if self.network == USER_NETWORK else [],
        }  # fmt: skip
        if self.config.image_sha256 and spec.image == self.config.image:
            order["imageSha256"] = self.config.image_sha256
        return order

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        for one in self.find({HOST_ID: spec.host_id}):
            save({"id": one.id})
            return one
        if handle.get("id"):
            return Machine(id=handle["id"], state="gone")
        save({"vm": spec.name})
        made = _machine(self._long.post("/api/machines", self._order(spec), repeat=True))
        save({"id": made.id})
        return made

    def find(self, owner: dict[str, str]) -> list[Machine]:
        try:
            rows = self._api.get("/api/machines")["machines"]
        except (KeyError, TypeError):
            raise VpsApiUnreadable("the VM service's list has no machines in it") from None
        wanted = owner.items()
        return [one for one in map(_machine, rows) if wanted <= one.tags.items()]

    def get(self, id: str) -> Machine:
        return _machine(self._api.get(self._path(id)))

    def power(self, id: str, on: bool) -> None:
        body = {"on": on, "timeout": min(600, int(self.config.shutdown_timeout))}
        self._long.post(f"{self._path(id)}/power", body, repeat=True)

    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        self._api.patch(self._path(id), {"put": put, "drop": list(drop)})

    def keep_agents(
        self, id: str, put: Sequence[AgentRecord], drop: Sequence[str] = (), all_: AllAgents | None = None
    ) -> None:
        body: dict[str, Any] = {"putAgents": msgspec.to_builtins(list(put)), "dropAgents": list(drop)}
        if all_ and self.get(id).agents is None:
            body["allAgents"] = msgspec.to_builtins(list(all_()))
        self._api.patch(self._path(id), body)

    def blank_user_data(self, id: str) -> None:
        self._api.patch(self._path(id), {"blankUserData": True})

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        found = {one.id for one in self.find({HOST_ID: spec.host_id})}
        for name in sorted({spec.name, handle.get("id") or spec.name} | found):
            with suppress(NotFound):
                try:
                    if not _guest(self._api.get(self._path(name))).ours:
                        continue  # another's VM that has the name
                    self._long.delete(f"/api/vms/{segment(name)}")
                except (VpsApiUnreadable, VpsApiRefused) as refused:
                    if refused.status == 409:  # somebody is at work on it
                        return Later(refused.message, after_s=2)
                    raise
        return Gone()

    def ended(self, id: str, *, gone: bool = False) -> Ended | None:
        with suppress(NotFound, VpsApiUnreadable):
            return machines.ended(_guest(self._api.get(self._path(id))))
        return None

    def account(self) -> str:
        return f"the VM service at {self.config.url}"

    def ssh_port(self, address: str) -> int:
        return ssh_port(address)

    def now(self) -> float:
        return self._api.now()

    def _path(self, id: str) -> str:
        return f"/api/machines/{segment(id)}"


def _guest(row: Any) -> Guest:
    """Raises Unreadable where that is no machine of the service's."""
    names = {
        "memory": "memory_mib", "diskSize": "disk_gib", "sshPort": "ssh_port", "madeAt": "made_at", "offAt": "off_at",
        "offBy": "off_by",
    }  # fmt: skip
    try:
        return msgspec.convert({names.get(key, key): value for key, value in row.items()}, Guest)
    except (AttributeError, msgspec.ValidationError):
        raise VpsApiUnreadable("the VM service shows a machine that can't be read") from None


def _machine(row: Any) -> Machine:
    return machines.machine(_guest(row))


def _refusal(answer: Answer, what: str) -> Refusal:
    try:
        told = answer.json()
        said, hint = str(told["detail"]), str(told.get("hint") or "")
        said += "".join(f"; {one['where']}: {one['why']}" for one in told.get("errors") or ())
    except (ValueError, KeyError, TypeError):
        said, hint, told = "", "", {}
    hint = _HINT if answer.status in (401, 403) else hint
    return Refusal(said=said, gone=answer.status == 404 and told.get("type") == NO_VM, hint=hint)
