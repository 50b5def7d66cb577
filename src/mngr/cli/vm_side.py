"""Whose VMs the verbs of `mngr vm` are about: those of this computer's libvirt, or, with VM_PROVISIONER_URL, those of the VM
service there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mngr.cli.vm_here import Here
    from mngr.cli.vm_there import There

URL, TOKEN = "VM_PROVISIONER_URL", "VM_PROVISIONER_TOKEN"


@contextmanager
def side() -> Iterator[Here | There]:
    """Both do the same things by the same names; what they answer is alike. Raises Unreachable, InvalidInput."""
    if there := service():
        yield there
        return
    from mngr.cli.vm_here import Here
    from mngr.vms.hypervisor import connect

    with connect() as hypervisor:
        yield Here(hypervisor)


def service() -> There | None:
    """The VM service, if one is named. Raises InvalidInput where its address or token can't be used."""
    if not (url := os.environ.get(URL, "")):
        return None
    from mngr.cli.vm_there import There
    from mngr.vps_docker.credentials import check_api_url, credential

    return There(check_api_url(url, URL), credential(os.environ.get(TOKEN, ""), TOKEN))


def only_here(what: str) -> None:
    """Raises NotSupported where a service is named: nobody is to take this computer's for the service's."""
    if os.environ.get(URL):
        from mngr.model.errors import NotSupported

        raise NotSupported(
            f"{what} is for this computer alone, and {URL} names a service",
            hint=f"run it on the service's computer, or without {URL}",
        )
