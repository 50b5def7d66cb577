"""How this computer gets at a provider instance's machines and containers: key pairs, pins, SSH.

<folder>/keys/{vps,container}          two key pairs an instance; the private halves stay here
<folder>/known_hosts/<host id>             the host keys that are accepted from the machine
<folder>/known_hosts/<host id>.container   … and from the container's sshd
<folder>/ssh/<host id>[.container]         generated ssh configs
"""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from mngr.transport import keys
from mngr.transport.ssh import Ssh, SshTarget


class Access:
    """Keys and pins in `folder`. Nothing is read or written before it is asked for."""

    def __init__(self, folder: Path, machine_port: Callable[[str], int] = lambda address: 22) -> None:
        """`machine_port`: where the machine at an address has its SSH."""
        self.folder = folder
        self._port = machine_port

    def machine_key(self) -> str:
        """The public key that opens machines; the pair is made once."""
        return keys.ensure_key(self.folder / "keys" / "vps", "mngr-vps")

    def container_key(self) -> str:
        """The public key that opens containers; another pair than the machines'."""
        return keys.ensure_key(self.folder / "keys" / "container", "mngr-container")

    def machine(self, host_id: str, address: str) -> Ssh:
        """Root's login on the machine, with the pinned host keys and no others."""
        return self._ssh(host_id, host_id, address, self._port(address), "vps")

    def machine_showing(self, host_id: str, address: str, key: str) -> Ssh:
        """As `machine`, on a connection of its own that accepts `key` only."""
        name = f"{host_id}.check"
        keys.pin(self._known_hosts(name), {(address, self._port(address)): [key]})
        return self._ssh(name, host_id, address, self._port(address), "vps")

    def container(self, host_id: str, address: str, port: int, user: str = "root") -> Ssh:
        """The container's own sshd, with its pinned host key."""
        return self._ssh(f"{host_id}.container", f"{host_id}.container", address, port, "container", user)

    def pin_machine(self, host_id: str, address: str, accepted: Iterable[str]) -> None:
        """From now on the machine must show one of these keys."""
        self._pin(host_id, address, self._port(address), accepted)

    def pin_container(self, host_id: str, address: str, port: int, key: str) -> None:
        self._pin(f"{host_id}.container", address, port, [key])

    def has_container_pin(self, host_id: str) -> bool:
        """Whether this computer may log in to the container: it was made, or adopted, from here."""
        return self._known_hosts(f"{host_id}.container").exists()

    def machine_pins(self, host_id: str) -> list[str]:
        """The accepted keys, whatever address they are pinned to."""
        return [key for found in keys.pinned(self._known_hosts(host_id)).values() for key in found]

    def forget(self, host_id: str) -> None:
        """Removes pins and configs of a host that is gone. Repeatable."""
        for name in (host_id, f"{host_id}.container", f"{host_id}.check"):
            self._forget(name)

    def forget_check(self, host_id: str) -> None:
        """Ends the connection of `machine_showing`. Repeatable."""
        self._forget(f"{host_id}.check")

    def _forget(self, name: str) -> None:
        self._close(name)
        self._known_hosts(name).unlink(missing_ok=True)
        self._config(name).unlink(missing_ok=True)

    def _pin(self, name: str, address: str, port: int, accepted: Iterable[str]) -> None:
        wanted = {(address, port): [" ".join(key.split()[:2]) for key in accepted if key]}
        if keys.pinned(self._known_hosts(name)) != wanted:
            keys.pin(self._known_hosts(name), dict(wanted))

    def _ssh(self, name: str, alias: str, address: str, port: int, key: str, user: str = "root") -> Ssh:
        return Ssh(
            SshTarget(
                alias=alias, address=address, port=port, user=user, key=self.folder / "keys" / key,
                known_hosts=self._known_hosts(name), config=self._config(name),
            )
        )  # fmt: skip

    def _close(self, name: str) -> None:
        """A shared connection would outlive its pins by a minute."""
        config = self._config(name)
        if not config.exists():
            return
        from mngr.model.errors import MngrError
        from mngr.transport.base import run_local

        alias = name.removesuffix(".check")
        with contextlib.suppress(MngrError):
            run_local(
                ["ssh", "-F", str(config), "-O", "exit", alias], place=alias, what="ssh", input=b"", timeout=5
            )

    def _known_hosts(self, name: str) -> Path:
        return self.folder / "known_hosts" / name

    def _config(self, name: str) -> Path:
        return self.folder / "ssh" / name
