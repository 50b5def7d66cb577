"""This computer as a Transport."""

from collections.abc import Sequence

from mngr.transport.base import Completed, Input, checked, run_local


class Local:
    """Runs commands here, without a shell in between."""

    place = "this computer"

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return list(argv)

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        done = run_local(argv, place=self.place, what=argv[0], input=input, timeout=timeout)
        return checked(done, argv[0], self.place) if check else done
