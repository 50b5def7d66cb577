"""The swap of a machine's host key: killed before or after any of its steps, the live key is among the pinned."""

from pathlib import Path

import pytest

from mngr.containers.access import Access
from mngr.model.errors import Unreachable
from mngr.transport import ssh
from mngr.transport.base import CommandFailed, Completed
from mngr.vps_docker import host_key
from mngr.vps_docker.errors import VpsProvisioningError
from support.rented import ManualClock

HOST = "host-0123456789abcdef"
ADDRESS = "192.0.2.1"
OLD, NEW = "ssh-ed25519 AAAAold", "ssh-ed25519 AAAAnew"


class Killed(BaseException):
    pass


class Machine:
    """What the machine does, and which key it shows. Each command is a place to be killed at, before and after."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.live = OLD
        self.next = ""
        self.published: list[str] = []
        self.commands = 0
        self.kill_at = -1
        self.refuses = False
        self.reloading = 0  #: connections that are refused before the next one is taken

    def point(self) -> None:
        pins = self.access.machine_pins(HOST)
        assert self.live in pins, f"locked out: it shows {self.live}, we accept {pins}"
        if self.commands == self.kill_at:
            raise Killed
        self.commands += 1

    def run(self, argv: list[str], known: list[str]) -> Completed:
        if self.reloading:
            self.reloading -= 1
            raise Unreachable("connection refused")
        if self.live not in known:
            raise ssh.HostKeyMismatch("another key")
        self.point()
        out = b""
        if argv[0] == "sh":
            assert argv[3] == "host-key"
            out = getattr(self, argv[4])(*argv[5:])
        self.point()
        return Completed(0, out, b"")

    def make(self) -> bytes:
        self.next = self.next or NEW
        return self.next.encode() + b"\n"

    def install(self, key: str) -> bytes:
        assert key == self.next
        assert key in self.access.machine_pins(HOST)
        assert self.published[-1] == key
        if not self.refuses:
            self.live = key
        return b""

    def finish(self, key: str) -> bytes:
        assert key == self.live
        self.next = ""
        return b""

    def publish(self, key: str) -> None:
        self.point()
        self.published.append(key)
        self.point()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    access = Access(tmp_path)
    access.pin_machine(HOST, ADDRESS, [OLD])
    machine = Machine(access)

    def run(self: ssh.Ssh, argv: list[str], **options: object) -> Completed:
        from mngr.transport.keys import pinned

        return machine.run(argv, pinned(self.target.known_hosts)[(ADDRESS, 22)])

    monkeypatch.setattr(ssh.Ssh, "run", run)
    return machine


def swap(machine: Machine) -> str:
    return host_key.swap(machine.access, HOST, ADDRESS, machine.publish, ManualClock())


def test_it_ends_with_the_new_key_alone(machine: Machine) -> None:
    assert swap(machine) == NEW
    assert machine.live == NEW
    assert machine.access.machine_pins(HOST) == [NEW]
    assert machine.published == [NEW]
    assert not (machine.access.folder / "known_hosts" / f"{HOST}.check").exists()


def test_a_machine_whose_sshd_is_reloading_is_waited_for(machine: Machine) -> None:
    """A killed run's ssh may go on, and have sshd take the key just while the next run connects."""
    machine.reloading = 2
    assert swap(machine) == NEW
    machine.reloading = 1000
    with pytest.raises(Unreachable):
        swap(machine)


def test_killed_at_any_point_and_run_again(machine: Machine) -> None:
    points = 0
    while True:
        machine.live, machine.next, machine.commands = OLD, "", 0
        machine.access.pin_machine(HOST, ADDRESS, [OLD])
        machine.kill_at = points
        try:
            swap(machine)
        except Killed:
            assert machine.live in machine.access.machine_pins(HOST)
        else:
            break
        machine.kill_at = -1
        assert swap(machine) == NEW
        assert machine.access.machine_pins(HOST) == [NEW]
        points += 1
    assert points == 10


def test_a_machine_that_goes_on_showing_the_old_key_isnt_used(machine: Machine) -> None:
    machine.refuses = True
    with pytest.raises(VpsProvisioningError, match="still shows its old host key"):
        swap(machine)
    assert machine.live in machine.access.machine_pins(HOST)


def test_a_machine_that_says_nonsense_changes_no_pin(machine: Machine) -> None:
    machine.next = "sh: 1: ssh-keygen: not found"
    with pytest.raises(VpsProvisioningError, match="no usable host key"):
        swap(machine)
    assert machine.access.machine_pins(HOST) == [OLD]


def test_a_step_that_fails_there_says_what(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(key: str) -> bytes:
        raise CommandFailed("sh failed", Completed(1, b"", b"sshd: bad configuration"))

    monkeypatch.setattr(machine, "install", install)
    with pytest.raises(CommandFailed, match=r"host-key failed on .*: sshd: bad configuration"):
        swap(machine)
    assert set(machine.access.machine_pins(HOST)) == {OLD, NEW}
