"""Docker commands on a machine, over any Transport: OpenSSH to a rented machine, or this computer itself."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import IO, BinaryIO

from mngr.model.errors import TimedOut, Unreachable
from mngr.transport import base
from mngr.transport.base import Completed, Transport
from mngr.transport.docker_exec import DockerExec
from mngr.transport.prefixed import Prefixed

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

#: What takes a second or two takes more than a minute in a VM that is emulated, on a loaded computer.
LIMIT_S = 180.0


class Docker:
    """Runs `docker` where `transport` leads. `host` is the daemon's address there (`DOCKER_HOST`; "" is docker's default)."""

    def __init__(self, transport: Transport, *, host: str = "") -> None:
        self.transport: Transport = Prefixed(transport, ["env", f"DOCKER_HOST={host}"]) if host else transport
        self.place = transport.place

    def run(self, *argv: str, input: bytes = b"", timeout: float = LIMIT_S, check: bool = True) -> Completed:
        """`docker ARGV…`. Raises Unreachable if the daemon can't be spoken to (also with `check=False`),
        TimedOut, and (if `check`) CommandFailed."""
        return self._asked(["docker", *argv], input, timeout, check, f"docker {argv[0]}")

    def script(
        self, name: str, *args: str, input: bytes = b"", timeout: float = LIMIT_S, check: bool = True
    ) -> Completed:
        """The package's script `name`, on the machine, for several docker commands in one round trip. Raises as `run`."""
        from mngr.hosts import scripts

        return self._asked(["sh", "-c", scripts.text(name), name, *args], input, timeout, check, name)

    def send(self, *argv: str, chunks: Iterable[bytes], timeout: float) -> Completed:
        """`docker ARGV…`, fed with what is too big to hold in memory. Raises as `run` with `check=False`."""
        return self._watched(["docker", *argv], timeout, f"docker {argv[0]}", chunks=chunks)

    def send_script(self, name: str, *args: str, chunks: Iterable[bytes], timeout: float) -> Completed:
        """As `script`, fed as `send`."""
        from mngr.hosts import scripts

        return self._watched(["sh", "-c", scripts.text(name), name, *args], timeout, name, chunks=chunks)

    def receive(self, *argv: str, out: BinaryIO, timeout: float) -> Completed:
        """`docker ARGV…`, its output written to the file `out`, which has a descriptor. Raises as `send`."""
        return self._watched(["docker", *argv], timeout, f"docker {argv[0]}", out=out)

    def container(self, name: str) -> DockerExec:
        """The inside of a running container, as a Transport."""
        return DockerExec(name, self.transport)

    def _asked(self, argv: Sequence[str], input: bytes, timeout: float, check: bool, what: str) -> Completed:
        try:
            done = self.transport.run(argv, input=input, timeout=timeout, check=False)
        except TimedOut:
            raise TimedOut(
                f"{what} on {self.place} didn't end within {timeout:g} s",
                hint="does `docker ps` answer there?",
            ) from None
        if done.code:
            self.require_daemon(done)
        return base.checked(done, what, self.place) if check else done

    def _watched(
        self,
        argv: Sequence[str],
        timeout: float,
        what: str,
        *,
        chunks: Iterable[bytes] | None = None,
        out: BinaryIO | None = None,
    ) -> Completed:
        """Runs it for at most `timeout` seconds, with streams that may be long."""
        import subprocess
        import tempfile
        import threading

        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    self.transport.argv(argv),
                    stdin=subprocess.DEVNULL if chunks is None else subprocess.PIPE,
                    stdout=out or said,
                    stderr=errors,
                )
            except FileNotFoundError as missing:
                raise Unreachable(f"{missing.filename} isn't installed here") from None
            late = threading.Event()
            timer = threading.Timer(timeout, lambda: (late.set(), process.kill()))
            timer.start()
            try:
                if process.stdin:
                    _feed(process.stdin, chunks or ())
                process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
            finally:
                timer.cancel()
            said.seek(0)
            errors.seek(0)
            done = Completed(process.returncode, said.read(), errors.read())
        if late.is_set():
            raise TimedOut(f"{what} on {self.place} didn't end within {timeout:g} s")
        if done.code == base.SSH_FAILED:
            raise Unreachable(f"the connection to {self.place} broke: {done.error[-300:]}")
        if done.code:
            self.require_daemon(done)
        return done

    def require_daemon(self, done: Completed) -> None:
        """Raises Unreachable if `done` failed because the daemon didn't answer: nothing is known then."""
        said = done.error or done.text
        lines = [line for line in said.splitlines() if any(words in line for words in _NO_DAEMON)]
        if not lines:
            return
        last = lines[-1]
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


def _feed(stdin: IO[bytes], chunks: Iterable[bytes]) -> None:
    """Writes all; a process that ends without reading all of it isn't this side's error."""
    try:
        for chunk in chunks:
            stdin.write(chunk)
    except BrokenPipeError:
        pass
    finally:
        with contextlib.suppress(BrokenPipeError):
            stdin.close()
