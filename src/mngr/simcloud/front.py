"""The way of one API call: recorded, let in or turned away, held, broken as ordered, committed, answered."""

from __future__ import annotations

import time
import traceback
from email.utils import formatdate
from typing import Any

from mngr.simcloud.call import ApiError
from mngr.simcloud.calls import Entry
from mngr.simcloud.cloud import Core
from mngr.simcloud.faults import ANSWER_FAULTS, Fault
from mngr.simcloud.http import HangUp, Request, Response
from mngr.simcloud.vendor import Vendor

UNANSWERED_LIMIT_S = 600.0


class Front:
    """Callable: what the HTTP server asks for each request."""

    def __init__(self, core: Core, vendor: Vendor[Any, Any]) -> None:
        self._core = core
        self._vendor = vendor

    def __call__(self, request: Request) -> Response:
        call = self._core.calls.begin(request)
        try:
            response = self._answer(request, call)
        except HangUp:
            self._core.calls.end(call, call.outcome if call.outcome != "in_progress" else "dropped")
            raise
        except Exception:
            traceback.print_exc()
            response = self._vendor.refusal(ApiError(500, "Internal server error."))
        self._core.calls.end(call, "answered", response.status)
        # Clients take the cloud's time from here, so that leases go by it.
        response.headers.setdefault("Date", formatdate(self._core.clock.now(), usegmt=True))
        return response

    def _answer(self, request: Request, call: Entry) -> Response:
        if turned_away := self._vendor.turn_away(request):
            return turned_away
        prefix = self._vendor.prefix
        due = self._core.faults.due(request, prefix)
        call.faults = [fault.do for fault in due]
        by_kind = {fault.do: fault for fault in due}
        self._core.gates.hold(request, prefix, "before_commit")
        if refused := self._before_commit(request, by_kind, call):
            return refused
        response = self._commit(request)
        self._hold_committed(request, call, "after_commit")
        self._after_commit(request, by_kind, call)
        self._hold_committed(request, call, "before_answer")
        return response

    def _before_commit(self, request: Request, by_kind: dict[str, Fault], call: Entry) -> Response | None:
        """Faults of a call that never takes effect, and those that change how it does."""
        if fault := by_kind.get("delay"):
            self._core.jobs.stopping.wait(fault.delay_s)
        if fault := by_kind.get("throttle"):
            after = {"Retry-After": str(fault.retry_after_s)}
            return self._vendor.refusal(ApiError(429, "Rate limit reached, please try again later.", after))
        if fault := by_kind.get("error"):
            if fault.body is not None:
                return Response(fault.status, fault.body)
            return self._vendor.refusal(ApiError(fault.status, "An error that was ordered."))
        if "no_capacity" in by_kind:
            return self._vendor.refusal(self._vendor.no_capacity())
        if (fault := by_kind.get("timeout")) and fault.how != "after_commit":
            self._never_answer(request, call)
        if fault := by_kind.get("stale"):
            request.as_of = self._core.clock.now() - fault.lag_s
        request.faults = {kind: fault for kind, fault in by_kind.items() if kind not in ANSWER_FAULTS}
        return None

    def _commit(self, request: Request) -> Response:
        with self._core.lock:
            self._core.catch_up()
            return self._vendor.handle(request)

    def _after_commit(self, request: Request, by_kind: dict[str, Fault], call: Entry) -> None:
        """Faults of a call that has taken effect, which its caller can't know."""
        if (fault := by_kind.get("timeout")) and fault.how == "after_commit":
            self._never_answer(request, call)
        if "lose_answer" in by_kind:
            call.outcome = "lost"
            raise HangUp

    def _hold_committed(self, request: Request, call: Entry, at: str) -> None:
        try:
            self._core.gates.hold(request, self._vendor.prefix, at)
        except HangUp:
            call.outcome = "lost"
            raise

    def _never_answer(self, request: Request, call: Entry) -> None:
        """Keep silent until the client gives up."""
        call.outcome = "unanswered"
        end = time.monotonic() + UNANSWERED_LIMIT_S
        while time.monotonic() < end and not request.hung_up():
            if self._core.jobs.stopping.wait(0.05):
                break
        raise HangUp
