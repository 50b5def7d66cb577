"""Whose account the credentials at hand are of, and hosts and intents that belong to another one.

Another account's cloud says of our machines what it says of those that are gone: it doesn't have them. So a host is
remembered, and an intent written, with its account; and under another account's credentials nothing is concluded.
"""

from mngr.model.clock import iso
from mngr.model.errors import MngrError, Unreachable
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.rented import Rented


def here(rented: Rented) -> str:
    """The account of the credentials at hand, in words; "" where the cloud doesn't say it."""
    try:
        return rented.cloud.account()
    except MngrError:
        return ""


def foreign(rented: Rented, account: str) -> str:
    """Why nothing can be said here of what belongs to `account`; "" if it is ours, or whose it is isn't known."""
    mine = here(rented) if account else ""
    if not mine or mine == account:
        return ""
    return f"account {mine}, whose credentials are used here, doesn't know it; it is account {account}'s"


def unknown_here(rented: Rented, seen: Remembered) -> str:
    """As `foreign`, of a host that was seen before."""
    why = foreign(rented, seen.account)
    told = f"{why}, where it was last seen on {iso(seen.at)}, and billed on as long as it is there"
    return told if why else ""


def insist(rented: Rented, what: str, account: str) -> None:
    """Raises Unreachable if `what` belongs to another account than the one at hand."""
    why = foreign(rented, account)
    if why:
        raise Unreachable(
            f"{what}: {why}",
            hint=f"use that account's credentials for {rented.name}, or give them a provider instance of their own",
        )
