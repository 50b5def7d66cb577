"""Every error a user can meet: what happened, to what, what to do next, and the exit code it gives.

Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 a provider unreachable or a partial
result, 130 interrupted.
"""

import errno
import os

#: What the system says of a disk or a file, through no fault of ours: full, read-only, not allowed, broken.
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOTDIR)


def is_of_the_disk(words: str) -> bool:
    """Whether another program's words say that a disk is full, read-only or broken."""
    return any(os.strerror(one) in words for one in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO))


class MngrError(Exception):
    """Root of all errors that mngr raises on purpose. Shown as one message, never as a traceback.

    `hint` says what to do next; `details` (the end of a log, say) is shown below the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class InvalidInput(MngrError):
    """An invalid name, option or config key, as the user typed or configured it."""

    exit_code = 2


class NotFound(MngrError):
    """A named thing isn't there, and whoever keeps it said so."""

    exit_code = 3


class Conflict(MngrError):
    """The thing is there already, or busy, or in a state that doesn't allow this."""

    exit_code = 4


class Unreachable(MngrError):
    """A provider or machine didn't answer, or answered with an error: nothing is known of what it holds."""

    exit_code = 5


class NotWiped(Unreachable):
    """A host is destroyed and its bill ended, but what lay on its machine, which lives on, couldn't be wiped yet."""


class Unreadable(Unreachable):
    """A cloud's list couldn't be read. Never to be taken for an empty list."""


class TimedOut(MngrError):
    """A bounded wait ended. The message names what was waited for and how long."""


class NotSupported(MngrError):
    """This provider can't do that, by its nature."""

    exit_code = 2


class Interrupted(MngrError):
    """Ctrl-C, or SIGTERM."""

    exit_code = 130


def brief(error: BaseException) -> str:
    """An error in a few words, for another one's message."""
    if isinstance(error, MngrError):
        return error.message
    return "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
