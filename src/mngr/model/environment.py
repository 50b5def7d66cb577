"""An agent's environment, as it is typed and as files have it. No message ever holds a value, nor what may be one."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.model.names import is_text

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: What can be shown of a name that may be a secret, given in the wrong place: random text has digits, or both cases.
_PLAIN = re.compile(r"([A-Z]+(_[A-Z0-9]+)*|[a-z]+(_[a-z]+)*)\Z")

#: No program can be started with a longer `KEY=VALUE` (Linux: MAX_ARG_STRLEN), nor with more of them in all.
LONGEST = 128 * 1024 - 1
MOST = 1024 * 1024
_KEY_HINT = "letters, digits and _ only, not a digit first"


def check_key(key: str, where: str = "the environment") -> None:
    """Raises InvalidInput if `key` can't be the name of a variable."""
    if not _KEY.match(key):
        raise InvalidInput(f"{where}: {key!r} can't be a variable's name", hint=_KEY_HINT)


def parse(text: str) -> tuple[str, str]:
    """`KEY=VALUE`, the value kept byte for byte. Raises InvalidInput."""
    key, eq, value = text.partition("=")
    if not eq or not _KEY.match(key):
        raise InvalidInput(
            "an environment variable can't be used: it isn't KEY=VALUE", hint=f"KEY of {_KEY_HINT}"
        )
    return key, value


def passed_on(key: str, environ: Mapping[str, str]) -> str:
    """The value of a variable of this shell. Raises InvalidInput."""
    shown = f" {key}" if _PLAIN.match(key) else ""
    if key not in environ:
        raise InvalidInput(
            f"--pass-env{shown}: no variable of that name is set in this shell",
            hint="--pass-env takes a variable's name; --env takes KEY=VALUE",
        )
    check_key(key)
    return environ[key]


def read_file(path: str | Path) -> dict[str, str]:
    """The variables of a dotenv file: `KEY=VALUE` lines, values in quotes over several lines, `export`, comments.

    `$` stands for itself. The last of several lines for one key counts. Raises InvalidInput, which names a line's number.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST + 1)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from None
    if len(data) > MOST:
        raise InvalidInput(f"{path} is no environment file: it has more than {MOST // 1024} kB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} isn't a text file in UTF-8") from None
    if "\0" in text:
        raise InvalidInput(
            f"{path}, line {text[: text.index(chr(0))].count(chr(10)) + 1} holds a NUL character"
        )
    found: dict[str, str] = {}
    for line, key, value in _lines(text.replace("\r\n", "\n")):
        if key is None or not _KEY.match(key):
            hint = "a value over several lines stands in quotes, which must be closed; " + _KEY_HINT
            raise InvalidInput(f"{path}, line {line} isn't KEY=VALUE", hint=hint)
        if value is None:
            hint = "write KEY=VALUE; --pass-env KEY passes on a variable of this shell"
            raise InvalidInput(f"{path}, line {line} has no value", hint=hint)
        found[key] = value
    return found


def _lines(text: str) -> Iterator[tuple[int, str | None, str | None]]:
    """Line, key and value of each statement; no key where it can't be read."""
    import io

    from dotenv.parser import parse_stream

    for one in parse_stream(io.StringIO(text, newline="")):
        start = one.original.string
        before = start[: len(start) - len(start.lstrip())]
        if one.error or one.key is not None:
            yield one.original.line + before.count("\n"), None if one.error else one.key, one.value


def check(env: Mapping[str, str]) -> None:
    """Raises InvalidInput if no agent can run in this environment."""
    for key, value in env.items():
        check_key(key)
        if not is_text(value):
            raise InvalidInput(f"environment variable {key} isn't text", hint="no NUL, and UTF-8")
        if len(f"{key}={value}".encode()) > LONGEST:
            raise InvalidInput(
                f"environment variable {key} has {len(value.encode()) // 1024} kB: no program starts with more than 128",
                hint="send it as a file",
            )
    if sum(len(f"{key}={value}".encode()) for key, value in env.items()) > MOST:
        raise InvalidInput(f"the environment has more than {MOST // 1024} kB", hint="send files instead")
    path = env.get("PATH")
    if path is not None and not any(os.path.isabs(one) for one in path.split(":")):
        raise InvalidInput(
            "PATH names no directory, so the agent could run nothing",
            hint="leave it out, or give all of it, e.g. --env PATH=/opt/tool/bin:/usr/local/bin:/usr/bin:/bin",
        )
    if not os.path.isabs(env.get("HOME", "/")):
        raise InvalidInput("HOME isn't an absolute path", hint="leave it out: the host has its own")
