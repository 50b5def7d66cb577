"""How a cloud behaves, as switches: `GET` and `POST /behaviour` on the control port."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from mngr.simcloud.http import Request
from mngr.simcloud.match import refuse_unknown


@dataclass
class Switches:
    """A vendor's are a dataclass below this one. Names that end in `_s` are seconds of the cloud's clock; `--speed` divides
    them. 0 or False is off."""

    CHOICES: ClassVar[dict[str, tuple[str, ...]]] = {}
    """The values that a switch may have, where that isn't all of its type."""

    def view(self) -> dict[str, Any]:
        return asdict(self)

    def change(self, data: dict[str, Any]) -> None:
        """Take what `POST /behaviour` gets. Raises ValueError if it can't be meant so, and then changes nothing."""
        refuse_unknown("behaviour", data, [field.name for field in fields(self)])
        changes = {name: _value(name, value, getattr(self, name)) for name, value in data.items()}
        for name in self.CHOICES.keys() & changes.keys():
            *others, last = self.CHOICES[name]
            if changes[name] not in (*others, last):
                raise ValueError(f"behaviour: {name} is {', '.join(others)} or {last}")
        for name, value in changes.items():
            setattr(self, name, value)

    def controls(self, lock: AbstractContextManager[Any]) -> dict[tuple[str, str], Callable[[Request], Any]]:
        """The two calls of the control port. `lock`: held while something is changed."""

        def change(request: Request) -> dict[str, Any]:
            with lock:
                self.change(request.json())
            return self.view()

        return {("GET", "/behaviour"): lambda request: self.view(), ("POST", "/behaviour"): change}

    def speed_up(self, factor: float) -> None:
        """Divide every duration."""
        for field in fields(self):
            if field.name.endswith("_s"):
                setattr(self, field.name, getattr(self, field.name) / factor)


def _value(name: str, value: Any, present: Any) -> Any:
    if isinstance(present, tuple):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"behaviour: {name} is a list of strings")
        return tuple(value)
    if isinstance(present, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(present):
        raise ValueError(f"behaviour: {name} is a {type(present).__name__}, not {value!r}")
    if isinstance(value, (int, float)) and value < 0:
        raise ValueError(f"behaviour: {name} can't be negative")
    return value
