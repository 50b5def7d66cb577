"""`/ssh-keys`."""

from __future__ import annotations

import uuid
from typing import Any

from mngr.simcloud.call import Call, is_public_key
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.records import SshKey
from mngr.simcloud.vultr.state import State
from mngr.simcloud.vultr.words import bad


def list_keys(state: State, call: Call) -> dict[str, Any]:
    return page(call, "ssh_keys", [key.view() for key in state.ssh_keys.list(call.as_of)])


def create(state: State, call: Call) -> dict[str, Any]:
    name, public = call.text("name", required=True), call.text("ssh_key", required=True)
    key = SshKey(str(uuid.uuid4()), state.now(), name, _checked(public))
    state.ssh_keys.put(key.id, key)
    return {"ssh_key": key.view()}


def get(state: State, call: Call) -> dict[str, Any]:
    return {"ssh_key": state.ssh_keys.find(call.parts["id"], call.as_of).view()}


def update(state: State, call: Call) -> None:
    key = state.ssh_keys.find(call.parts["id"])
    public = _checked(call.text("ssh_key") or key.ssh_key)
    state.ssh_keys.change(key.id, name=call.text("name") or key.name, ssh_key=public)


def delete(state: State, call: Call) -> None:
    state.ssh_keys.remove(state.ssh_keys.find(call.parts["id"]).id)


def _checked(public: str) -> str:
    if not is_public_key(public):
        raise bad("Invalid SSH key.")
    return public
