"""Files that git stores in another form than they have in the work tree, by a filter (git-crypt, LFS)."""

import os
from collections.abc import Sequence
from pathlib import Path

from mngr.model.notes import Note
from mngr.ops import git
from mngr.ops.notes import ChangesLeft, Unfiltered


def hold_back(
    top: Path, files: Sequence[str], tracked: Sequence[str], config: dict[str, str], *, repository: bool
) -> tuple[list[str], list[Note]]:
    """Those of `files` that may be sent, and notes on the others: without the filter, which the host doesn't have, git there
    would commit a secret as it is. `repository`: what is `tracked` is sent with its history."""
    drivers = {
        key.split(".", 1)[1].rpartition(".")[0]
        for key, value in config.items()
        if key.startswith("filter.") and key.rpartition(".")[2] in ("clean", "smudge", "process") and value
    }
    if not drivers:
        return list(files), []
    asked = list(dict.fromkeys([*files, *tracked]))
    answers = git.words(
        top, "check-attr", "-z", "--stdin", "filter",
        input=b"".join(os.fsencode(one) + b"\0" for one in asked),
    )  # fmt: skip
    driven = {
        path: driver for path, driver in zip(answers[::3], answers[2::3], strict=True) if driver in drivers
    }
    held = [one for one in files if one in driven]
    stored = sorted(driven.keys() - set(files))
    names = sorted(set(driven.values()))
    notes: list[Note] = []
    if held:
        notes.append(ChangesLeft(filters=names, files=held, repository=repository))
    if stored:
        notes.append(Unfiltered(filters=names, files=stored))
    return [one for one in files if one not in driven], notes
