"""Where agents were last seen, so that a warm `exec` asks nobody.

The memory is `$MNGR_HOME/cache/names/NAME.json`: the places where an agent of that name was last seen. It is only
ever a first guess: what it points to is looked at before anything is changed. Where there is one place, and ssh goes
there, NAME.warm has what cli/mngr.sh needs, for a shell to read: control socket, ssh config, alias, and the beginning
of the remote command line.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mngr.transport import quote

if TYPE_CHECKING:
    from mngr.model.names import Address
    from mngr.model.views import AgentView, HostView, Listing
    from mngr.ops.context import Mngr


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent was last seen, and how commands get there (`ssh`: config file and alias; empty: here).

    `socket`: where the shared connection there listens, if it is open. `here`: commands run on this computer itself. `type`:
    the agent's; "" in what an older mngr has noted.
    """

    agent_id: str
    host_id: str
    host_name: str
    provider: str
    host_dir: str
    tmux_label: str
    ssh: list[str] = []
    socket: str = ""
    here: bool = False
    type: str = ""


def seen(mngr: "Mngr", address: "Address") -> Seen | None:
    """The one place where the memory has this name, else None."""
    matching = [
        one
        for one in _read(_file(mngr, address.name))
        if address.provider in ("", one.provider) and address.host in ("", one.host_name, one.host_id)
    ]
    return matching[0] if len(matching) == 1 else None


def places(home: Path) -> dict[str, list[Seen]]:
    """All that the memory has, by name."""
    return {path.stem: _read(path) for path in sorted((home / "cache" / "names").glob("*.json"))}


def everything(mngr: "Mngr") -> list[tuple[str, Seen]]:
    """All places that the memory has, each with the agent's name."""
    return [(name, one) for name, some in places(mngr.home).items() for one in some]


def remember(mngr: "Mngr", host: "HostView", agent: "AgentView") -> None:
    """Notes where an agent is. Never fails a command: the memory is only a short cut."""
    name = agent.record.name
    path = _file(mngr, name)
    others = [one for one in _read(path) if one.agent_id != agent.record.id and one.host_id != host.record.id]
    _write(path, [*others, _note(mngr, host, agent)])


def forget(mngr: "Mngr", host_id: str, names: Sequence[str]) -> None:
    """Drops what is remembered of these names on that host."""
    for name in names:
        path = _file(mngr, name)
        kept = [one for one in _read(path) if one.host_id != host_id]
        _write(path, kept)


def learn(mngr: "Mngr", listing: "Listing", providers: Sequence[str]) -> None:
    """Takes a whole listing of `providers` in: notes what is new, drops what is gone (unless it couldn't be read)."""
    known = places(mngr.home)
    unread = {problem.provider for problem in listing.errors} | {
        host.record.provider
        for host in listing.hosts
        if host.state in ("unreachable", "building") or not host.agents_known
    }
    now: dict[str, list[Seen]] = {}
    for name, some in known.items():
        now[name] = [one for one in some if one.provider in unread or one.provider not in providers]
    for host in listing.hosts:
        if host.record.provider not in unread:
            for agent in (one for one in host.agents if not one.half_made):
                now.setdefault(agent.record.name, []).append(_note(mngr, host, agent))
    for name, some in now.items():
        if some != known.get(name, []):
            _write(_file(mngr, name), some)


def _note(mngr: "Mngr", host: "HostView", agent: "AgentView") -> Seen:
    record = host.record
    ssh: list[str] = []
    shared = ""
    if record.address:
        from mngr.transport.ssh import Ssh, socket

        transport = mngr.provider(record.provider).transport(record)
        if isinstance(transport, Ssh):
            ssh = [str(transport.target.config), transport.target.alias]
            shared = str(socket(transport.target))
    return Seen(
        agent_id=agent.record.id, host_id=record.id, host_name=record.name, provider=record.provider,
        host_dir=record.host_dir, tmux_label=record.tmux_label, ssh=ssh, socket=shared,
        here=not mngr.provider(record.provider).abilities.isolated, type=agent.record.type,
    )  # fmt: skip


def _file(mngr: "Mngr", name: str) -> Path:
    return mngr.home / "cache" / "names" / f"{name}.json"


def _read(path: Path) -> list[Seen]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Seen])
    except (OSError, msgspec.DecodeError):
        return []


def _write(path: Path, places: list[Seen]) -> None:
    try:
        _replace(path.with_suffix(".warm"), _warm(places))
        _replace(path, msgspec.json.encode(places) if places else b"")
    except OSError:
        pass


def _replace(path: Path, data: bytes) -> None:
    """Nothing to keep: no file."""
    if not data:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    part.write_bytes(data)
    os.replace(part, path)


def _warm(places: list[Seen]) -> bytes:
    if len(places) != 1 or not places[0].socket:
        return b""
    from mngr.agents import tmux

    one = places[0]
    config, alias = one.ssh
    start = quote.line(tmux.exec_prefix(one.host_dir, one.agent_id))
    values = {"socket": one.socket, "config": config, "alias": alias, "start": start}
    return os.fsencode("".join(f"{name}={quote.word(value)}\n" for name, value in values.items()))
