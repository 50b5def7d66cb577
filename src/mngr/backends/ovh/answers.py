"""What OVH's answers, and the SDK's exceptions, mean: as JSON, or as errors that say what to do next.

Errors are `{"class": "Client::…", "message"}`, or `{"errorCode", "httpCode", "message"}` where a login is at fault.
"""

import contextlib
from collections.abc import Iterator

from mngr.backends.ovh.config import Credentials
from mngr.model.errors import InvalidInput
from mngr.vps_docker.errors import VpsApiUnreadable
from mngr.vps_docker.http import Answer, Failed, Refusal

#: Codes of a login that is good, and not allowed to make this call.
NOT_GRANTED = ("NOT_GRANTED_CALL", "FORBIDDEN", "Client::Forbidden")

#: OVH's word for a path that it doesn't serve, which says nothing of the thing that the path names.
NO_SUCH_CALL = "invalid (or empty) URL"

#: What to do where OVH's own words are all there is.
AGAIN = "try again in a minute; if it stays so, look at the VPS or the order on OVH's page"
SHOWN = "`mngr ovh list --all` shows what the account has"


@contextlib.contextmanager
def understood(what: str) -> Iterator[None]:
    """Around code that takes an answer apart: one without the fields that it needs, or with others in their place,
    raises Unreadable. No paid call is made in here."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        raise VpsApiUnreadable(f"{what} can't be read: it isn't what OVH describes", hint=AGAIN) from None


def refusal(answer: Answer, what: str) -> Refusal:
    """An answer of 400 and above (python-ovh's Client.call sorts them the same way)."""
    try:
        data = answer.json()
        said, code = str(data.get("message", "")), str(data.get("errorCode") or data.get("class") or "")
        action = str((data.get("details") or {}).get("unauthorizedActionsByIAM") or "")
    except (ValueError, AttributeError):
        said = code = action = ""
    status = answer.status
    if status == 404 and said and NO_SUCH_CALL not in said:
        return Refusal(said=said, gone=True, hint=SHOWN)
    if status == 460:
        return Refusal(gone=True, message=f"it is expired at OVH: {what}: {said}", hint=SHOWN)
    if status in (401, 403) and code in NOT_GRANTED:
        # In the message, not the hint: errors about other errors keep that.
        lacking = f"OVH refused: these credentials lack the right to {what} ({status})"
        return Refusal(
            message=lacking, hint=f"grant {action or 'it'} (docs/ovh.md lists the rights that mngr needs)"
        )
    if status in (401, 403) or (status == 400 and "signature" in said.lower()):
        message = f"OVH refused the credentials: {what}: {said or answer.reason} ({status})"
        return Refusal(message=message, hint=_login_hint(code))
    return Refusal(said=said, code=code, hint=AGAIN)


def _login_hint(code: str) -> str:
    if code == "INVALID_CREDENTIAL":
        return "the consumer key isn't validated yet, or has expired: make one anew (docs/ovh.md)"
    if code == "NOT_CREDENTIAL":
        return "check consumer_key: OVH doesn't know it for this application_key; is it the right endpoint?"
    if code == "INVALID_KEY":
        return "check application_key and application_secret; is it the right endpoint?"
    return "check them, and the endpoint they belong to (docs/ovh.md)"


def failure(error: Exception, given: Credentials, what: str) -> Exception:
    """What the SDK, requests or oauthlib raised before there was an answer: as Failed, or InvalidInput."""
    import ovh
    from requests import ConnectionError, ConnectTimeout, RequestException

    if isinstance(error, ovh.exceptions.HTTPError):  # what asking for the time failed with
        cause = error.__cause__ or error.__context__
        error = cause if isinstance(cause, RequestException) else error
    if isinstance(error, InvalidInput):
        return error
    if isinstance(error, (ovh.exceptions.InvalidKey, ovh.exceptions.InvalidConfiguration)):
        return InvalidInput(f"OVH credentials from {given.source}: they aren't whole")
    if isinstance(error, (ConnectTimeout, ConnectionError)) and "Max retries" in str(error):
        return Failed(_reason(error), sent=False)
    if isinstance(error, (AttributeError, KeyError, TypeError, ValueError)) and not isinstance(
        error, RequestException
    ):
        # Of the SDK's own: it asks for OVH's time before it signs.
        unread = f"OVH's answer to {what}, or the time that it says, can't be read"
        return Failed("", sent=True, message=unread, hint="try again later")
    if isinstance(error, (RequestException, ovh.exceptions.HTTPError)):
        return Failed(_reason(error), sent=True)
    time_status = getattr(getattr(error, "response", None), "status_code", 0)
    if isinstance(error, ovh.exceptions.APIError) and time_status not in (0, 401, 403):
        untold = f"OVH didn't tell its time ({time_status}), which {what} is signed with, so that wasn't sent"
        hint = "https://status.ovhcloud.com; try again later"
        return Failed("", sent=False, message=untold, hint=hint)
    if type(error).__module__.startswith(("oauthlib", "requests_oauthlib", "ovh")):
        refused = f"OVH refused the credentials from {given.source} for {what}: {type(error).__name__}"
        hint = "check client_id and client_secret, and the endpoint they belong to (docs/ovh.md)"
        return Failed("", sent=False, message=refused, hint=hint)
    return error


def _reason(error: Exception) -> str:
    return type(getattr(error, "reason", None) or error).__name__
