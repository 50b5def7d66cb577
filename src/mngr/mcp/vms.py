"""The VM service's tools: of this computer's libvirt, or, with VM_PROVISIONER_URL, of the service there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mngr.mcp.verbs import Caller, Verb
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.vmservice import telling, toolbox
from mngr.vmservice.actions import Action

if TYPE_CHECKING:
    from mngr.cli.vm_wire import Service as Remote

#: Their operations are kept by `mngr.mcp.operations`.
OPERATIONS = ("operation_list", "operation_show")


def verbs() -> Sequence[Verb]:
    """None where this computer has neither libvirt's library nor a service's address."""
    if not os.environ.get("VM_PROVISIONER_URL") and find_spec("libvirt") is None:
        return []
    answers = {one.name: one.answer for one in toolbox.tools()}
    return [_verb(one, answers[one.name]) for one in toolbox.BY_NAME.values() if one.name not in OPERATIONS]


def remote(wait_s: float = 0) -> Remote | None:
    """The service, if one is named. `wait_s`: so long a call will ask it to wait, in seconds. Raises InvalidInput where its address or token can't be used."""
    if not (url := os.environ.get("VM_PROVISIONER_URL", "")):
        return None
    from mngr.cli.vm_side import TOKEN, URL
    from mngr.cli.vm_wire import Service as Remote
    from mngr.vps_docker.credentials import check_api_url, credential

    return Remote(check_api_url(url, URL), credential(os.environ.get(TOKEN, ""), TOKEN), wait_s)


def _verb(action: Action, answer: Mapping[str, Any]) -> Verb:
    def run(caller: Caller, asked: Any) -> Any:
        if service := remote(getattr(asked, "timeout", 0)):
            body = asked.model_dump(exclude_unset=True)
            path = f"/tools/{action.name}"
            if action.long:
                return service.long("POST", path, body, repeat=action.again, progress=caller.progress)
            return service.change("POST", path, body, repeat=action.scope == "read" or action.again)
        with telling.heard(_Listener(caller)):
            return caller.vms.call(action.run, asked)

    return Verb(
        name=action.name, about=action.about, scope=action.scope, request=action.request, answer=answer, run=run,
        again=action.scope == "read" or action.again, long=lambda asked: action.long,
    )  # fmt: skip


class _Listener:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def step(self, told: Step | Note) -> None:
        self._caller.progress(told)

    def made(self, uuid: str) -> None:
        pass
