"""A query's words, one after the other, and what to say of one that isn't expected."""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<number>\d+)|(?P<word>[A-Za-z_][\w-]*\b~?|!(?:in|has|contains|startswith|endswith)\b~?)"
    r"|(?P<sign>==|=~|!=|!~|<=|>=|<|>|=|[()\[\],.|]))"
)


class Unreadable(Exception):
    """A query that isn't of this part of the language; the message says where."""


class Words:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        text = re.sub(r"//[^\n]*", "", text).rstrip().rstrip(";")
        place = 0
        while place < len(text):
            found = TOKEN.match(text, place)
            if not found or not found.lastgroup:
                raise Unreadable(f"'{text[place : place + 20]}' can't be read")
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            place = found.end()

    def left(self) -> bool:
        return self.at < len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def token(self, wanted: str) -> tuple[str, str]:
        if not self.left():
            raise Unreadable(f"it ends where {wanted} is expected")
        self.at += 1
        return self.tokens[self.at - 1]

    def next(self, wanted: str) -> str:
        return self.token(wanted)[1]

    def number(self) -> int:
        kind, text = self.token("a number")
        if kind != "number":
            raise Unreadable(f"a number is expected, not '{text}'")
        return int(text)

    def skip(self, text: str) -> bool:
        if self.peek().lower() == text:
            self.at += 1
            return True
        return False

    def take(self, text: str) -> None:
        if not self.skip(text):
            raise Unreadable(f"'{text}' is expected, not '{self.peek() or 'the end'}'")
