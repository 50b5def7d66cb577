"""The process of one operation: it reads what is to be done from standard input, and leaves how that ended in its folder."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from mngr.config.home import write_private
from mngr.mcp.registry import find
from mngr.mcp.verbs import Caller
from mngr.model.clock import SYSTEM
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.vmservice.operations import problem_of
from mngr.vmservice.problems import with_details


def main() -> None:
    """`FOLDER LOCK`: the folder, and the descriptor of its lock, which is held until this ends."""
    folder, lock = Path(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(lock, False)
    asked = json.loads(sys.stdin.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def progress(told: Step | Note) -> None:
        if isinstance(told, Step):
            write_private(folder / "step", msgspec.json.encode(told).decode())

    result: dict[str, Any] = {}
    try:
        verb = find(asked["tool"])
        request = verb.request.model_validate_json(asked["arguments"])
        result["answer"] = plain(verb.run(Caller(asked["client"], progress), request))
    except BaseException as error:
        if not isinstance(error, Exception):
            result["problem"] = {
                "title": "Internal Server Error",
                "status": 500,
                "detail": "it was told to end",
            }
        else:
            traceback.print_exc()
            result["problem"] = with_details(problem_of(error), error).model_dump(exclude_none=True)
    write_private(folder / "result", json.dumps({**result, "at": SYSTEM.now()}))
    os._exit(0)  # threads that hang in a system call hold nobody up


def plain(answer: Any) -> Any:
    """As JSON has it."""
    if isinstance(answer, BaseModel):
        return answer.model_dump(mode="json")
    return msgspec.to_builtins(answer)
