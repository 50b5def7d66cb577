"""What a VM's machine reaches from inside, at 169.254.169.254: its metadata service, and ARM by its real name."""

from __future__ import annotations

import threading

from mngr.simcloud.azure.api import Azure
from mngr.simcloud.azure.imds import Imds
from mngr.simcloud.front import Front
from mngr.simcloud.http import Server
from mngr.simcloud.machines.inside import Inside, Listen
from mngr.simcloud.tls import Tls

NAMES = ("management.azure.com", "login.microsoftonline.com", "prices.azure.com")
"""What machines have by https at that address, too, with a certificate that they trust."""


def inside(azure: Azure, tls: Tls | None) -> Inside:
    """Servers in each machine's own network, anew when that is a new one: after a start, a restart."""
    front = Front(azure.state.core, azure)
    serving: dict[str, list[Server]] = {}
    lock = threading.Lock()

    def serve(id: str, listen: Listen) -> None:
        servers = [Server(0, Imds(azure.state, id), listening=listen(80))]
        if tls:
            servers.append(Server(0, front, tls.context, listening=listen(443)))
        with lock:
            before, serving[id] = serving.get(id, []), servers
        for server in before:
            server.stop()
        for server in servers:
            server.start()

    return Inside(serve, names=NAMES if tls else (), ca=tls.ca.read_bytes() if tls else b"")
