"""Settings for the user's own ssh: a block for each host, also for one that just now can't be asked about."""

from pathlib import Path

import msgspec

from mngr.model.errors import MngrError
from mngr.model.records import HostRecord
from mngr.model.views import Problem
from mngr.ops import memory
from mngr.ops.context import Mngr
from mngr.ops.listing import list_hosts
from mngr.transport import user_config
from mngr.transport.ssh import Ssh, SshTarget


class Login(msgspec.Struct, frozen=True):
    """How ssh gets to a host. `remembered`: as it was when it was last seen."""

    host_id: str
    name: str
    provider: str
    target: SshTarget
    remembered: bool = False


class UserConfig(msgspec.Struct, frozen=True):
    """`text` for the user's file. `shared`: host names that several providers have, with whose the short one is.
    `remembered`: the hosts that couldn't be asked about."""

    text: str
    shared: dict[str, str]
    remembered: list[str]
    errors: list[Problem]


def user_ssh_config(mngr: Mngr) -> UserConfig:
    """Reads all providers. What can't be read now is written as it is remembered: nothing vanishes."""
    whole = list_hosts(mngr)
    logins = [login for host in whole.hosts if (login := _login(mngr, host.record))]
    unread = {problem.provider for problem in whole.errors}
    seen = {login.host_id for login in logins}
    shown = {host.record.id for host in whole.hosts}
    logins += [
        login
        for login in _remembered(mngr)
        if login.host_id not in seen and (login.provider in unread or login.host_id in shown)
    ]
    logins.sort(key=lambda one: (one.provider, one.name, one.host_id))
    short = _short_names(mngr, logins)
    known = user_config.options_known() if logins else frozenset()
    text = "".join(user_config.block(one.target, _names(one, short), known) for one in logins)
    places: dict[str, set[str]] = {}
    for one in logins:
        places.setdefault(one.name, set()).add(one.provider)
    return UserConfig(
        text,
        {name: short[name].provider for name, providers in places.items() if len(providers) > 1},
        [f"{one.name}.{one.provider}" for one in logins if one.remembered],
        whole.errors,
    )


def _names(login: Login, short: dict[str, Login]) -> list[str]:
    own = [login.name] if short[login.name] is login else []
    return [*own, f"{login.name}.{login.provider}", login.target.alias]


def _short_names(mngr: Mngr, logins: list[Login]) -> dict[str, Login]:
    """Who has a name by itself: the default provider's host, else the first provider's by name."""
    found: dict[str, Login] = {}
    for one in logins:
        if one.name not in found or one.provider == mngr.config.default_provider:
            found[one.name] = one
    return found


def _login(mngr: Mngr, record: HostRecord) -> Login | None:
    if not record.address:
        return None
    try:
        transport = mngr.provider(record.provider).transport(record)
    except MngrError:
        return None
    if not isinstance(transport, Ssh):
        return None
    return Login(record.id, record.name, record.provider, transport.target)


def _remembered(mngr: Mngr) -> list[Login]:
    """The hosts that ops.memory knows, by the ssh configs that were written for them."""
    found: dict[str, Login] = {}
    for one in memory.everything(mngr):
        target = _target(one.ssh) if one.ssh else None
        if target is not None:
            found[one.host_id] = Login(one.host_id, one.host_name, one.provider, target, remembered=True)
    return list(found.values())


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
