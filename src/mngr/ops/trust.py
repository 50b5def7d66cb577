"""What may go to a host whose first host key nobody has verified: nothing that may hold a secret, unless the user says so."""

from collections.abc import Mapping

from mngr.hosts import layout
from mngr.model.errors import InvalidInput
from mngr.model.records import SshTrust
from mngr.ops.notes import Withheld
from mngr.ops.request import CreateRequest
from mngr.providers.contract import HostProvider


def may_have_secrets(provider: HostProvider, ssh_trust: SshTrust, *, sends: bool) -> bool:
    """Whether what may be a secret goes to a host of this `ssh_trust`: an unverified one may be an impostor's. `sends`: the
    user said `--trust-first-contact`."""
    return ssh_trust != "unverified" or provider.abilities.sends_unverified or sends


def withheld(
    provider: HostProvider,
    ssh_trust: SshTrust,
    request: CreateRequest,
    env: Mapping[str, str],
    settings: Mapping[str, bytes],
) -> list[Withheld]:
    """The agent's variables, and the user's `settings`, that don't go to its host, of this `ssh_trust`: all of them or none."""
    names = [*sorted(env), *(["tell_url"] if settings.get(layout.TELL_URL) else [])]
    if not names or may_have_secrets(provider, ssh_trust, sends=request.trust_first_contact):
        return []
    host = request.host or request.name
    return [Withheld(agent=request.name, names=names, host=host, backend=provider.backend)]


def settings(
    provider: HostProvider, ssh_trust: SshTrust, files: Mapping[str, bytes], *, sends: bool = False
) -> dict[str, bytes]:
    """The files of `Mngr.host_settings` as they go to a host of this `ssh_trust`: without `tell_url`, which is as secret as a
    token, where secrets don't."""
    if may_have_secrets(provider, ssh_trust, sends=sends):
        return dict(files)
    return {**files, layout.TELL_URL: b""}


def check_snapshot(provider: HostProvider, *, sends: bool) -> None:
    """Raises InvalidInput, before anything is paid, where a snapshot would go to a machine that can only be verified
    afterwards: image and volume hold whatever its agents had."""
    abilities = provider.abilities
    if may_have_secrets(provider, abilities.ssh_trust, sends=sends):
        return
    raise InvalidInput(
        f"a snapshot may hold secrets, and a new host on {provider.name} isn't verified when it is restored; nothing was made",
        hint="--trust-first-contact sends it all the same"
        + (f" ({abilities.trust_page} says what that risks)" if abilities.trust_page else "")
        + "; or restore it elsewhere, "
        "with --provider docker, say",
    )
