"""A machine takes SSH once sshd itself answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mngr.qemu.ssh import has_banner, wait_for_banner


class Clock:
    """Moves by itself when somebody sleeps."""

    at = 0.0

    def now(self) -> float:
        return self.at

    monotonic = now

    def sleep(self, seconds: float) -> None:
        self.at += seconds


@contextmanager
def listening(said: bytes) -> Iterator[int]:
    """A port that says that to whoever connects, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(said)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_sshd_answers_with_a_banner_and_a_proxy_without_one() -> None:
    with listening(b"SSH-2.0-x\r\n") as port:
        assert has_banner("127.0.0.1", port)
    with listening(b"") as port:
        assert not has_banner("127.0.0.1", port)
    assert not has_banner("127.0.0.1", port)


def test_waiting_ends_at_its_limit_when_it_is_told_to_and_when_the_address_is_gone() -> None:
    nowhere, never = "127.77.66.55", lambda: False  # nobody listens there
    clock = Clock()
    assert not wait_for_banner(lambda: nowhere, never, 60, clock)
    assert 60 <= clock.at < 61
    assert not wait_for_banner(lambda: nowhere, lambda: True, 60, clock)
    assert not wait_for_banner(lambda: None, never, 60, clock)
    assert clock.at < 61
