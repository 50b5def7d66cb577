"""All hosts and agents of all providers, each provider asked at the same time; part of the truth beats none."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from mngr.model.clock import within
from mngr.model.errors import MngrError
from mngr.model.views import Listing, Problem
from mngr.ops import memory
from mngr.ops.context import Mngr

#: What a provider is asked for ends by then (model.clock.within), in seconds; what doesn't is an error row a second later.
LIMIT_S = 90.0
#: The same, where a person or a program waits for the list itself.
LIST_LIMIT_S = 8.0
#: Where nothing new came for so long, whoever waits is told what there is.
QUIET_S = 0.7

Waiting = Callable[
    [Listing, Sequence[str]], None
]  #: Told what there is, and the providers that are waited for.


def list_hosts(
    mngr: Mngr, providers: Sequence[str] = (), only: Collection[str] | None = None, *,
    limit_s: float = LIMIT_S, waiting: Waiting | None = None,
) -> Listing:  # fmt: skip
    """Hosts with their agents, and an error row for whatever couldn't be read. `only`: host names or ids.

    Raises InvalidInput if one of `providers` is none, MngrError if MNGR_HOME is new and can't be written.
    """
    mngr.laptop  # noqa: B018  said once, not by each provider
    mngr.config  # noqa: B018  read once, before the threads want it
    wanted = list(dict.fromkeys(mngr.asked(providers)))
    found = _ask(mngr, wanted, only, limit_s, waiting)
    late = {name: Listing(errors=[_late(name, limit_s)]) for name in wanted if name not in found}
    whole = _together(wanted, {**found, **late})
    if only is None:
        memory.learn(mngr, whole, wanted)
    return whole


def _ask(
    mngr: Mngr, wanted: Sequence[str], only: Collection[str] | None, limit_s: float, waiting: Waiting | None
) -> Mapping[str, Listing]:
    """What each provider says that answers in time."""
    found: dict[str, Listing] = {}
    came = threading.Event()

    def ask(provider: str) -> None:
        with within(limit_s):
            found[provider] = _one(mngr, provider, only)
        came.set()

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in wanted]
    for thread in threads:
        thread.start()
    ends = mngr.clock.monotonic() + limit_s + 1
    told: Sequence[str] = ()
    while (late := [name for name in wanted if name not in found]) and mngr.clock.monotonic() < ends:
        if came.wait(max(0.0, min(QUIET_S, ends - mngr.clock.monotonic()))):
            came.clear()
        elif waiting and late != told:
            told = late
            waiting(_together(wanted, dict(found)), late)
    if late:
        _see_to_end(threads)
    return dict(found)


def _see_to_end(threads: Sequence[threading.Thread]) -> None:
    """Threads that are late run no Python any more when the interpreter ends: those that will end do so before. (One that
    hangs in a system call, such as for a name's address, is left there.)"""
    import atexit

    def join() -> None:
        for thread in threads:
            thread.join(0.5)

    atexit.register(join)


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


def _together(wanted: Sequence[str], found: Mapping[str, Listing]) -> Listing:
    listings = [found[name] for name in wanted if name in found]
    whole = Listing(
        hosts=[host for one in listings for host in one.hosts],
        errors=[error for one in listings for error in one.errors],
        spares=[spare for one in listings for spare in one.spares],
    )
    whole.hosts.sort(key=lambda host: (host.record.provider, host.record.created_at, host.record.name))
    return whole


def _late(provider: str, limit_s: float) -> Problem:
    return Problem(provider=provider, what="provider", error=f"no answer within {limit_s:g} s")
