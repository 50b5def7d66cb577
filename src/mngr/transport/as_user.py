"""A host on which commands run as the user that its agents run as, over any other Transport to it."""

from collections.abc import Sequence

from mngr.transport.base import Completed, Input, Transport


class AsUser:
    """`script`: the text of as-user.sh. `made`: a directory that is made for the user first ("": none)."""

    def __init__(self, over: Transport, script: str, host_dir: str, made: str = "") -> None:
        self.over = over
        self.place = over.place
        self._prefix = ["sh", "-c", script, "as-user", host_dir, made]

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return self.over.argv([*self._prefix, *argv], tty=tty)

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        return self.over.run([*self._prefix, *argv], input=input, timeout=timeout, check=check)
