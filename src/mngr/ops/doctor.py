"""Whether this computer has what mngr needs, and whether the providers in use answer."""

import os
import shutil
from typing import Literal

import msgspec

from mngr.model.errors import MngrError
from mngr.model.views import Problem
from mngr.ops.context import Mngr

#: Programs that are called, and whether mngr is of no use without.
PROGRAMS = {"ssh": True, "ssh-keygen": True, "tmux": True, "git": True, "docker": False}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Something that mngr needs (or, not `needed`, can use): a program by its name, the home that has to be writable by
    its path, the config, a provider instance that has to answer. `problems`: what else is known of why it isn't `ok`."""

    kind: Literal["program", "home", "config", "provider"]
    name: str
    ok: bool
    needed: bool = True
    problems: list[Problem] = []


def examine(mngr: Mngr) -> list[Check]:
    """All checks. Never raises for what it finds."""
    found = [
        Check(kind="program", name=name, ok=shutil.which(name) is not None, needed=needed)
        for name, needed in PROGRAMS.items()
    ]
    home = mngr.home if mngr.home.exists() else mngr.home.parent
    found.append(Check(kind="home", name=str(mngr.home), ok=os.access(home, os.W_OK)))
    try:
        active = mngr.active()
    except MngrError as error:
        problem = Problem(provider="", what="config", error=str(error), hint=error.hint)
        return [*found, Check(kind="config", name="config", ok=False, problems=[problem])]
    return [*found, *(_provider(mngr, name) for name in active)]


def _provider(mngr: Mngr, name: str) -> Check:
    try:
        problems = mngr.provider(name).discover(()).errors
    except MngrError as error:
        problems = [Problem(provider=name, what="provider", error=str(error), hint=error.hint)]
    return Check(kind="provider", name=name, ok=not problems, problems=problems)
