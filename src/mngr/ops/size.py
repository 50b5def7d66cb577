"""How long a command line may be. Looked at before anything is asked, bought or made: a host would say it much later."""

import os
from collections.abc import Iterable, Sequence

from mngr.model.errors import InvalidInput
from mngr.transport import quote

#: Linux takes no word of 128 KiB or more (MAX_ARG_STRLEN, with its NUL), and what goes through ssh is one word.
WORD_BYTES = (128 << 10) - 1
#: All words and variables of a process together: Linux takes 2 MiB where the stack is limited as usual.
TOTAL_BYTES = (2 << 20) - (64 << 10)

_HINT = "put it into a file on the host, or hand it in on standard input: mngr exec NAME sh <script"


def check_words(words: Iterable[str], hint: str = _HINT) -> None:
    """Raises InvalidInput if no host could be given these words."""
    total = 0
    for number, word in enumerate(words, 1):
        size = len(os.fsencode(word))
        total += size + 1
        if size > WORD_BYTES:
            raise InvalidInput(
                f"word {number} of the command is {size} bytes long; at most {WORD_BYTES} can be given",
                hint=hint,
            )
    if total > TOTAL_BYTES:
        raise InvalidInput(
            f"the command is {total} bytes long; at most {TOTAL_BYTES} can be given", hint=hint
        )


def check_line(argv: Sequence[str], *, one_line: bool) -> None:
    """Raises InvalidInput if `argv` doesn't fit. `one_line`: it travels as one line for a shell, as through ssh."""
    if not one_line:
        return check_words(argv)
    size = len(os.fsencode(quote.line(argv)))
    if size > WORD_BYTES:
        raise InvalidInput(
            f"the command is {size} bytes long on its way to the host; at most {WORD_BYTES} can be given",
            hint=_HINT,
        )


def check_create(command: Sequence[str], labels: dict[str, str], words: Sequence[str]) -> None:
    """Raises InvalidInput if an agent's command is more than a process can be given, or its labels and the arguments for
    docker (`words`) more than travels to a machine."""
    check_words(command, "put it into a file that the agent reads")
    rest = len(os.fsencode(quote.line([*words, *(f"{key}={value}" for key, value in labels.items())])))
    if rest > WORD_BYTES // 2:
        raise InvalidInput(
            f"labels and the arguments for docker are {rest} bytes long together; at most {WORD_BYTES // 2} can be given",
            hint="give fewer or shorter ones",
        )
