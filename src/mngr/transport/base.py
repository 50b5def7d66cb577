"""Running commands somewhere: the one verb that this computer, OpenSSH and `docker exec` share.

Standard input is free for data, and the only way that secrets take.
"""

import errno
import re
import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from mngr.model.clock import left
from mngr.model.errors import InvalidInput, MngrError, TimedOut, Unreachable

#: Exit code of `ssh` itself (not of the remote command) when no connection could be made or it broke.
SSH_FAILED = 255


#: What a command reads, or how to come by it once the command is on its way (if that fails, the command is ended).
Input = bytes | Callable[[], bytes]


_STEP = re.compile(r"mngr-step: (.*)\n?")


class Completed(msgspec.Struct, frozen=True):
    """A finished command."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode(errors="replace")

    @property
    def error(self) -> str:
        """What it said on standard error, less the line that is about its step."""
        return _STEP.sub("", self.stderr.decode(errors="replace")).strip()

    @property
    def step(self) -> str:
        """Where it failed, in the words of a script that says so (hosts/scripts/steps.sh); else ""."""
        named = _STEP.findall(self.stderr.decode(errors="replace"))
        return named[-1] if named else ""

    def why(self, words: str = "") -> str:
        """Why it failed: its step, and the `words` of its own that tell, or else how it ended."""
        if not words:
            ended = f"exit code {self.code}" if self.code <= 128 else f"ended by signal {self.code - 128}"
            words = f"{ended}, and it said nothing"
        return f"{self.step}: {words}" if self.step else words


class CommandFailed(MngrError):
    """A command ended with another exit code than 0. `completed` has its output."""

    def __init__(self, message: str, completed: Completed, *, hint: str = "") -> None:
        if not hint and "No space left on device" in completed.error:
            hint = "the disk there is full: free some of it, and run this again"
        super().__init__(message, hint=hint, details=completed.error[-2000:])
        self.completed = completed


class Transport(Protocol):
    """A place where commands run. Implementations: Local, Ssh, DockerExec."""

    @property
    def place(self) -> str:
        """How messages call it: `this computer`, `root@192.0.2.7:22`, …"""
        ...

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        """The local command line that runs `argv` there, for exec or for rsync and git to ride on."""
        ...

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        """Runs `argv` there and waits at most `timeout` seconds, once its input is there.

        Raises TimedOut, Unreachable when the place can't be reached, CommandFailed (if `check`) on another
        exit code than 0. The remote command may go on after a time-out: what changes things takes a lock.
        """
        ...


def run_local(
    command: Sequence[str],
    *,
    place: str,
    what: str,
    input: Input,
    timeout: float | None,
    env: dict[str, str] | None = None,
    apart: bool = False,
) -> Completed:
    """Runs a local process, fed with `input`, for `timeout` seconds at most, or what `within` leaves. `what` names the command in messages. `timeout`: None only for what a user
    runs. `apart`: Ctrl-C doesn't reach it.

    Raises TimedOut, Unreachable, InvalidInput if the command line is longer than this computer allows."""
    timeout = None if timeout is None else left(timeout)
    try:
        if callable(input):
            return _fed_late(command, input, timeout, env)
        done = subprocess.run(
            command, input=input, capture_output=True, timeout=timeout, env=env, start_new_session=apart
        )
    except subprocess.TimeoutExpired:
        raise TimedOut(f"{what} on {place} didn't end within {timeout:g} s") from None
    except FileNotFoundError:
        raise Unreachable(
            f"{command[0]} isn't installed here",
            hint=f"install {command[0]}; `mngr doctor` lists what is missing",
        ) from None
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        raise InvalidInput(
            f"{what} for {place} is longer than a command line may be", hint="give fewer or shorter words"
        ) from None
    return Completed(done.returncode, done.stdout, done.stderr)


def _fed_late(
    command: Sequence[str], input: Callable[[], bytes], timeout: float | None, env: dict[str, str] | None
) -> Completed:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env) as process:
        try:
            out, error = process.communicate(input(), timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return Completed(process.returncode, out, error)


def checked(done: Completed, what: str, place: str) -> Completed:
    """`done`, if its exit code is 0. Raises CommandFailed."""
    if done.code:
        last = done.error.splitlines()[-1:] or done.text.strip().splitlines()[-1:] or [""]
        raise CommandFailed(f"{what} failed on {place}: {done.why(last[0])}", done)
    return done
