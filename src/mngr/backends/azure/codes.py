"""What Azure's error codes mean for us, and what a person can do about them.

https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from collections.abc import Mapping
from typing import Any

from mngr.vps_docker.http import Answer, Refusal


def words(said: Mapping[str, Any]) -> tuple[str, str]:
    """(code, message) of an error in ARM's form, `{"error": {…}}`, or flat; ("", "") if there is none."""
    found = said.get("error", said)
    if not isinstance(found, dict):
        return "", ""
    inner = [words(one) for one in found.get("details") or [] if isinstance(one, dict)]
    code, message = str(found.get("code") or ""), str(found.get("message") or "")
    more = "; ".join(f"{m} ({c})" for c, m in inner if m and m != message)
    return code, f"{message}; {more}" if more else message


def refusal(answer: Answer, what: str) -> Refusal:
    """An answer of 400 and above, as Azure means it."""
    try:
        code, said = words(answer.json())
    except (ValueError, AttributeError):
        code, said = "", ""
    hint = HINTS.get(code, _ANY_CODE if code and answer.status != 404 else "")
    return Refusal(
        said=f"{said} [{code}]" if said else "",
        code=code,
        gone=answer.status == 404 and code in _GONE,
        hint=hint,
    )


#: What Azure calls it where a thing isn't there. Its other 404s are about the subscription, a namespace or the call itself.
_GONE = (
    "NotFound",
    "ResourceNotFound",
    "ResourceGroupNotFound",
    "ParentResourceNotFound",
    "RoleAssignmentNotFound",
    "RoleDefinitionDoesNotExist",
    "ImageNotFound",
    "PlatformImageNotFound",
    "GalleryImageNotFound",
)

_ROOM = "choose another size or region with -b --azure-vm-size=… or --azure-region=…, or run the command again later"
_BUSY = "wait until what else is going on there has ended, then run the command again"
#: Of a write that failed after Azure had accepted it.
AGAIN = "run the command again; if it fails so again, https://azure.status.microsoft"
#: What to do about a code that isn't known here.
_ANY_CODE = "https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors explains Azure's codes"

#: What a person can do, by Azure's code.
HINTS = {
    **dict.fromkeys(
        (
            "SkuNotAvailable",
            "AllocationFailed",
            "ZonalAllocationFailed",
            "OverconstrainedAllocationRequest",
            "OverconstrainedZonalAllocationRequest",
        ),
        _ROOM,
    ),
    "QuotaExceeded": f"{_ROOM}; `az vm list-usage` shows the quotas",
    "OperationNotAllowed": "if it is a quota, have it raised (Azure portal, Subscriptions, Usage + quotas) or choose another size; "
    "else wait a minute and run the command again",
    **dict.fromkeys(
        (
            "Conflict",
            "AnotherOperationInProgress",
            "RetryableError",
            "OperationPreempted",
            "NicReservedForAnotherVm",
        ),
        _BUSY,
    ),
    "ExpiredAuthenticationToken": "`az login` again, or look at this computer's clock",
    **dict.fromkeys(
        ("AuthorizationFailed", "LinkedAuthorizationFailed"),
        "somebody with the role Owner or User Access Administrator can grant that",
    ),
    "InvalidAuthenticationTokenTenant": "`az account set` to a subscription of this login's tenant",
    "SubscriptionNotFound": "`az account list -o table` shows the subscriptions of this login",
    "ReadOnlyDisabledSubscription": "enable the subscription in the Azure portal, or use another",
    "ResourceGroupBeingDeleted": "wait until Azure has deleted the group, then run `mngr azure prepare`",
    "ResourceGroupNotFound": "run `mngr azure prepare`",
}
