"""The VM service at VM_PROVISIONER_URL, as the verbs of `mngr vm` use it: `vm_here.Here`, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from mngr.cli import vm_wire
from mngr.model.clock import SYSTEM
from mngr.model.errors import InvalidInput, NotFound
from mngr.model.progress import Step
from mngr.vms import addresses
from mngr.vps_docker.http import segment

if TYPE_CHECKING:
    from mngr.model.progress import Progress
    from mngr.vms.look import VmDetails
    from mngr.vms.presets import Found
    from mngr.vms.remove import Leftover
    from mngr.vms.resize import Change

Row = dict[str, Any]
Thing = TypeVar("Thing")

#: The service's names of what is called otherwise here.
_OF_VM = {
    "sshPort": "ssh_port", "addressFrom": "address_from", "noAddress": "no_address", "acceleration": "accel",
    "accelerationReason": "accel_reason",
}  # fmt: skip
_OF_KEY = {"publicKey": "public_key", "privateKeyPath": "private_path", "publicKeyPath": "public_path"}
_OF_IMAGE = {"diskSize": "disk", "fetchedAt": "fetched_at", "usedAt": "used_at"}
_OF_TEMPLATE = {"imageUrl": "image", "imageSha256": "sha256", "diskSize": "disk"}
_OF_RESIZE = {"memory": "memory_mib", "diskSize": "disk_gib"}


class There:
    """Errors: the service's, as `vm_wire.Service` raises them."""

    def __init__(self, url: str, token: str) -> None:
        self._service = vm_wire.Service(url, token)

    # --- VMs ------------------------------------------------------------------------------------------------------

    def vms(self) -> tuple[list[Row], list[Leftover]]:
        return self._service.rows("/api/vms", "vms"), []

    def show(self, vm: str) -> VmDetails:
        return _details(self._service.get(_vm(vm)))

    def create(self, asked: Mapping[str, Any], progress: Progress) -> None:
        """`asked`: what the service takes."""
        self._service.long("POST", "/api/vms", asked, progress=progress)

    def has(self, vm: str) -> bool:
        return self._has(_vm(vm))

    def start(self, vm: str, wait: bool, limit_s: float, progress: Progress) -> tuple[VmDetails, bool]:
        was = self.show(vm).state
        self._service.long("POST", f"{_vm(vm)}/start", progress=progress)
        if wait:
            progress(Step("waiting for SSH"))
            addresses.wait_for_ssh(SYSTEM, vm, lambda: self._address(vm), limit_s)
        return self.show(vm), was != "running"

    def _address(self, vm: str) -> tuple[str, addresses.Address]:
        """Its state, and where it is reached, as seen from the service."""
        now = self.show(vm)
        return now.state, addresses.Address(now.ip, now.ssh_port, now.address_from, now.no_address)

    def stop(self, vm: str, limit_s: float, force: bool, progress: Progress) -> tuple[VmDetails, bool]:
        progress(Step("waiting for the guest to shut down"))
        was = self.show(vm).state
        body = {"timeout": seconds(limit_s, 0), "force": force}
        self._service.long("POST", f"{_vm(vm)}/stop", body)
        return self.show(vm), was not in ("stopped", "crashed")

    def removal(self, vm: str) -> str:
        return f"removes VM {vm}, which is {self.show(vm).state}, and its disk"

    def delete(self, vm: str) -> None:
        self._service.long("DELETE", _vm(vm))

    def clone(self, vm: str, name: str, progress: Progress) -> tuple[Row, bool]:
        made = not self.has(name)
        clone = self._service.long("POST", f"{_vm(vm)}/clone", {"name": name}, progress=progress)
        return msgspec.to_builtins(_details(clone)), made

    def resize(self, vm: str, change: Change) -> tuple[Row, Sequence[str], Sequence[str]]:
        was = msgspec.to_builtins(self.show(vm))
        names = {
            "memory": change.memory_mib,
            "vcpus": change.vcpus,
            "diskSize": change.disk_gib,
            "autostart": change.autostart,
        }
        asked = {key: value for key, value in names.items() if value is not None}
        answer = self._service.change("PATCH", _vm(vm), asked)
        late = [_OF_RESIZE.get(str(one), str(one)) for one in answer["atNextStart"]]
        row = msgspec.to_builtins(_details(answer))
        return row, [key for key in row["spec"] if row["spec"][key] != (was["spec"] or {}).get(key)], late

    # --- snapshots ------------------------------------------------------------------------------------------------

    def snapshots(self, vm: str) -> list[Row]:
        found = self._service.rows(f"{_vm(vm)}/snapshots", "snapshots")
        return [_renamed(one, {"createdAt": "created_at"}) for one in found]

    def snapshot(self, vm: str, name: str) -> None:
        if name not in [one["name"] for one in self.snapshots(vm)]:
            hint = f"`mngr vm snapshot list {vm}` shows those it has"
            raise NotFound(f"VM {vm} has no snapshot {name!r}", hint=hint)

    def take_snapshot(self, vm: str, name: str, progress: Progress) -> Row:
        path = f"{_vm(vm)}/snapshots"
        taken = self._service.long("POST", path, {"name": name}, repeat=False, progress=progress)
        return _renamed(taken, {"createdAt": "created_at"})

    def restore_snapshot(self, vm: str, name: str) -> str:
        path = f"{_vm(vm)}/snapshots/{segment(name)}/restore"
        return self._service.long("POST", path, repeat=False)["state"]

    def delete_snapshot(self, vm: str, name: str) -> None:
        self._service.change("DELETE", f"{_vm(vm)}/snapshots/{segment(name)}")

    # --- networks and pools ---------------------------------------------------------------------------------------

    def networks(self) -> list[Row]:
        return [_whole(one) for one in self._service.rows("/api/networks", "networks")]

    def network(self, name: str) -> Row:
        return _whole(self._service.get(f"/api/networks/{segment(name)}"))

    def make_network(self, name: str, mode: str, cidr: str, autostart: bool) -> tuple[Row, bool]:
        made = not self._has(f"/api/networks/{segment(name)}")
        asked = {"name": name, "mode": mode, "cidr": cidr or None, "autostart": autostart}
        return _whole(self._service.change("POST", "/api/networks", asked)), made

    def switch_network(self, name: str, on: bool) -> tuple[Row, bool]:
        was = self.network(name)["active"]
        self._service.change("POST", f"/api/networks/{segment(name)}/{'start' if on else 'stop'}")
        return self.network(name), was != on

    def delete_network(self, name: str) -> None:
        self._service.change("DELETE", f"/api/networks/{segment(name)}")

    def pools(self) -> list[Row]:
        return self._service.rows("/api/pools", "pools")

    def pool(self, name: str) -> Row:
        return self._service.get(f"/api/pools/{segment(name)}")

    def make_pool(self, name: str, path: str, autostart: bool) -> tuple[Row, bool]:
        if not path.startswith("/"):
            raise InvalidInput(
                f"folder {path!r} isn't the service's", hint="give an absolute path on its computer"
            )
        made = not self._has(f"/api/pools/{segment(name)}")
        asked = {"name": name, "path": path, "autostart": autostart}
        return self._service.change("POST", "/api/pools", asked), made

    def delete_pool(self, name: str) -> None:
        self._service.change("DELETE", f"/api/pools/{segment(name)}")

    # --- keys -----------------------------------------------------------------------------------------------------

    def keys(self) -> list[Row]:
        return [_renamed(one, _OF_KEY) for one in self._service.rows("/api/ssh-keys", "keys")]

    def key(self, name: str) -> Row:
        """Raises NotFound."""
        for one in self.keys():
            if one["name"] == name:
                return one
        raise NotFound(f"there is no key {name!r}")

    def make_key(self, name: str, comment: str, kind: str) -> Row:
        asked = {"name": name, "comment": comment, "type": kind}
        return _renamed(self._service.change("POST", "/api/ssh-keys", asked, repeat=False), _OF_KEY)

    def delete_key(self, name: str) -> None:
        self._service.change("DELETE", f"/api/ssh-keys/{segment(name)}")

    def inject(self, vm: str, key: str, user: str) -> list[Row]:
        return [self._service.change("POST", f"{_vm(vm)}/ssh-keys/{segment(key)}", {"user": user or None})]

    def eject(self, vm: str, key: str) -> list[Row]:
        return [self._service.change("DELETE", f"{_vm(vm)}/ssh-keys/{segment(key)}")]

    def injected(self, vm: str) -> list[Row]:
        keys = self._service.rows(f"{_vm(vm)}/ssh-keys", "keys")
        rows = [vm_wire.Told({"status": "injected", "vm": vm, **_renamed(one, _OF_KEY)}) for one in keys]
        order = ("status", "vm", "key", "user", "applied", "reason", "public_key")
        return [{key: one[key] for key in order} for one in rows]

    # --- images, templates, the host ------------------------------------------------------------------------------

    def images(self) -> list[Row]:
        from mngr.vms.images import Image

        rows = [_renamed(one, _OF_IMAGE) for one in self._service.rows("/api/images", "images")]
        return [{**msgspec.to_builtins(_read(one, Image)), "needed": one["needed"]} for one in rows]

    def templates(self) -> list[Found]:
        from mngr.vms.presets import Found, Template

        told = self._service.get("/api/templates")
        rows = [_whole(_renamed(one, _OF_TEMPLATE)) for one in told["templates"]]
        good = [(one.pop("name"), one.pop("path"), _read(one, Template)) for one in rows]
        found = [Found(name=name, path=path, template=template) for name, path, template in good]
        found += [_read(one, Found) for one in told["problems"]]
        return sorted(found, key=lambda one: one.name)

    def host(self) -> Row:
        told = self._service.get("/api/host")
        gpus = [_whole(one) for one in told["gpus"]]
        return {
            "uri": told["uri"], "accel": told["acceleration"], "accel_reason": told["accelerationReason"],
            "storage": told["storage"], "gpus": gpus,
        }  # fmt: skip

    def _has(self, path: str) -> bool:
        with suppress(NotFound):
            self._service.get(path)
            return True
        return False


def seconds(limit_s: float, least: int = 1) -> int:
    """A limit as the service takes it: whole, and no shorter."""
    return max(least, -int(-limit_s // 1))


def _vm(name: str) -> str:
    return f"/api/vms/{segment(name)}"


def _renamed(row: Mapping[str, Any], names: Mapping[str, str]) -> Row:
    return vm_wire.Told({names.get(key, key): value for key, value in row.items()})


def _whole(row: Mapping[str, Any]) -> Row:
    """ "" instead of the service's None."""
    return {key: "" if value is None else value for key, value in row.items()}


def _details(told: Mapping[str, Any]) -> VmDetails:
    from mngr.vms.look import VmDetails

    row = _renamed(told, _OF_VM)
    row |= {key: row[key] or "" for key in ("ip", "address_from", "no_address")}
    row |= {"ssh_port": row["ssh_port"] or 0}
    return _read(row, VmDetails)


def _read(row: Mapping[str, Any], kind: type[Thing]) -> Thing:
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as problem:
        raise vm_wire.not_read(problem) from None
