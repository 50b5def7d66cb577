"""This computer's libvirt, as the verbs of `mngr vm` use it. `vm_there.There` does the same over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mngr.cli.vm_things import as_row

if TYPE_CHECKING:
    from mngr.model.progress import Progress
    from mngr.vms.hypervisor import Hypervisor
    from mngr.vms.images import Images
    from mngr.vms.keys import Kind
    from mngr.vms.look import VmDetails
    from mngr.vms.remove import Leftover
    from mngr.vms.resize import Change
    from mngr.vms.seed_keys import Change as KeyChange

Row = dict[str, Any]


class Here:
    """Rows are things as plain data. Errors: those of `mngr.vms`."""

    def __init__(self, hypervisor: Hypervisor) -> None:
        self.hypervisor = hypervisor

    # --- VMs ------------------------------------------------------------------------------------------------------

    def vms(self) -> tuple[list[Row], list[Leftover]]:
        """All VMs, and what was left of killed creates and deletes."""
        from mngr.vms import look, remove

        left = remove.sweep(self.hypervisor)
        return [as_row(one) for one in look.list_(self.hypervisor)], left

    def show(self, vm: str) -> VmDetails:
        from mngr.vms import look, remove

        remove.clear(self.hypervisor, vm)
        return look.show(self.hypervisor, vm)

    def start(self, vm: str, wait: bool, limit_s: float, progress: Progress) -> tuple[VmDetails, bool]:
        """False if it ran already."""
        from mngr.model.progress import Step
        from mngr.vms import look, power, remove

        remove.clear(self.hypervisor, vm)
        changed = power.start(self.hypervisor, vm)
        if wait:
            progress(Step("waiting for SSH"))
            look.until_reachable(self.hypervisor, vm, limit_s)
        return look.show(self.hypervisor, vm), changed

    def stop(self, vm: str, limit_s: float, force: bool, progress: Progress) -> tuple[VmDetails, bool]:
        """False if it was off already."""
        from mngr.model.progress import Step
        from mngr.vms import look, power, remove

        remove.clear(self.hypervisor, vm)
        progress(Step("waiting for the guest to shut down"))
        changed = power.stop(self.hypervisor, vm, limit_s, force)
        return look.show(self.hypervisor, vm), changed

    def removal(self, vm: str) -> str:
        """What a delete does, in words. Raises NotFound, Conflict (mngr didn't make it)."""
        from mngr.vms import look, remove

        if remove.is_pending(self.hypervisor, vm):
            return f"removes what is left of VM {vm}"
        remove.check_ours(self.hypervisor, vm)
        return f"removes VM {vm}, which is {look.show(self.hypervisor, vm).state}, and its disk"

    def delete(self, vm: str) -> None:
        from mngr.vms import remove

        remove.delete(self.hypervisor, vm)

    def clone(self, vm: str, name: str, progress: Progress) -> tuple[Row, bool]:
        """False if it was there."""
        from mngr.vms import clone, look, remove

        remove.clear(self.hypervisor, vm)
        remove.clear(self.hypervisor, name)
        made = clone.clone(self.hypervisor, vm, name)
        return as_row(look.show(self.hypervisor, name)), made

    def resize(self, vm: str, change: Change) -> tuple[Row, Sequence[str], Sequence[str]]:
        """The VM, what changed, and what of that it has from its next start on; by names of the spec."""
        from mngr.vms import look, remove, resize

        remove.clear(self.hypervisor, vm)
        done = resize.resize(self.hypervisor, vm, change)
        return as_row(look.show(self.hypervisor, vm)), done.changed, done.at_next_start

    # --- snapshots ------------------------------------------------------------------------------------------------

    def snapshots(self, vm: str) -> list[Row]:
        from mngr.vms import snapshots

        return [as_row(one) for one in snapshots.list_(self.hypervisor, vm)]

    def snapshot(self, vm: str, name: str) -> None:
        """Raises NotFound."""
        from mngr.vms import snapshots

        snapshots.get(self.hypervisor, vm, name)

    def take_snapshot(self, vm: str, name: str, progress: Progress) -> Row:
        from mngr.vms import snapshots

        return as_row(snapshots.create(self.hypervisor, vm, name))

    def restore_snapshot(self, vm: str, name: str) -> str:
        """The VM's state then."""
        from mngr.vms import look, snapshots

        snapshots.restore(self.hypervisor, vm, name)
        return look.show(self.hypervisor, vm).state

    def delete_snapshot(self, vm: str, name: str) -> None:
        from mngr.vms import snapshots

        snapshots.delete(self.hypervisor, vm, name)

    # --- networks and pools ---------------------------------------------------------------------------------------

    def networks(self) -> list[Row]:
        from mngr.vms import networks

        return [as_row(one) for one in networks.list_(self.hypervisor)]

    def network(self, name: str) -> Row:
        from mngr.vms import networks

        return as_row(networks.show(self.hypervisor, name))

    def make_network(self, name: str, mode: str, cidr: str, autostart: bool) -> tuple[Row, bool]:
        from mngr.vms import networks

        found, made = networks.create(self.hypervisor, name, mode, cidr, autostart)
        return as_row(found), made

    def switch_network(self, name: str, on: bool) -> tuple[Row, bool]:
        """False if it was so already."""
        from mngr.vms import networks

        changed = (networks.start if on else networks.stop)(self.hypervisor, name)
        return self.network(name), changed

    def delete_network(self, name: str) -> None:
        from mngr.vms import networks

        networks.delete(self.hypervisor, name)

    def pools(self) -> list[Row]:
        from mngr.vms import pools

        return [as_row(one) for one in pools.list_(self.hypervisor)]

    def pool(self, name: str) -> Row:
        from mngr.vms import pools

        return as_row(pools.show(self.hypervisor, name))

    def make_pool(self, name: str, path: str, autostart: bool) -> tuple[Row, bool]:
        from pathlib import Path

        from mngr.vms import pools

        folder = str(Path(path).expanduser().absolute())
        found, made = pools.create(self.hypervisor, name, folder, autostart)
        return as_row(found), made

    def delete_pool(self, name: str) -> None:
        from mngr.vms import pools

        pools.delete(self.hypervisor, name)

    # --- keys in VMs, images, the host ----------------------------------------------------------------------------

    def inject(self, vm: str, key: str, user: str) -> list[Row]:
        from mngr.vms import inject, remove

        public = Keys().key(key)["public_key"]
        remove.clear(self.hypervisor, vm)
        return [injected(vm, inject.inject(self.hypervisor, vm, key, public, user))]

    def eject(self, vm: str, key: str) -> list[Row]:
        from mngr.vms import inject, remove

        remove.clear(self.hypervisor, vm)
        return [injected(vm, one) for one in inject.eject(self.hypervisor, vm, key)]

    def injected(self, vm: str) -> list[Row]:
        from mngr.vms import inject, remove

        remove.clear(self.hypervisor, vm)
        return [{**injected(vm, one), "public_key": one.key} for one in inject.injected(self.hypervisor, vm)]

    def images(self) -> list[Row]:
        from mngr.vms import needed

        used = needed.paths(self.hypervisor)
        return [{**as_row(one), "needed": one.path in used} for one in images(self.hypervisor).all()]

    def host(self) -> Row:
        from mngr.vms import acceleration, gpus

        probe = acceleration.choose(self.hypervisor)
        return {
            "uri": self.hypervisor.uri,
            "accel": probe.accel,
            "accel_reason": probe.reason,
            "storage": str(self.hypervisor.folder),
            "gpus": [as_row(one) for one in gpus.list_(self.hypervisor)],
        }


class Keys:
    """Those in SSH_KEY_DIR, which take no libvirt."""

    def __init__(self) -> None:
        from mngr.vms.keys import KeyStore
        from mngr.vmservice import settings

        self.store = KeyStore(settings.read().key_dir)

    def keys(self) -> list[Row]:
        return [as_row(one) for one in self.store.all()]

    def key(self, name: str) -> Row:
        """Raises NotFound."""
        return as_row(self.store.get(name))

    def make_key(self, name: str, comment: str, kind: Kind) -> Row:
        return as_row(self.store.generate(name, comment, kind))

    def delete_key(self, name: str) -> None:
        self.store.delete(name)


def images(hypervisor: Hypervisor) -> Images:
    """Those that were fetched."""
    from mngr.vms.images import Images
    from mngr.vms.urls import Allowed

    return Images(hypervisor.folder / "images", Allowed(), hypervisor.clock)


def injected(vm: str, change: KeyChange) -> Row:
    return {
        "status": "injected" if change.present else "ejected",
        "vm": vm,
        "key": change.name,
        "user": change.user or None,
        "applied": change.applied,
        "reason": change.reason or None,
    }
