"""The service as a process: uvicorn over the application."""

from __future__ import annotations

import gc
import ipaddress
import socket
from collections.abc import Callable

import uvicorn

from mngr.model.errors import InvalidInput, MngrError
from mngr.vmservice.access import Tokens
from mngr.vmservice.app import make
from mngr.vmservice.service import Service
from mngr.vmservice.settings import Settings
from mngr.vmservice.wire import Protocol

#: Requests that still run when the service is told to end are waited for so long.
GRACE_S = 10


def serve(settings: Settings, host: str, *, open_to_all: bool, ready: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT. `host`: an address; `open_to_all`: without tokens, on loopback alone. `ready` is told the
    address once connections are taken.

    Raises InvalidInput (a host that is no address, or that tokens are needed for), MngrError (the port is taken, or another service has this one's operations).
    """
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise InvalidInput(
            f"host {host[:80]!r} is no address", hint="such as 127.0.0.1, or 0.0.0.0 for all"
        ) from None
    tokens = Tokens(settings.tokens)
    if open_to_all and not ip.is_loopback:
        raise InvalidInput(
            f"{host} without tokens would let the whole network make and delete VMs",
            hint="leave out --no-auth, or use 127.0.0.1",
        )
    if not open_to_all and not tokens.all():
        raise InvalidInput(
            "nobody has a token yet", hint="`mngr vm token create NAME --scope lifecycle` makes one"
        )
    family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
    # With its protocol named asyncio has it send at once (TCP_NODELAY), and no answer waits 40 ms for its caller's system.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, settings.port))
            listening.listen(128)
        except OSError as problem:
            raise MngrError(
                f"can't listen at {host} port {settings.port}: {problem.strerror}",
                hint="VM_PROVISIONER_PORT, or --port, names another one",
            ) from None
        port = listening.getsockname()[1]
        service = Service(settings)
        service.operations.open()
        config = uvicorn.Config(
            make(service, None if open_to_all else tokens),
            http=Protocol, ws="none", log_level="warning", timeout_graceful_shutdown=GRACE_S, server_header=False, date_header=True,
        )  # fmt: skip
        ready(f"http://[{host}]:{port}" if ip.version == 6 else f"http://{host}:{port}")
        server = uvicorn.Server(config)
        gc.collect()
        gc.freeze()  # what is there stays: each look at it would take longer than an answer
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:  # uvicorn has ended well, and then raises the signal that told it to
            if not server.should_exit:
                raise
