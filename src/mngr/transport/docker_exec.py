"""A container of a Docker daemon that the `docker` command reaches, as a Transport."""

from collections.abc import Sequence

from mngr.transport.base import Completed, Input, Transport, checked


class DockerExec:
    """Runs commands in container `name` with `docker exec`, over any other Transport that has `docker`."""

    def __init__(self, name: str, over: Transport) -> None:
        self.name = name
        self.over = over
        self.place = f"container {name} on {over.place}"

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        flags = ["-it"] if tty else ["-i"]
        return self.over.argv(["docker", "exec", *flags, self.name, *argv], tty=tty)

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        done = self.over.run(
            ["docker", "exec", "-i", self.name, *argv], input=input, timeout=timeout, check=False
        )
        return checked(done, argv[0], self.place) if check else done
