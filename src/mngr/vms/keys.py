"""SSH key pairs, made and kept here: `NAME` (mode 600) and `NAME.pub` in one folder. No private key ever leaves it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal, get_args

import msgspec

from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, TimedOut
from mngr.model.names import check_name, is_name, is_text

Kind = Literal["rsa", "ed25519"]
RSA_BITS = 4096
MOST_COMMENT = 200
#: One line of visible text: no controls, no separators of lines, nothing that turns or hides text.
COMMENT = r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]*$"
_COMMENT = re.compile(COMMENT.removesuffix("$") + r"\Z")
LIMIT_S = 120.0
_NEW = ".new-"
_BEGINS = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A pair. `public_key`: its line, with the comment; the paths are of this computer's files."""

    name: str
    public_key: str
    private_path: str
    public_path: str


class KeyStore:
    """`folder`: made when the first key is. Processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def generate(self, name: str, comment: str = "", kind: Kind = "rsa") -> Key:
        """A new pair without a passphrase. `comment`: default the name. Raises Conflict where there is such a key, which
        stays as it is; InvalidInput."""
        check_name(name, "key name")
        _check_comment(comment)
        if kind not in get_args(Kind):
            raise InvalidInput(
                f"no keys of kind {kind!r} are made", hint=f"one of {', '.join(get_args(Kind))}"
            )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.path.lexists(self._folder / name):
            raise _taken(name)
        with self._new() as made:
            new = made / "key"
            bits = ["-b", str(RSA_BITS)] if kind == "rsa" else []
            _ssh_keygen("-q", "-t", kind, *bits, "-N", "", "-C", comment or name, "-f", str(new))
            try:
                os.link(new, self._folder / name)  # of two at once, one
            except FileExistsError:
                raise _taken(name) from None
            os.replace(f"{new}.pub", self._public(name))
        return self.get(name)

    def tidy(self) -> None:
        """Removes what processes that were killed as they made a pair have left. Repeatable."""
        if self._folder.is_dir():
            with _locked(self._folder):
                self._tidy()

    @contextmanager
    def _new(self) -> Iterator[Path]:
        """A folder for a pair that is being made, locked until it is gone: one that isn't is a killed process's."""
        with ExitStack() as held:
            with _locked(self._folder):
                self._tidy()
                made = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._folder))
                held.enter_context(_locked(made))
            held.callback(shutil.rmtree, made)
            yield made

    def _tidy(self) -> None:
        for path in self._folder.glob(f"{_NEW}*"):
            with suppress(BlockingIOError, FileNotFoundError), _locked(path, fcntl.LOCK_NB):
                shutil.rmtree(path, ignore_errors=True)

    def get(self, name: str) -> Key:
        """Raises NotFound."""
        check_name(name, "key name")
        private, public = self._folder / name, self._public(name)
        if not _is_private(private):
            raise NotFound(f"there is no key {name!r}")
        try:
            line = public.read_text()
        except FileNotFoundError:  # whoever made it was killed in between
            line = _ssh_keygen("-y", "-P", "", "-f", str(private))
            public.write_text(line)
        return Key(name=name, public_key=line.strip(), private_path=str(private), public_path=str(public))

    def all(self) -> list[Key]:
        """By name; other files in the folder, and what can't be read, are no keys."""
        found = []
        for name in sorted(path.name for path in self._folder.glob("*") if is_name(path.name)):
            with suppress(MngrError, OSError, ValueError):  # no key, deleted meanwhile, or not to be read
                found.append(self.get(name))
        return found

    def delete(self, name: str) -> None:
        """Removes both files; machines that know the public one go on letting its owner in. Raises NotFound."""
        key = self.get(name)
        Path(key.private_path).unlink(missing_ok=True)
        Path(key.public_path).unlink(missing_ok=True)

    def _public(self, name: str) -> Path:
        return self._folder / f"{name}.pub"


@contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(fd)


def _taken(name: str) -> Conflict:
    return Conflict(
        f"there is a key {name!r} already", hint="it is left as it is: take another name, or delete it"
    )


def _check_comment(comment: str) -> None:
    if len(comment) > MOST_COMMENT or not _COMMENT.match(comment) or not is_text(comment):
        raise InvalidInput(
            f"comment {comment[:60]!r} can't be used",
            hint=f"one line of at most {MOST_COMMENT} printable characters",
        )


def _is_private(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_BEGINS)) == _BEGINS


def _ssh_keygen(*argv: str) -> str:
    try:
        done = subprocess.run(
            ["ssh-keygen", *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise MngrError(
            "there is no ssh-keygen here, which makes keys", hint="apt install openssh-client"
        ) from None
    except subprocess.TimeoutExpired:
        raise TimedOut(f"ssh-keygen didn't end within {LIMIT_S:g} s") from None
    if done.returncode:
        raise MngrError(f"ssh-keygen: {done.stderr.strip()}")
    return done.stdout
