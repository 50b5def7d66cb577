"""Keys of the service into a VM that is there, and out of it again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mngr.vms import inject as keys_of_vms
from mngr.vms.seed_keys import NOW, Change
from mngr.vmservice.service import Service
from mngr.vmservice.shapes import KeyName, Name, Shape

Applied = Annotated[
    Literal["now", "next boot", "next start"],
    Field(description="now: its guest agent has done it; next boot: it does so itself when it boots, and `reason` says why; next start: only once it was off"),
]  # fmt: skip


class VmKeys(Shape):
    vmName: Name


class VmKey(Shape):
    vmName: Name
    keyName: KeyName


class KeyInject(VmKey):
    user: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z_][a-z0-9_-]{0,31}$",
            description="Whose key it is to be; default: the user that the VM was made with, else its image's own",
        ),
    ] = None


class Injected(Shape):
    status: Literal["injected", "ejected"]
    vm: str
    key: str
    user: Annotated[str | None, Field(description="None: the VM's own")]
    applied: Applied
    reason: str | None


class InjectedKey(Shape):
    key: str
    publicKey: str
    user: str | None
    applied: Applied
    reason: str | None


class InjectedKeys(Shape):
    keys: list[InjectedKey]


def inject(service: Service, asked: KeyInject) -> Injected:
    key = service.keys.get(asked.keyName)
    hypervisor = service.settled(asked.vmName)
    done = keys_of_vms.inject(hypervisor, asked.vmName, key.name, key.public_key, asked.user or "")
    return _told("injected", asked, [done])


def eject(service: Service, asked: VmKey) -> Injected:
    return _told(
        "ejected", asked, keys_of_vms.eject(service.settled(asked.vmName), asked.vmName, asked.keyName)
    )


def list_(service: Service, asked: VmKeys) -> InjectedKeys:
    found = keys_of_vms.injected(service.settled(asked.vmName), asked.vmName)
    return InjectedKeys(
        keys=[
            InjectedKey(
                key=one.name, publicKey=one.key, user=one.user or None, applied=one.applied, reason=one.reason or None
            )
            for one in found
        ]
    )  # fmt: skip


def _told(status: Literal["injected", "ejected"], asked: VmKey, changes: list[Change]) -> Injected:
    """One of several, which are different users', by that which waits for the next boot."""
    one = next((change for change in changes if change.applied != NOW), changes[0])
    return Injected(
        status=status,
        vm=asked.vmName,
        key=asked.keyName,
        user=one.user or None,
        applied=one.applied,
        reason=one.reason or None,
    )
