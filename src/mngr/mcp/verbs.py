"""What a tool of `mngr mcp` is, and for whom it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mngr.config.home import home
from mngr.model.progress import Progress
from mngr.vmservice.scopes import Scope
from mngr.vmservice.shapes import Shape

if TYPE_CHECKING:
    from mngr import Mngr
    from mngr.vmservice.service import Service


@dataclass
class Caller:
    """`client`: whose agents those are that it makes."""

    client: str
    progress: Progress = lambda told: None
    home: Path = field(default_factory=home)

    @cached_property
    def mngr(self) -> Mngr:
        from mngr import Mngr

        return Mngr(progress=self.progress)

    @cached_property
    def vms(self) -> Service:
        """VMs on this computer's libvirt."""
        from mngr.vmservice import settings
        from mngr.vmservice.service import Service

        return Service(settings.read())


@dataclass(frozen=True)
class Verb:
    """`run(caller, asked)`: its answer, a model, a Struct or a dict that fits the JSON Schema `answer`; raises MngrError. `again`: given
    twice it does no more than once. `long`: whether a call goes on without its client, as an operation."""

    name: str
    about: str
    scope: Scope
    request: type[Shape]
    answer: Mapping[str, Any]
    run: Callable[[Caller, Any], Any]
    again: bool = False
    long: Callable[[Any], bool] = lambda asked: False


def long_schema(shape: type[Shape]) -> dict[str, Any]:
    """Of a call that may be long: its operation is an answer, too."""
    from pydantic import TypeAdapter

    from mngr.vmservice.long import Operation

    both: TypeAdapter[Any] = TypeAdapter(shape | Operation)  # type: ignore[arg-type]
    return {"type": "object", **both.json_schema(mode="serialization")}


def schema(shape: type[Shape]) -> dict[str, Any]:
    """JSON Schema of an answer."""
    made: dict[str, Any] = shape.model_json_schema(mode="serialization")
    return made
