"""Operations that a service's end left running, when the next one starts.

It goes on with those that a caller knows the id of, and with deletes; else, and where it can't, they have failed and say why. What a
killed create or delete left is cleared away in both cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mngr.model.errors import Conflict, MngrError, NotFound, Unreachable
from mngr.model.waiting import looks
from mngr.vmservice.operations import Live, Long, problem_of, target_of
from mngr.vmservice.store import Row

if TYPE_CHECKING:
    from mngr.vms.hypervisor import Hypervisor
    from mngr.vmservice.service import Service

#: So long libvirt may take to come back, before those that were gone on with fail.
LIBVIRT_S = 120.0
_HINT = "ask again: what is there already stays as it is"


def left(service: Service, actions: Mapping[str, Long]) -> list[Live]:
    """Those that somebody must `work` at now, with `going_on`. Others have failed by then."""
    found, store = [], service.operations.store
    for row in store.running():
        try:
            live = _live(service, row, actions)
        except MngrError as problem:
            told = problem_of(problem).model_dump_json()
            store.end(row.id, "failed", service.now(), phase=row.phase, problem=told)
        else:
            service.operations.take_up(live)
            found.append(live)
    return found


def _live(service: Service, row: Row, actions: Mapping[str, Long]) -> Live:
    """Raises MngrError with the reason if it can't be gone on with."""
    ended = "the service was ended in the middle of it"
    if not row.promised:
        raise Unreachable(f"{ended}, and its caller with it", hint=_HINT)
    if not row.asked:
        raise Unreachable(f"{ended}, and what was asked for is kept nowhere, as it may be secret", hint=_HINT)
    if row.uri != service.uri:
        raise Unreachable(f"{ended} on {row.uri}, and is on {service.uri} now", hint=_HINT)
    if (action := actions.get(row.action)) is None:
        raise Unreachable(f"{ended}, and this version of mngr has no {row.action}")
    try:
        asked = action.request.model_validate_json(row.asked)
    except ValueError:
        raise Unreachable(
            f"{ended}, and this version of mngr doesn't understand what was asked for", hint=_HINT
        ) from None
    return Live(service.operations.store, row.id, action, asked, uuid=row.uuid)


def going_on(live: Live) -> Callable[[Service, Any], Any]:
    """Does the rest: all such actions may be repeated. A VM that was made or meant before is made no second time, and no other
    one of its name is meant."""
    action = live.action

    def run(service: Service, asked: Any) -> Any:
        name = target_of(asked)
        hypervisor = _libvirt(service)
        there = hypervisor.find(name) if name else None
        if live.uuid and there is not None and there.UUIDString() != live.uuid:
            if action.gone:
                return action.gone(asked)
            raise Conflict(f"there is another VM {name} by now", hint="ask again if that one is meant")
        if live.uuid and there is None and action.plan:
            raise NotFound(f"VM {name} was removed after it was made", hint="ask again for a new one")
        if action.plan:
            with suppress(MngrError):  # which `run` meets, too
                live.plan = action.plan(service, asked)
        try:
            return action.run(service, asked)
        except NotFound:
            if not action.gone:
                raise
            return action.gone(asked)

    return run


def _libvirt(service: Service) -> Hypervisor:
    """It may start beside the service, and after it. Raises Unreachable."""
    last: Unreachable | None = None
    for _ in looks(service.clock, LIBVIRT_S):
        try:
            return service.hypervisor()
        except Unreachable as problem:
            last = problem
    assert last is not None
    raise last
