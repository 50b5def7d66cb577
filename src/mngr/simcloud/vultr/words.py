"""Vultr's words: errors are `{"error": "…", "status": N}` (vultr/terraform-provider-vultr#377)."""

from __future__ import annotations

import base64
import binascii

from mngr.simcloud.call import ApiError, Call, Words

WORDS = Words(
    no_route="Not found.",
    wrong_method="Method not allowed.",
    not_json="Invalid JSON in request body.",
    no_object="The request body must be a JSON object.",
    missing="{name} is required.",
    wrong="Invalid {name}: expected {kind}.",
    kinds={"string": "a string", "strings": "a list of strings", "integer": "an integer"},
)
LARGEST_USER_DATA = 64 * 1024


def bad(message: str) -> ApiError:
    return ApiError(400, message)


def user_data(call: Call) -> str:
    """Base64 as it came; it must decode."""
    value = call.text("user_data")
    try:
        decoded = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise bad("Invalid user_data: must be base64 encoded.")
    if len(decoded) > LARGEST_USER_DATA:
        raise bad("user_data is too large.")
    return value


def tags(call: Call) -> tuple[str, ...] | None:
    """`tags`, or the older `tag`, which is one; None if neither is given."""
    if "tags" in call.body:
        return call.texts("tags")
    return tuple(filter(None, [call.text("tag")])) if "tag" in call.body else None
