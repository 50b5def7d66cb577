"""Where a VM on USER_NETWORK is reached: a free port of loopback, or free ports of a loopback address of its own."""

from __future__ import annotations

import socket
import zlib

from mngr.model.errors import Conflict, MngrError
from mngr.vms import domain as xml
from mngr.vms.domain import FORWARDED_FROM
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import USER_NETWORK, VmSpec

FIRST_PORT, PORTS = 20000, 10000
#: 127.77.0.1 to 127.77.255.254: loopback, as Linux has it, and other than what people use.
ADDRESSES = 256 * 254


def place(hypervisor: Hypervisor, spec: VmSpec) -> tuple[str, int]:
    """(address, port of its SSH): the same for the same libvirt and name, if that is free; (127.0.0.1, 0) on other networks. A VM that
    is off keeps its own. Raises MngrError where none is free."""
    if spec.network != USER_NETWORK:
        return FORWARDED_FROM, 0
    first = zlib.crc32(f"{hypervisor.uri} {spec.name}".encode())  # another libvirt's VMs begin elsewhere
    if spec.forwards:
        ports = [here for here, _ in spec.forwards]
        ssh = next((here for here, there in spec.forwards if there == 22), ports[0])
        taken = _addresses(hypervisor)
        for step in range(ADDRESSES):
            high, low = divmod((first + step) % ADDRESSES, 254)
            address = f"127.77.{high}.{low + 1}"
            if address not in taken and all(_is_free(address, port) for port in ports):
                return address, ssh
        port = next((one for one in ports if not _is_free("127.77.255.254", one)), ports[0])
        raise Conflict(
            f"no loopback address from 127.77.0.1 on has the ports {', '.join(map(str, ports))} free",
            hint=f"`ss -ltnp 'sport = {port}'` says which program has {port} on all addresses; end it, or choose another container_ssh_port",
        )
    for step in range(PORTS):
        port = FIRST_PORT + (first + step) % PORTS
        if _is_free(FORWARDED_FROM, port):
            return FORWARDED_FROM, port
    raise MngrError(f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free on {FORWARDED_FROM}")


def _addresses(hypervisor: Hypervisor) -> set[str]:
    """Of all VMs, also those that are off."""
    return {xml.read(text).address for _, text in hypervisor.vms()}


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind((address, port))
        except OSError:
            return False
    return True
