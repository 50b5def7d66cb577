"""Stratus, a simulated cloud that another distribution brings: machines by the hour, and no more than any vendor needs."""

from __future__ import annotations

import argparse
import uuid
from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.bill import Hourly
from mngr.simcloud.call import ApiError, Call, Words
from mngr.simcloud.clock import iso
from mngr.simcloud.cloud import Account, Core
from mngr.simcloud.http import Request, Response
from mngr.simcloud.life import Life
from mngr.simcloud.machines.base import MachineSpec, Options
from mngr.simcloud.routing import Route
from mngr.simcloud.table import Table
from mngr.simcloud.vendor import Vendor

WORDS = Words(
    no_route="no such path",
    wrong_method="only {methods}",
    not_json="no JSON",
    no_object="no object",
    missing="{name} is missing",
    wrong="{name} must be a {kind}",
    kinds={},
)


@dataclass(frozen=True)
class Machine:
    id: str
    name: str
    tags: tuple[str, ...]
    created: float
    state: str = "building"
    address: str = ""

    def view(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "state": self.state, "address": self.address}


@dataclass
class State(Account):
    token: str
    machines: Table[Machine] = field(init=False)
    life: Life = field(init=False)

    def __post_init__(self) -> None:
        self.machines = Table(self.core, "no such machine")
        self.life = Life(self.core, lambda id: self.machines.get(id) is not None)


def create(state: State, call: Call) -> dict[str, Any]:
    name, tags, now = call.text("name", required=True), call.texts("tags"), state.now()
    made = Machine(str(uuid.uuid4()), name, tags, now)
    state.machines.put(made.id, made)
    state.core.bill.open(made.id, "machine", name, tags, Hourly(0.01, 5))

    def on(address: str) -> None:
        state.machines.change(made.id, address=address)

    def up() -> None:
        state.machines.change(made.id, state="running")

    spec = MachineSpec(made.id, name)
    state.life.boot(made.id, now, call.request.faults, spec=lambda: spec, on=on, up=up)
    return made.view()


def list_machines(state: State, call: Call) -> list[dict[str, Any]]:
    return [one.view() for one in state.machines.list(call.as_of)]


def get(state: State, call: Call) -> dict[str, Any]:
    return state.machines.find(call.parts["id"], call.as_of).view()


def delete(state: State, call: Call) -> None:
    id = state.machines.find(call.parts["id"]).id
    state.machines.remove(id)
    state.core.bill.close(id)
    state.life.end(id)


class Stratus(Vendor[State, Route[State, Call]]):
    prefix = "/v1"
    words = WORDS

    def __init__(self, state: State) -> None:
        routes = (
            Route("POST", "/machines", create, 201),
            Route("GET", "/machines", list_machines),
            Route("GET", "/machines/{id}", get),
            Route("DELETE", "/machines/{id}", delete, 204),
        )
        super().__init__(state, routes)

    def admit(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.state.token}":
            raise ApiError(401, "who are you?")

    def error(self, problem: ApiError) -> Response:
        return Response(problem.status, {"message": str(problem)})

    def no_capacity(self) -> ApiError:
        return ApiError(409, "sold out")

    def power_changed(self, id: str, running: bool) -> None:
        self.state.machines.change(id, state="running" if running else "stopped")

    def env(self, url: str) -> dict[str, str]:
        return {"STRATUS_TOKEN": self.state.token, "STRATUS_URL": url}

    def resources(self) -> list[dict[str, Any]]:
        return [
            {"kind": "machine", **one.view(), "tags": list(one.tags), "created": iso(one.created)}
            for one in self.state.machines.list()
        ]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--token", default="t0ken")


def start(args: argparse.Namespace, core: Core, options: Options) -> Stratus:
    return Stratus(State(core, args.token))
