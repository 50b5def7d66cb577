"""What role definitions and assignments share: their scopes, and the filters of their lists."""

from __future__ import annotations

import re

from mngr.simcloud.azure import ids
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DEFINITION = "Microsoft.Authorization/roleDefinitions"
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
FILTER = re.compile(
    r"\s*(atScope\(\)|principalId\s+eq\s+'([^']*)'|assignedTo\('([^']*)'\)|roleName\s+eq\s+'([^']*)'|type\s+eq\s+'([^']*)')\s*",
    re.IGNORECASE,
)


def scope_of(call: Call) -> str:
    return "/" + call.parts.get("scope", "").strip("/")


def there(state: State, scope: str, as_of: float | None = None) -> str:
    """A scope as its owner writes it. Raises ApiError 404 for one that isn't there."""
    id = ids.parse(scope)
    if id.type:
        return state.find(scope, as_of).id
    if id.group:
        return state.group(id.group, as_of).id
    return scope


def asked_for(call: Call) -> dict[str, str]:
    text = call.request.first("$filter") or ""
    found: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text) if text else []:
        clause = FILTER.fullmatch(part)
        if not clause:
            raise refuse(400, "UnsupportedQuery", f"The filter '{text}' is not supported.")
        if clause[1].lower() == "atscope()":
            found["atscope()"] = "yes"
        for name, value in (("principal", clause[2] or clause[3]), ("role", clause[4]), ("type", clause[5])):
            if value:
                found[name] = value
    return found
