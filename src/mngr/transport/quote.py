"""The one quoting helper: argv to a line that a POSIX shell reads back as the same argv."""

from collections.abc import Iterable

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-")


def word(text: str) -> str:
    """One word, exact for any text but NUL. Raises ValueError on NUL."""
    if "\0" in text:
        raise ValueError("a command line can't hold a NUL character")
    if text and _SAFE.issuperset(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def line(argv: Iterable[str]) -> str:
    """A shell line for `argv`. Raises ValueError on NUL."""
    return " ".join(map(word, argv))


def assignments(values: dict[str, str]) -> str:
    """`export K='v'` lines for a file that POSIX sh reads. Keys are checked by model.names beforehand."""
    return "".join(f"export {key}={word(value)}\n" for key, value in values.items())
