"""Which user agents run as in a host's container: root, the image's own, or another that the image has."""

import re

from mngr.model.errors import InvalidInput

#: Asks for the user that the image says (Dockerfile: USER).
IMAGES = "image"
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?"
_ROOT = re.compile(r"(root|0+)?(:.*)?\Z")


def check(user: str) -> str:
    """`user` as a host's record has it: `image`, NAME, UID, each with :GROUP or without; "" for root.

    Raises InvalidInput on what can't be a user. Whether the image has it shows when its container starts.
    """
    if not re.fullmatch(rf"{_WORD}(:{_WORD})?", user or "root") or re.fullmatch(r"[0-9]{11,}.*", user):
        raise InvalidInput(
            f"{user!r} can't be a user of a container",
            hint="--user image, or a name or number: app, 1000, app:staff",
        )
    return "" if _ROOT.match(user) else user


def restored(asked: str, former: str) -> str:
    """Whom agents run as on a host restored from a snapshot of one whose agents ran as `former`."""
    return former if asked in ("", IMAGES) else check(asked)
