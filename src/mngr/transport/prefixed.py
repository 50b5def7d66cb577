"""A Transport whose commands run through another command there: one that sets environment variables, or a user."""

from collections.abc import Sequence

from mngr.transport.base import Completed, Input, Transport


class Prefixed:
    """Runs each argv as `prefix argv…` over another transport; all else is that transport's."""

    def __init__(self, over: Transport, prefix: Sequence[str]) -> None:
        self.over = over
        self.place = over.place
        self._prefix = list(prefix)

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return self.over.argv([*self._prefix, *argv], tty=tty)

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        return self.over.run([*self._prefix, *argv], input=input, timeout=timeout, check=check)
