"""Docker commands on a machine, over any Transport: OpenSSH to a rented machine, or this computer itself."""

from collections.abc import Sequence
from pathlib import Path

from mngr.model.errors import TimedOut, Unreachable
from mngr.transport import base
from mngr.transport.base import Completed, Transport
from mngr.transport.docker_exec import DockerExec

#: What `docker` and the daemon's library say when the daemon wasn't spoken to. It then said nothing about what it has.
_NO_DAEMON = (
    "Cannot connect to the Docker daemon",
    "error during connect",
    "permission denied while trying to connect to the Docker daemon",
    "Is the docker daemon running",
    "docker: not found",
    "docker: command not found",
    "docker': No such file or directory",
)


class DockerOverSsh:
    """Runs `docker` where `transport` leads. `host` is the daemon's address there (`DOCKER_HOST`; "" is docker's default)."""

    def __init__(self, transport: Transport, *, host: str = "") -> None:
        self.transport: Transport = WithEnvironment(transport, DOCKER_HOST=host) if host else transport
        self.place = transport.place

    def run(self, *argv: str, input: bytes = b"", timeout: float = 60, check: bool = True) -> Completed:
        """`docker ARGV…`. Raises Unreachable if the daemon can't be spoken to (also with `check=False`),
        TimedOut, and (if `check`) CommandFailed."""
        return self._asked(["docker", *argv], input, timeout, check, f"docker {argv[0]}")

    def script(
        self, name: str, *args: str, input: bytes = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        """The package's script `name`, on the machine, for several docker commands in one round trip. Raises as `run`."""
        from mngr.hosts import scripts

        return self._asked(["sh", "-c", scripts.text(name), name, *args], input, timeout, check, name)

    def send(self, *argv: str, file: Path, timeout: float) -> Completed:
        """`docker ARGV… < FILE`: for what is too big to hold in memory. Doesn't raise CommandFailed."""
        return self._piped(["docker", *argv], timeout, stdin=file)

    def receive(self, *argv: str, file: Path, timeout: float) -> Completed:
        """`docker ARGV… > FILE`. Doesn't raise CommandFailed."""
        return self._piped(["docker", *argv], timeout, stdout=file)

    def container(self, name: str) -> DockerExec:
        """The inside of a running container, as a Transport."""
        return DockerExec(name, self.transport)

    def _asked(self, argv: Sequence[str], input: bytes, timeout: float, check: bool, what: str) -> Completed:
        done = self.transport.run(argv, input=input, timeout=timeout, check=False)
        if done.code:
            self.require_daemon(done)
        return base.checked(done, what, self.place) if check else done

    def _piped(
        self, argv: Sequence[str], timeout: float, *, stdin: Path | None = None, stdout: Path | None = None
    ) -> Completed:
        import subprocess
        from contextlib import ExitStack

        with ExitStack() as files:
            source = files.enter_context(open(stdin, "rb")) if stdin else subprocess.DEVNULL
            target = files.enter_context(open(stdout, "wb")) if stdout else subprocess.PIPE
            try:
                done = subprocess.run(
                    self.transport.argv(argv),
                    stdin=source,
                    stdout=target,
                    stderr=subprocess.PIPE,
                    timeout=timeout,
                )
            except subprocess.TimeoutExpired:
                raise TimedOut(f"docker {argv[1]} on {self.place} didn't end within {timeout:g} s") from None
            except FileNotFoundError as missing:
                raise Unreachable(f"{missing.filename} isn't installed here") from None
        completed = Completed(done.returncode, done.stdout or b"", done.stderr)
        if completed.code == base.SSH_FAILED:
            raise Unreachable(f"the connection to {self.place} broke: {completed.error[-300:]}")
        if completed.code:
            self.require_daemon(completed)
        return completed

    def require_daemon(self, done: Completed) -> None:
        """Raises Unreachable if `done` failed because the daemon didn't answer: nothing is known then."""
        said = done.error or done.text
        if not any(words in said for words in _NO_DAEMON):
            return
        last = next(
            line for line in reversed(said.splitlines()) if any(words in line for words in _NO_DAEMON)
        )
        if "not found" in last or "No such file" in last:
            raise Unreachable(
                f"docker isn't installed on {self.place}", hint="install Docker there (package docker.io)"
            )
        if "permission denied" in said:
            raise Unreachable(
                f"the Docker daemon on {self.place} lets us not in: {last}",
                hint="add your user to the group docker, or set docker_host to a daemon of your own",
            )
        raise Unreachable(
            f"can't reach the Docker daemon on {self.place}: {last}",
            hint="is it running? `docker version` there tells more",
        )


class WithEnvironment:
    """A Transport whose commands get some environment variables more."""

    def __init__(self, over: Transport, **values: str) -> None:
        self.over = over
        self.place = over.place
        self._prefix = ["env", *(f"{key}={value}" for key, value in values.items())]

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return self.over.argv([*self._prefix, *argv], tty=tty)

    def run(
        self, argv: Sequence[str], *, input: bytes = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        return self.over.run([*self._prefix, *argv], input=input, timeout=timeout, check=check)
