"""`/vps/{s}/tasks`: what is being done to a VPS, as a list that lags says it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mngr.simcloud.clock import iso
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.records import Task
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.words import bad, not_found

STATES = ("blocked", "cancelled", "doing", "done", "error", "paused", "todo", "waitingAck")
"""`vps.TaskStateEnum`: there is no `init`, and asking for it is a bad request [live]."""
TYPES = (
    *("addVeeamBackupJob", "changeRootPassword", "createSnapshot", "deleteSnapshot", "deliverVm"),
    *("getConsoleUrl", "internalTask", "migrate", "openConsoleAccess", "provisioningAdditionalIp"),
    *("reOpenVm", "rebootVm", "reinstallVm", "removeVeeamBackup", "rescheduleAutoBackup"),
    *("restoreFullVeeamBackup", "restoreVeeamBackup", "restoreVm", "revertSnapshot", "setMonitoring"),
    *("setNetboot", "startVm", "stopVm", "upgradeVm"),
)
UNFINISHED = ("todo", "doing")


def list_tasks(state: State, call: Call) -> list[int]:
    vps = state.vps.find(call.parts["serviceName"])
    wanted = call.choice("state", STATES, "TaskStateEnum")
    kind = call.choice("type", TYPES, "TaskTypeEnum")
    moment = state.now() - state.behaviour.tasks_lag_s
    if call.as_of is not None:
        moment = min(moment, call.as_of)
    return [
        task.id
        for task in state.tasks.get(vps.name, [])
        if task.created <= moment and wanted in (None, task.state(moment)) and kind in (None, task.type)
    ]


def get_task(state: State, call: Call) -> dict[str, Any]:
    vps = state.vps.find(call.parts["serviceName"])
    id = call.number("id")
    for task in state.tasks.get(vps.name, []):
        if task.id == id:
            return view(task, state.now())
    raise not_found()


def view(task: Task, moment: float) -> dict[str, Any]:
    """Model `vps.Task`."""
    said = task.state(moment)
    return {
        "id": task.id,
        "date": iso(task.created),
        "type": task.type,
        "state": said,
        "progress": 100 if said == "done" else 30,
    }


def begin(state: State, service: str, type: str, ends: float | None = None) -> Task:
    now = state.now()
    task = Task(state.next_id(), service, type, now, now + state.behaviour.todo_s, ends)
    with state.core.lock:
        state.tasks.setdefault(service, []).append(task)
    return task


def end(state: State, task: Task, outcome: str = "done") -> None:
    with state.core.lock:
        tasks = state.tasks.get(task.service, [])
        state.tasks[task.service] = [
            replace(one, ends=state.now(), outcome=outcome) if one.id == task.id else one for one in tasks
        ]


def running(state: State, service: str) -> list[Task]:
    """What goes on at this moment, whatever the list says."""
    now = state.now()
    return [task for task in state.tasks.get(service, []) if task.state(now) in UNFINISHED]


def refuse_if_busy(state: State, service: str, rest_s: float = 0.0) -> None:
    """Raise unless the VPS is idle, and has been for so long."""
    now = state.now()
    for task in state.tasks.get(service, []):
        if task.state(now) in UNFINISHED or (task.ends is not None and now < task.ends + rest_s):
            raise bad("Action not available while there are running tasks on the VPS")
