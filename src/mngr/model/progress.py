"""Progress: what an operation tells while it goes on."""

from collections.abc import Callable

import msgspec

from mngr.model.notes import Note


class Step(msgspec.Struct, frozen=True):
    """The operation is at this point now. `phase`: one of few names, which programs may rely on. `detail`: a step of
    that phase, in the words of who does it. `at_most_s`: how long the step may take, in seconds. `done`, `of`: bytes that have
    come, and of how many; None where that isn't known."""

    phase: str
    detail: str = ""
    at_most_s: float | None = None
    done: int | None = None
    of: int | None = None


Progress = Callable[[Step | Note], None]  #: Told of each step as it begins. A note is a warning.
