"""Whether this computer has what mngr needs, and whether the providers in use answer."""

import os
import shutil

import msgspec

from mngr.model.errors import MngrError
from mngr.ops.context import Mngr

TOOLS = (
    ("ssh", True, "to reach containers and machines (package openssh-client)"),
    ("ssh-keygen", True, "to make keys (package openssh-client)"),
    ("tmux", True, "for agents on this computer (package tmux)"),
    ("git", True, "to send code and bring commits home (package git)"),
    ("docker", False, "for --provider docker"),
)


class Check(msgspec.Struct, frozen=True):
    what: str
    ok: bool
    needed: bool
    note: str = ""


def examine(mngr: Mngr) -> list[Check]:
    """All checks. Never raises for what it finds."""
    found = [
        Check(tool, shutil.which(tool) is not None, needed, "" if shutil.which(tool) else why)
        for tool, needed, why in TOOLS
    ]
    home = mngr.home if mngr.home.exists() else mngr.home.parent
    found.append(Check(f"{mngr.home} is writable", os.access(home, os.W_OK), True))
    try:
        active = mngr.active()
    except MngrError as error:
        return [*found, Check("config", False, True, f"{error} {error.hint}")]
    for name in active:
        found.append(_provider(mngr, name))
    return found


def _provider(mngr: Mngr, name: str) -> Check:
    try:
        listing = mngr.provider(name).discover(())
    except MngrError as error:
        return Check(f"provider {name}", False, True, f"{error}; {error.hint}" if error.hint else str(error))
    problems = "; ".join(problem.error for problem in listing.errors)
    return Check(f"provider {name}", not problems, True, problems)
