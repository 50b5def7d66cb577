"""Who may do what: tokens with a scope each, of which only hashes are kept.

{"NAME": {"sha256": "…", "scope": "read"}}
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mngr.config.home import write_private
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound
from mngr.model.names import check_name
from mngr.vmservice.scopes import SCOPES, Scope


class Token(msgspec.Struct, frozen=True):
    sha256: str
    scope: Scope


class Tokens:
    """`file`: made with the first token. It is read anew for each request, so a token that is removed is dead at once."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> dict[str, Token]:
        """By name. Raises MngrError if the file can't be read: then nobody comes in."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Token])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as problem:
            raise MngrError(f"the tokens in {self._file} can't be read: {problem}") from None

    def make(self, name: str, scope: Scope) -> str:
        """A new token, which is shown this once. Raises Conflict, InvalidInput."""
        check_name(name, "token name")
        if scope not in SCOPES:
            raise InvalidInput(f"there is no scope {scope!r}", hint=f"one of {', '.join(SCOPES)}")
        with self._locked():
            there = self.all()
            if name in there:
                raise Conflict(
                    f"there is a token {name!r} already", hint="remove it first, or take another name"
                )
            token = secrets.token_urlsafe(32)
            self._write({**there, name: Token(_hash(token), scope)})
        return token

    def remove(self, name: str) -> None:
        """Raises NotFound."""
        with self._locked():
            there = self.all()
            if name not in there:
                raise NotFound(f"there is no token {name!r}")
            self._write({key: value for key, value in there.items() if key != name})

    def whose(self, token: str) -> tuple[str, Scope] | None:
        """The name and scope of a token; None if it is nobody's. All are compared, so that the time tells nothing."""
        given, found = _hash(token), None
        for name, one in self.all().items():
            if hmac.compare_digest(one.sha256, given):
                found = (name, one.scope)
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Of two processes that change tokens one waits for the other."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _write(self, tokens: dict[str, Token]) -> None:
        write_private(self._file, msgspec.json.encode(tokens).decode())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
