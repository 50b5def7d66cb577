"""The ports of hosts on this computer: stable, and never given twice."""

import socket
import threading
from pathlib import Path

from mngr.backends.docker.ports import FIRST, LAST, Ports


def test_a_host_keeps_its_port(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports")
    port = ports.reserve("host-1")
    assert FIRST <= port <= LAST
    assert Ports(tmp_path / "ports").reserve("host-1") == port
    ports.free("host-1")
    assert ports.taken() == {}


def test_several_at_once_never_get_the_same(tmp_path: Path) -> None:
    got: list[int] = []
    threads = [
        threading.Thread(target=lambda i=i: got.append(Ports(tmp_path).reserve(f"host-{i}")))
        for i in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 20


def test_a_port_that_somebody_listens_on_is_passed_over(tmp_path: Path) -> None:
    port = Ports(tmp_path / "a").reserve("host-1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert Ports(tmp_path / "b").reserve("host-1") != port


def test_an_avoided_port_is_passed_over_and_the_new_one_kept(tmp_path: Path) -> None:
    ports = Ports(tmp_path)
    first = ports.reserve("host-1")
    second = ports.reserve("host-1", frozenset({first}))
    assert second != first
    ports.keep("host-1", second)
    assert ports.taken() == {second: "host-1"}
