"""What may go to a host whose first host key nobody has verified: nothing that may hold a secret, unless the user says so."""

from collections.abc import Iterable

from mngr.model.errors import InvalidInput
from mngr.model.records import HostRecord
from mngr.ops.context import Mngr
from mngr.providers.contract import HostProvider


def withheld(mngr: Mngr, record: HostRecord, agent: str, env: Iterable[str], *, sends: bool) -> list[str]:
    """What is said when an agent doesn't get the variables `env`: values may be secrets, and an unverified host an
    impostor's. Empty when it does. `sends`: the user said `--trust-first-contact`."""
    names = ", ".join(sorted(env))
    if record.ssh_trust != "unverified" or not names or sends:
        return []
    if mngr.provider(record.provider).abilities.sends_unverified:
        return []
    return [
        f"withheld from {agent}: {names}, as the first contact with {record.name} isn't verified; "
        f"`mngr {record.backend} verify {record.name} --fingerprint …` confirms it, `--trust-first-contact` sends them all the same"
    ]


def check_snapshot(provider: HostProvider, *, sends: bool) -> None:
    """Raises InvalidInput, before anything is paid, where a snapshot would go to a machine that can only be verified
    afterwards: image and volume hold whatever its agents had."""
    abilities = provider.abilities
    if abilities.ssh_trust != "unverified" or abilities.sends_unverified or sends:
        return
    raise InvalidInput(
        f"a snapshot may hold secrets, and a new host on {provider.name} isn't verified when it is restored; nothing was made",
        hint="--trust-first-contact sends it all the same"
        + (f" ({abilities.trust_page} says what that risks)" if abilities.trust_page else "")
        + "; or restore it elsewhere, "
        "with --provider docker, say",
    )
