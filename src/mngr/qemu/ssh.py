"""Whether a machine takes SSH."""

from __future__ import annotations

import socket
from collections.abc import Callable

from mngr.model.clock import SYSTEM, Clock
from mngr.model.waiting import looks

ANSWER_LIMIT_S = 2.0
LONGEST_PAUSE_S = 0.1


def has_banner(address: str, port: int = 22) -> bool:
    """Whether sshd itself answers; Docker's proxy and QEMU's network take connections long before."""
    try:
        with socket.create_connection((address, port), ANSWER_LIMIT_S) as connection:
            connection.settimeout(ANSWER_LIMIT_S)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for_banner(
    where: Callable[[], str | None], stopped: Callable[[], bool], limit_s: float, clock: Clock = SYSTEM
) -> bool:
    """False past the limit, once `stopped`, or when `where` says that there is no address any more."""
    for _ in looks(clock, limit_s, most=LONGEST_PAUSE_S):
        if stopped() or (address := where()) is None:
            return False
        if has_banner(address):
            return True
    return False
