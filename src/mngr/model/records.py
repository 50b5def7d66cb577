"""Durable descriptions of hosts and agents, as kept in JSON on the host's state volume.

`format` is the version of the layout; a reader that meets a newer one refuses rather than guesses.
"""

from typing import Any, Literal, TypeVar

import msgspec

from mngr.model.names import is_name

FORMAT = 1
T = TypeVar("T")

#: Of a host: whether its first contact had a key to check the machine's against.
SshTrust = Literal["pinned", "unverified"]


class Idle(msgspec.Struct, frozen=True, kw_only=True):
    """When a host stops itself. `timeout_s` 0 means never; `max_lifetime_s` 0 means no cap."""

    mode: str = "io"
    timeout_s: float = 800
    max_lifetime_s: float = 0


class AgentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it was asked for. Environment values aren't here: they live in a file of their own on the host.

    `former`: what it was called before its last rename."""

    id: str
    name: str
    type: str = "shell"
    command: list[str] = []
    work_dir: str = ""
    labels: dict[str, str] = {}
    created_at: str = ""
    former: str = ""
    format: int = FORMAT


class HostRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A host as it was made. `handle` is what the backend needs to find it again, opaque to all others. Of a rented
    machine: its id in its cloud, its own SSH host key, and what it costs
    (`price_stopped_per_hour`: while it is stopped, where that is less).

    `user`: whom agents run as, in a container ("": root). `ssh_trust` is `pinned`, or `unverified` where the first contact had nothing to check the key against.
    """

    id: str
    name: str
    provider: str
    backend: str
    created_at: str = ""
    builder: str = ""
    image: str = ""
    plan: str = ""
    region: str = ""
    address: str = ""
    ssh_port: int = 22
    ssh_user: str = "root"
    host_dir: str = "/mngr"
    user: str = ""
    tmux_label: str = "mngr"
    host_key: str = ""
    ssh_trust: SshTrust = "pinned"
    machine_id: str = ""
    machine_key: str = ""
    price_per_hour: float | None = None
    price_per_month: float | None = None
    price_stopped_per_hour: float | None = None
    currency: str = "USD"
    idle: Idle = Idle()
    labels: dict[str, str] = {}
    handle: dict[str, str] = {}
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Records that were written before these were fields have them in the handle."""
        lifted = {field: self.handle[key] for field, key in _LIFTED.items() if key in self.handle}
        if not lifted or self.machine_id:
            return
        fields: dict[str, Any] = {**lifted, "handle": {**self.handle}}
        for key in ("machine_host_key", "price_per_month"):
            fields["handle"].pop(key, None)
        if "price_per_month" in lifted:
            fields["price_per_month"] = float(lifted["price_per_month"])
        for name, value in fields.items():
            msgspec.structs.force_setattr(self, name, value)


_LIFTED = {"machine_id": "id", "machine_key": "machine_host_key", "price_per_month": "price_per_month"}


def encode(record: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=1)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Raises ValueError (msgspec's) on anything that isn't such a record, also on a newer format. Where records lie agents
    can write, and names and ids go into paths and files: those that mngr doesn't give are refused."""
    record: Any = msgspec.json.decode(data, type=kind)
    if record.format > FORMAT:
        raise ValueError(f"record format {record.format} is newer than this mngr (knows {FORMAT})")
    if kind in (AgentRecord, HostRecord) and not (is_name(record.id) and is_name(record.name)):
        raise ValueError("its id or its name is none that mngr gives")
    return record
