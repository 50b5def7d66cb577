"""One look at a rented machine, in one round trip: its store, its container, the agents in it, the guard."""

from collections.abc import Sequence

import msgspec

from mngr.containers.docker import Docker
from mngr.containers.store import HostStore
from mngr.containers.survey import Survey
from mngr.hosts import scripts
from mngr.model.numbers import whole
from mngr.transport.base import Completed, Input, Transport, checked
from mngr.transport.prefixed import Prefixed

#: The whole round trip, in seconds.
LIMIT_S = 40.0


class MachineFacts(msgspec.Struct, kw_only=True):
    """What was seen. `ends_at`: the container's deadline; `stopped`: why the guard stopped it, as it wrote it."""

    survey: Survey = Survey()
    ends_at: float | None = None
    stopped: str = ""


def look(machine: Transport, instance: str) -> MachineFacts:
    """Raises Unreachable (the machine, or its Docker daemon), TimedOut."""
    together = _WithGuard(machine)
    survey = HostStore(Docker(together), instance).survey(timeout=LIMIT_S)
    facts = MachineFacts(survey=survey)
    ends_at, _, facts.stopped = together.guard.partition(" ")
    if (number := whole(ends_at)) is not None:
        facts.ends_at = float(number)
    return facts


class _WithGuard(Prefixed):
    """The machine, whose command brings the guard's facts along."""

    def __init__(self, over: Transport) -> None:
        super().__init__(over, ["sh", "-c", scripts.text("machine-probe"), "machine-probe"])
        self.guard = ""

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        done = super().run(argv, input=input, timeout=timeout, check=False)
        first, _, rest = done.stdout.partition(b"\n")
        word, _, facts = first.decode(errors="replace").partition(" ")
        if word == "mngr-guard":
            self.guard = facts
            done = Completed(done.code, rest, done.stderr)
        return checked(done, argv[0], self.place) if check else done
