"""All hosts and agents of all providers, each provider asked at the same time; part of the truth beats none."""

from collections.abc import Collection, Sequence

from mngr.model.errors import MngrError
from mngr.model.views import Listing, Problem
from mngr.ops import memory
from mngr.ops.context import Mngr

#: A provider that hasn't answered by then is an error row.
LIMIT_S = 90


def list_hosts(mngr: Mngr, providers: Sequence[str] = (), only: Collection[str] | None = None) -> Listing:
    """Hosts with their agents, and an error row for whatever couldn't be read. `only`: host names or ids.

    Raises InvalidInput if one of `providers` is none, MngrError if MNGR_HOME is new and can't be written.
    """
    mngr.laptop  # noqa: B018  said once, not by each provider
    wanted = mngr.asked(providers)
    listings = [_one(mngr, wanted[0], only)] if len(wanted) == 1 else _parallel(mngr, wanted, only)
    whole = Listing()
    for listing in listings:
        whole.hosts += listing.hosts
        whole.errors += listing.errors
    whole.hosts.sort(key=lambda host: (host.record.provider, host.record.created_at, host.record.name))
    if only is None:
        memory.learn(mngr, whole, wanted)
    return whole


def _one(mngr: Mngr, provider: str, only: Collection[str] | None) -> Listing:
    try:
        return mngr.provider(provider).discover(only)
    except MngrError as error:
        return Listing(
            errors=[Problem(provider=provider, what="provider", error=error.message, hint=error.hint)]
        )
    except Exception as error:  # a bug or surprise in one backend must not blank the others
        return Listing(
            errors=[Problem(provider=provider, what="provider", error=f"{type(error).__name__}: {error}")]
        )


def _parallel(mngr: Mngr, wanted: Sequence[str], only: Collection[str] | None) -> list[Listing]:
    import threading

    mngr.config  # noqa: B018  read once, before the threads want it
    found: dict[str, Listing] = {}

    def ask(provider: str) -> None:
        found[provider] = _one(mngr, provider, only)

    threads = {name: threading.Thread(target=ask, args=(name,), daemon=True) for name in wanted}
    for thread in threads.values():
        thread.start()
    end = mngr.clock.monotonic() + LIMIT_S
    for thread in threads.values():
        thread.join(max(0.0, end - mngr.clock.monotonic()))
    return [found.get(name) or Listing(errors=[_late(name)]) for name in wanted]


def _late(provider: str) -> Problem:
    return Problem(provider=provider, what="provider", error=f"no answer within {LIMIT_S} s")
