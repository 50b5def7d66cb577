"""What comes from a terminal as lines to read, one after the other: also of programs that draw the same screen over and over."""

import codecs
import re
from collections import deque
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from mngr.model.plain import plain


class Lines:
    """Takes what `agent-follow` tells of one agent, and gives the lines that are new."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._rest = ""
        self._last: deque[str] = deque(maxlen=200)  # what was given last
        self._screens: deque[Sequence[str]] = deque(maxlen=3)

    def written(self, data: bytes) -> Iterator[str]:
        """Of what was written line after line: those that are whole. Of a line that was written over, what stays."""
        self._screens.clear()
        *whole, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        for line in whole:
            yield self._given(_over(line))

    def end(self) -> Iterator[str]:
        """The line that nothing has ended."""
        if self._rest and (line := _over(self._rest)).strip():
            yield self._given(line)
        self._rest = ""

    def screen(self, data: bytes) -> Iterator[str]:
        """Of a screen as it is now: the lines that it hadn't before. Not those in which only numbers and signs have changed
        (spinners, seconds)."""
        self._rest = ""
        now = [plain(line).rstrip() for line in data.decode(errors="replace").split("\n")]
        before = self._screens[-1] if self._screens else list(self._last)
        known = {line for one in (*self._screens, before) for line in one}
        for kind, i1, i2, j1, j2 in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
            if kind not in ("insert", "replace"):
                continue
            turned = i2 - i1 == j2 - j1
            for i, line in enumerate(now[j1:j2]):
                same = turned and _letters(line) and _letters(line) == _letters(before[i1 + i])
                if line.strip() and line not in known and not same:
                    yield self._given(line)
        self._screens.append(now)

    def _given(self, line: str) -> str:
        self._last.append(line)
        return line


def _over(line: str) -> str:
    """A line as it stays: what comes after a carriage return is written over what was there."""
    parts = [part for part in line.rstrip("\r").split("\r") if part]
    return plain(parts[-1] if parts else "").rstrip()


def _letters(line: str) -> str:
    return re.sub(r"[\W\d_]+", "", line)
