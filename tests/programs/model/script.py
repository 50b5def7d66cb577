"""What the model answers: the message itself says it, by the first of these words that stands at the beginning of one of its lines.

STREAM N        words for N seconds
HOLD N          nothing for N seconds, then "held"
TOOL N          a command that says nothing for N seconds, and needs no permission
BACKGROUND N    a command that leaves such a one behind, and ends at once
ASK WORD        a command that needs permission (it makes the file WORD), by the command line's own tool
USE NAME JSON   the program's tool NAME, with these arguments
SAY TEXT        TEXT, to the message's end
(else)          "got LENGTH HASH": how many characters came, and the first 12 digits of their SHA-256
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]

#: The command of a silent tool, which the image has: `silence N`. The programs' settings in the test allow it by its name.
#: It isn't `sleep`, which Claude Code refuses itself.
SILENT = "silence"
#: The command that asks for permission.
ASKING = "touch"


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Silence:
    seconds: float


@dataclass(frozen=True)
class Call:
    """A command for the program to run. `asking`: only with permission. `behind`: it goes on while the turn ends."""

    command: str
    asking: bool = False
    behind: bool = False


@dataclass(frozen=True)
class Use:
    """One of the program's other tools."""

    tool: str
    arguments: dict[str, object]


Act = Text | Silence | Call | Use


@dataclass(frozen=True)
class Question:
    """What a program asked, whatever its dialect: `turns` as (`user` or `model` or `tool`, text); `tools`: those that the
    model may call, by name, each with the JSON schema of its arguments (None: it takes a text); `form`: the JSON schema
    that the answer must have; `key`: who asks."""

    key: str
    turns: list[tuple[str, str]]
    tools: dict[str, Schema | None] = field(default_factory=dict[str, "Schema | None"])
    form: Schema | None = None

    @property
    def is_aside(self) -> bool:
        """Whether it isn't the conversation: programs also ask for titles and the like, without tools."""
        return not self.tools

    def told(self) -> list[str]:
        """All that the user has said."""
        return [text for who, text in self.turns if who == "user"]


_WORDS = re.compile(r"^(STREAM|HOLD|TOOL|BACKGROUND|ASK|USE|SAY)\b ?(.*)$", re.MULTILINE)


def answer(question: Question) -> Iterator[Act]:
    if question.is_aside:
        yield Text(json.dumps(filled(question.form)) if question.form else "A topic")
        return
    who, _ = question.turns[-1] if question.turns else ("user", "")
    if who == "tool":
        yield Text("the tool is done")
        return
    if _is_noted(question):
        yield Text("noted")
        return
    last = last_message(question)
    found = _WORDS.search(last)
    word, rest = (found[1], found[2].strip()) if found else ("", "")
    match word:
        case "STREAM":
            for number in range(int(float(rest) * 4)):
                yield Text(
                    f"{hashlib.sha256(str(number).encode()).hexdigest()[:6]} "
                )  # no two alike: Gemini CLI stops at a loop
                yield Silence(0.25)
            yield Text("end of words")
        case "HOLD":
            yield Silence(float(rest))
            yield Text("held")
        case "TOOL":
            yield Call(f"{SILENT} {rest}")
        case "BACKGROUND":
            yield Call(f"{SILENT} {rest}", behind=True)
        case "ASK":
            yield Call(f"{ASKING} {rest}", asking=True)
        case "USE":
            name, _, arguments = rest.partition(" ")
            yield Use(name, json.loads(arguments))
        case "SAY":
            yield Text(last[found.end(1) :].strip() if found else "")
        case _:
            yield Text(received(last))


def filled(schema: Schema) -> object:
    """Something that fits a schema."""
    if "enum" in schema:
        return schema["enum"][0]
    match str(schema.get("type")).lower():
        case "object":
            return {key: filled(about) for key, about in schema.get("properties", {}).items()}
        case "array":
            return []
        case "integer" | "number":
            return 1
        case "boolean":
            return False
        case _:
            return "A topic"


def received(text: str) -> str:
    return f"got {len(text)} {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def last_message(question: Question) -> str:
    """The last text of the user that isn't a program's own reminder."""
    told = [one for one in question.told() if not _is_own(one)]
    return told[-1].strip() if told else ""


def _is_own(text: str) -> bool:
    """Whether a program says it in the user's name: in a tag, as all have them."""
    return re.match(r"\s*<[a-z_-]+", text, re.IGNORECASE) is not None


def _is_noted(question: Question) -> bool:
    """Whether the user's last message was answered, and the program says something of its own since: that a command in the
    background has ended, say."""
    said = [index for index, (who, text) in enumerate(question.turns) if who == "user" and not _is_own(text)]
    return bool(said) and any(who in ("model", "tool") for who, _ in question.turns[said[-1] :])
