"""Azure's answers that it has no room for a machine: for now, or within the subscription's quota.

https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-sku-not-available, …/error-resource-quota,
https://learn.microsoft.com/azure/virtual-machines/linux/allocation-failure
"""

import re

from mngr.backends.azure.codes import AGAIN, HINTS
from mngr.vps_docker.errors import VpsApiError, VpsProvisioningError

_NO_ROOM = (
    "SkuNotAvailable",
    "AllocationFailed",
    "ZonalAllocationFailed",
    "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest",
    "QuotaExceeded",
)
#: Azure has one code for a quota and for much else; the sentence tells them apart.
_QUOTA = re.compile(r"exceeding approved .* quota", re.IGNORECASE)


class NotDelivered(VpsProvisioningError):
    """Azure took the order of a VM and couldn't carry it out. `code`: Azure's name of the reason."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message, hint=HINTS.get(code, AGAIN))
        self.code = code


def no_room(error: BaseException) -> str:
    """Azure's code, if the error says that another size or region may do; else ""."""
    if not isinstance(error, VpsApiError | NotDelivered):
        return ""
    if error.code in _NO_ROOM:
        return error.code
    return "QuotaExceeded" if error.code == "OperationNotAllowed" and _QUOTA.search(error.message) else ""
