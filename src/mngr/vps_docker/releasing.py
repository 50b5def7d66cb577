"""Releasing what a create made: after a failure, at a destroy, by the sweep."""

from collections.abc import Callable

from mngr.journal import Held
from mngr.model.errors import Interrupted, MngrError, brief
from mngr.model.progress import Progress, Step
from mngr.vps_docker import intents
from mngr.vps_docker.errors import VpsLeftBehind
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Gone, Handle, Later, MachineSpec

#: How long a release is waited for before it is left to the sweep, in seconds. Azure keeps some things for 180.
RELEASE_S = 240.0


def release(rented: Rented, spec: MachineSpec, handle: Handle, limit: float = RELEASE_S) -> str:
    """Releases what a create may have made, and waits until the cloud says that nothing is left: "" then.

    Otherwise why not, after `limit` seconds. Raises VpsApiError.
    """
    return until_gone(rented, lambda: rented.cloud.release(spec, handle), limit)


def until_gone(rented: Rented, act: Callable[[], Gone | Later], limit: float) -> str:
    """Does `act`, which may be repeated, until it answers Gone: "" then; otherwise why not, after `limit` seconds."""
    clock = rented.context.clock
    end = clock.monotonic() + limit
    while True:
        answer = act()
        if isinstance(answer, Gone):
            return ""
        if clock.monotonic() + answer.after_s > end:
            return answer.why
        clock.sleep(max(0.2, min(answer.after_s, 10.0)))


def take_back(rented: Rented, held: Held, error: BaseException, progress: Progress) -> None:
    """After a failed create: releases what it made, and forgets it. Then the caller raises `error` on.

    Raises VpsLeftBehind (Interrupted after Ctrl-C) naming what is left, if that fails; the intent then stays.
    """
    intent = held.intent
    if intent is None:
        return
    progress(Step("take back"))
    machine = intents.machine(intent)
    what = f"{machine.name} on {rented.name}"
    if intent.handle.get("id"):
        what += f" (machine {intent.handle['id']})"
    try:
        why = release(rented, machine, intent.handle)
    except KeyboardInterrupt:
        why = "interrupted again"
    except Exception as failure:
        why = brief(failure)
    if not why:
        rented.access.forget(intent.subject)
        held.done()
        return
    held.note(f"create failed ({brief(error)}); not yet released: {why}")
    kind = Interrupted if isinstance(error, KeyboardInterrupt | Interrupted) else VpsLeftBehind
    raise kind(
        f"{brief(error)}; and {what} couldn't be released, so it may go on being billed: {why}",
        hint=f"{_hint(error)}`mngr gc` tries again; it is remembered on this computer, and `mngr list` shows it",
        details=error.details if isinstance(error, MngrError) else "",
    ) from error


def _hint(error: BaseException) -> str:
    return f"{error.hint}; " if isinstance(error, MngrError) and error.hint else ""
