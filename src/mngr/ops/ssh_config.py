"""Settings for the user's own ssh: a block for each host with its agents, also for one that just now can't be asked about."""

from pathlib import Path

import msgspec

from mngr.config.home import write_private
from mngr.model.errors import InvalidInput, MngrError
from mngr.model.views import HostView, Problem
from mngr.ops import memory
from mngr.ops.context import Mngr
from mngr.ops.listing import list_hosts
from mngr.transport import user_config
from mngr.transport.ssh import Ssh, SshTarget


class Login(msgspec.Struct, frozen=True):
    """How ssh gets to a host and its agents (id → name). `remembered`: as they were when they were last seen."""

    host_id: str
    name: str
    provider: str
    target: SshTarget
    agents: dict[str, str]
    remembered: bool = False


class UserConfig(msgspec.Struct, frozen=True):
    """`text` for the user's file. `shared`: names that several hosts or agents have, with what those go by; the first one has
    the name, too. `remembered`: the hosts that couldn't be asked about."""

    text: str
    shared: dict[str, list[str]]
    remembered: list[str]
    errors: list[Problem]


def user_ssh_config(mngr: Mngr, to: str | None = None) -> UserConfig:
    """Reads all providers. What can't be read now is written as it is remembered: nothing vanishes. `to`: also into this file,
    whole or not at all. Raises InvalidInput, before anything is read, if that can't be written."""
    path = None if to is None else _writable(to)
    made = _made(mngr)
    if path is not None:
        write_private(path, made.text)
    return made


def _made(mngr: Mngr) -> UserConfig:
    whole = list_hosts(mngr)
    remembered = _remembered(mngr)
    logins = [login for host in whole.hosts if (login := _login(mngr, host, remembered))]
    unread = {problem.provider for problem in whole.errors}
    seen = {login.host_id for login in logins}
    shown = {host.record.id for host in whole.hosts}
    logins += [
        login
        for login in remembered.values()
        if login.host_id not in seen and (login.provider in unread or login.host_id in shown)
    ]
    logins.sort(key=lambda one: (one.provider, one.name, one.host_id))
    asked = _asked(mngr, logins)
    known = user_config.options_known() if logins else frozenset()
    return UserConfig(
        "".join(_block(one, asked, known) for one in logins),
        {
            name: [_own(key, asked)[-1] for key in keys]
            for name, keys in asked.items()
            if len(keys) > 1 and "." not in name
        },
        [f"{one.name}.{one.provider}" for one in logins if one.remembered],
        whole.errors,
    )


#: A host's id, and an agent's ("": the host itself).
_Key = tuple[str, str]


def _asked(mngr: Mngr, logins: list[Login]) -> dict[str, list[_Key]]:
    """Whose each name could be; the first one has it: the default provider's, else the first provider's by name; an agent
    before a host. A host's name with its provider's is that host's, or its agent's that is called so."""
    asked: dict[str, list[_Key]] = {}
    order = sorted(logins, key=lambda one: one.provider != mngr.config.default_provider)
    agents = [(one, agent_id, name) for one in order for agent_id, name in one.agents.items()]
    for one, agent_id, name in agents:
        asked.setdefault(name, []).append((one.host_id, agent_id))
        asked.setdefault(f"{name}.{one.name}.{one.provider}", []).append((one.host_id, agent_id))
    for one in order:
        agent_id = next((key for key, name in one.agents.items() if name == one.name), "")
        if not agent_id:
            asked.setdefault(one.name, []).append((one.host_id, ""))
        asked.setdefault(f"{one.name}.{one.provider}", []).append((one.host_id, agent_id))
    for one, agent_id, name in agents:
        if name != one.name:
            asked.setdefault(f"{name}.{one.provider}", []).append((one.host_id, agent_id))
    return asked


def _own(key: _Key, asked: dict[str, list[_Key]]) -> list[str]:
    """The names that one has, the fullest last; its id, if another one has them all."""
    own = [name for name, keys in asked.items() if keys[0] == key]
    return own if own and "." in own[-1] else [*own, key[1] or key[0]]


def _block(login: Login, asked: dict[str, list[_Key]], known: frozenset[str]) -> str:
    users = {one: list(dict.fromkeys([*_own((login.host_id, one), asked), one])) for one in login.agents}
    names = list(dict.fromkeys([*_own((login.host_id, ""), asked), login.host_id, login.target.alias]))
    return user_config.block(login.target, names, known, users, f"{login.name}.{login.provider}")


def _writable(to: str) -> Path:
    path = Path(to).expanduser()
    if not to or path.is_dir() or not path.absolute().parent.is_dir():
        raise InvalidInput(f"{to!r} isn't a file that can be written", hint="name a file in a folder")
    return Path(path.resolve()) if path.is_symlink() else path


def _login(mngr: Mngr, host: HostView, remembered: dict[str, Login]) -> Login | None:
    """As it is now; of a host whose agents can't be read, as far as it is remembered."""
    record = host.record
    if not record.address:
        return None
    try:
        transport = mngr.provider(record.provider).transport(record)
    except MngrError:
        return None
    if not isinstance(transport, Ssh):
        return None
    agents = {one.record.id: one.record.name for one in host.agents if not one.half_made}
    if not host.agents_known and record.id in remembered:
        agents = {**remembered[record.id].agents, **agents}
    return Login(record.id, record.name, record.provider, transport.target, agents)


def _remembered(mngr: Mngr) -> dict[str, Login]:
    """The hosts that ops.memory knows, by their ids, by the ssh configs that were written for them."""
    found: dict[str, Login] = {}
    for name, one in memory.everything(mngr):
        target = _target(one.ssh) if one.ssh else None
        if target is not None:
            login = found.setdefault(
                one.host_id, Login(one.host_id, one.host_name, one.provider, target, {}, remembered=True)
            )
            login.agents[one.agent_id] = name
    return found


def _target(ssh: list[str]) -> SshTarget | None:
    """What `transport.ssh` wrote into a host's config; None if it isn't there any more."""
    config, alias = ssh
    try:
        lines = [line.strip().partition(" ") for line in Path(config).read_text().splitlines()]
        values = {key: value.strip('"').replace("%%", "%") for key, _, value in lines}
        return SshTarget(
            alias=alias, address=values["HostName"], port=int(values["Port"]), user=values["User"],
            key=Path(values["IdentityFile"]), known_hosts=Path(values["UserKnownHostsFile"]), config=Path(config),
            connect_timeout=float(values["ConnectTimeout"]),
        )  # fmt: skip
    except (OSError, KeyError, ValueError):
        return None
