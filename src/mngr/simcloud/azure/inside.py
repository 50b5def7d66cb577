"""What a VM's machine reaches from inside, at 169.254.169.254: its metadata service, and ARM by its real name; and what reaches it."""

from __future__ import annotations

from mngr.simcloud.azure import reach
from mngr.simcloud.azure.api import Azure
from mngr.simcloud.azure.imds import Imds
from mngr.simcloud.front import Front
from mngr.simcloud.http import Server
from mngr.simcloud.machines.inside import Inside, Network, complain
from mngr.simcloud.tls import Tls

NAMES = ("management.azure.com", "login.microsoftonline.com", "prices.azure.com")
"""What machines have by https at that address, too, with a certificate that they trust."""


class Networks:
    """The networks of the machines that run."""

    def __init__(self, azure: Azure, tls: Tls | None, ports: tuple[int, ...]) -> None:
        self._state = azure.state
        self._front = Front(azure.state.core, azure)
        self._tls = tls
        self._ports = ports
        self._servers: dict[str, list[Server]] = {}
        self._networks: dict[str, Network] = {}
        self._closed: dict[str, frozenset[int]] = {}

    def serve(self, id: str, network: Network) -> None:
        """A machine's network is a new one: after its boot, a start, a restart."""
        servers = [Server(0, Imds(self._state, id), listening=network.listen(80))]
        if self._tls:
            servers.append(Server(0, self._front, self._tls.context, listening=network.listen(443)))
        with self._state.core.lock:
            before, self._servers[id] = self._servers.get(id, []), servers
            self._networks[id] = network
            self._closed[id] = closed = reach.closed(self._state, id, self._ports)
        network.drop(closed)
        for server in before:
            server.stop()
        for server in servers:
            server.start()

    def catch_up(self) -> None:
        """Have the machines' firewalls be what security groups say now. Under the core's lock."""
        for id in list(self._networks):
            closed = reach.closed(self._state, id, self._ports)
            if id not in self._state.vms:
                del self._networks[id], self._closed[id]
            elif closed != self._closed[id]:
                self._closed[id] = closed
                self._state.core.jobs.submit(f"{id} firewall", lambda id=id: self._drop(id))

    def _drop(self, id: str) -> None:
        network, closed = self._networks.get(id), self._closed.get(id, frozenset())
        try:
            if network:
                network.drop(closed)
        except OSError as problem:  # it is off: at its start it has a new one
            if id in self._state.vms and self._networks.get(id) is not network:
                complain(id, problem)


def inside(azure: Azure, tls: Tls | None, ports: tuple[int, ...]) -> Inside:
    networks = Networks(azure, tls, ports)
    azure.state.core.overdue.append(networks.catch_up)
    return Inside(networks.serve, names=NAMES if tls else (), ca=tls.ca.read_bytes() if tls else b"")
