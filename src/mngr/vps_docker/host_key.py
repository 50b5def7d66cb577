"""Swapping a machine's SSH host key for one made on it, so that the one that travelled in user data is worth nothing.

At every point where this may be killed, the key that the machine shows is among the pinned ones:

    step                                            pinned        live
    make the next key on the machine                old           old
    pin both, publish the next one                  old, new      old
    install, sshd -t, reload                        old, new      old or new
    a fresh connection that demands the new one     old, new      new
    pin the new one alone                           new           new
    forget the old one; blank the user data         new           new
"""

from collections.abc import Callable

from mngr.containers.access import Access
from mngr.hosts.scripts import script
from mngr.model.clock import Clock
from mngr.model.errors import TimedOut, Unreachable
from mngr.model.waiting import looks
from mngr.transport.base import Completed, Transport
from mngr.transport.ssh import HostKeyMismatch
from mngr.vps_docker.errors import VpsProvisioningError

#: sshd takes a moment to come back from a reload.
RELOAD_S = 20.0


def swap(access: Access, host_id: str, address: str, publish: Callable[[str], None], clock: Clock) -> str:
    """The machine's new host key, alone pinned when this returns. Repeatable after a kill at any point.

    `publish` is given the new key before it can become live, to put it where another computer of the same user
    finds it. Raises Unreachable, CommandFailed, VpsProvisioningError.
    """
    machine = access.machine(host_id, address)
    old = access.machine_pins(host_id)
    new = _told(machine, clock, "make").text.strip()
    if not new.startswith("ssh-ed25519 ") or len(new.split()) != 2:
        raise VpsProvisioningError(f"{machine.place} made no usable host key: it said {new[:100]!r}")
    access.pin_machine(host_id, address, dict.fromkeys([*old, new]))
    publish(new)
    _told(machine, clock, "install", new)
    _shows(access, host_id, address, new, clock)
    access.pin_machine(host_id, address, [new])
    # The shared connection was made with the old key: the next command makes one that is checked against the new.
    machine.close()
    _told(machine, clock, "finish", new)
    return new


def _told(machine: Transport, clock: Clock, *words: str) -> Completed:
    """One step on the machine. An earlier run of this may have been killed, but not its ssh: then sshd may be reloading
    just now, and refuses a connection for a moment. Steps are repeatable, so that is waited for."""
    refused: Unreachable | None = None
    for _ in looks(clock, RELOAD_S):
        try:
            return script(machine, "host-key", *words, timeout=60)
        except HostKeyMismatch:
            raise
        except Unreachable as error:
            refused = error
    assert refused
    raise refused


def _shows(access: Access, host_id: str, address: str, key: str, clock: Clock) -> None:
    """Waits until a fresh connection gets in with `key` as the only accepted one."""
    why = ""
    try:
        for _ in looks(clock, RELOAD_S):
            try:
                access.machine_showing(host_id, address, key).run(["true"], timeout=30)
                return
            except (Unreachable, TimedOut) as error:
                why = "still shows its old host key" if isinstance(error, HostKeyMismatch) else error.message
    finally:
        access.forget_check(host_id)
    raise VpsProvisioningError(
        f"{address} doesn't come back with the host key that was made on it: {why}",
        hint="run the command again; the machine isn't used until its key is the new one",
    )
