"""What can go wrong with rented machines. All are MngrErrors: one message, what to do next, an exit code."""

from mngr.model.errors import Conflict, MngrError, TimedOut, Unreachable, Unreadable


class VpsDockerError(MngrError):
    """Root of this library's errors."""


class VpsApiError(VpsDockerError):
    """A cloud's API refused a call that changes something; or one of the kinds below.

    `status`: the HTTP status, 0 where there was no answer. `code`: the cloud's own name of the error, if it has one.
    """

    usual_hint = ""

    def __init__(
        self, message: str, *, status: int = 0, hint: str = "", details: str = "", code: str = ""
    ) -> None:
        super().__init__(message, hint=hint or self.usual_hint, details=details)
        self.status = status
        self.code = code


class VpsApiRefused(VpsApiError):
    """The cloud refused a call that changes something: nothing was done."""


class VpsApiUnreadable(VpsApiError, Unreadable):
    """A read failed: nothing is known of what the cloud holds."""

    exit_code = 5
    usual_hint = "try again in a minute"


class VpsApiNoAnswer(VpsApiError, Unreachable):
    """A call that changes things got no usable answer: it may or may not have been carried out."""

    exit_code = 5


class VpsProvisioningError(VpsDockerError):
    """A machine couldn't be made into a host."""


class VpsBootTimeout(VpsProvisioningError, TimedOut):
    """The machine wasn't delivered, or didn't come up, within the limit."""


class MachineRefused(VpsProvisioningError):
    """The cloud won't set up the machine that `create` gave, and has taken it back: another `create` gives another."""


class CloudInitFailed(VpsProvisioningError):
    """The machine's first boot failed. `details` has the end of its log."""


class HostKeyUnexpected(VpsProvisioningError):
    """The new machine shows another host key than the one that was given to it."""


class VpsLeftBehind(VpsProvisioningError):
    """Creating failed, and so did taking back what was made: the message names it. The sweep goes on with it."""


class BeingBuilt(VpsDockerError, Conflict):
    """Another process or laptop is making or destroying this host at the moment."""

    exit_code = 4
