"""What a vendor brings: its operations, its words, who may call, and what there is. The rest is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from mngr.simcloud.call import ApiError, Call, Words, read_object
from mngr.simcloud.http import Request, Response
from mngr.simcloud.routing import Operation, Router, State

Asked = TypeVar("Asked", bound=Call)
WITH_BODY = ("POST", "PUT", "PATCH")


class Vendor(ABC, Generic[State, Operation]):
    """One cloud's API. `handle` runs under the core's lock and is the commit of a call."""

    prefix: str
    """What its paths begin with, e.g. `/v2`."""
    words: Words

    def __init__(self, state: State, routes: Iterable[Operation], *, ignore_case: bool = False) -> None:
        self.state = state
        self.router = Router(routes, ignore_case=ignore_case)

    @abstractmethod
    def admit(self, request: Request) -> None:
        """Raises ApiError for a caller that may not come in: over the rate limit, or not authenticated."""

    @abstractmethod
    def error(self, problem: ApiError) -> Response:
        """An error in this vendor's words."""

    @abstractmethod
    def no_capacity(self) -> ApiError: ...

    @abstractmethod
    def resources(self) -> list[dict[str, Any]]:
        """All that exists: kind, id, name, tags, state, region, plan, address, created."""

    @abstractmethod
    def power_changed(self, id: str, running: bool) -> None:
        """A machine went off or came on by itself."""

    @abstractmethod
    def env(self, url: str) -> dict[str, str]:
        """What a client must export to reach this cloud."""

    def control_routes(self) -> dict[tuple[str, str], Callable[[Request], Any]]:
        """More of the control interface: (method, path) to what answers it."""
        return {}

    def bare(self, path: str) -> str:
        """A request's path as routes have it; what isn't below the prefix fits none."""
        return path.removeprefix(self.prefix).rstrip("/") if path.startswith(self.prefix) else ""

    def call(self, request: Request, route: Operation, parts: Mapping[str, str]) -> Any:
        """What the route's handler is given."""
        body = read_object(request, self.words) if request.method in WITH_BODY else {}
        return Call(request, parts, body, self.words)

    def answer(self, request: Request) -> Response:
        """Raises ApiError."""
        path = self.bare(request.path)
        found = self.router.find(request.method, path)
        if found is None:
            if methods := self.router.methods(path):
                said = {"method": request.method, "methods": ", ".join(methods)}
                raise ApiError(405, self.words.wrong_method.format(**said))
            raise ApiError(404, self.words.no_route)
        route, parts = found
        answer = route.answer(self.state, self.call(request, route, parts))
        return answer if isinstance(answer, Response) else Response(route.status, answer)

    def finished(self, response: Response) -> Response:
        """Every answer goes through here."""
        return response

    def turn_away(self, request: Request) -> Response | None:
        """The answer to a caller that may not come in."""
        try:
            self.admit(request)
        except ApiError as problem:
            return self.refusal(problem)
        return None

    def handle(self, request: Request) -> Response:
        try:
            return self.finished(self.answer(request))
        except ApiError as problem:
            return self.refusal(problem)

    def refusal(self, problem: ApiError) -> Response:
        response = self.error(problem)
        response.headers.update(problem.headers)
        return self.finished(response)
