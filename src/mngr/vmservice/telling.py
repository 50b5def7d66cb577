"""What a call tells while it goes on. Whoever runs it listens (`heard`); where nobody does it is told to nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from mngr.model.notes import Note
from mngr.model.progress import Step


class Listener(Protocol):
    def step(self, told: Step | Note) -> None: ...

    def made(self, uuid: str) -> None: ...


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard(listener: Listener) -> Iterator[None]:
    """What this thread tells inside is told to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def step(told: Step | Note) -> None:
    """The call is at this point now."""
    if (listener := _listener.get()) is not None:
        listener.step(told)


def made(uuid: str) -> None:
    """The VM is there, whole, and has this UUID: whoever goes on with the call makes no other one."""
    if (listener := _listener.get()) is not None:
        listener.made(uuid)
