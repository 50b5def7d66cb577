"""What a line of the journal says: what paid thing is about to be done, for whom, and what came of it so far."""

from typing import Any

import msgspec

FORMAT = 1


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """One intent: `kind` (`create`, `destroy`, …) for `subject` (a host id) of provider instance `provider`.

    `plan` is all that is needed to go on with it in another process, `handle` what was made so far: both are
    opaque to the journal, and neither holds a secret. `at` is seconds since the epoch.
    """

    provider: str
    subject: str
    kind: str
    at: float = 0
    plan: dict[str, Any] = {}
    handle: dict[str, str] = {}
    note: str = ""
    format: int = FORMAT


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An intent as found on disk. `busy`: somebody on this computer is working on it right now.

    `intent` is None where the file can't be read; then `error` says why, and the file stays where it is.
    """

    provider: str
    subject: str
    path: str
    intent: Intent | None = None
    busy: bool = False
    error: str = ""


def encode(intent: Intent) -> bytes:
    return msgspec.json.format(msgspec.json.encode(intent), indent=1) + b"\n"


def decode(data: bytes) -> Intent:
    """Raises ValueError on anything that isn't a whole intent of a format known here."""
    intent = msgspec.json.decode(data, type=Intent)
    if intent.format > FORMAT:
        raise ValueError(f"journal format {intent.format} is newer than this mngr (knows {FORMAT})")
    return intent
