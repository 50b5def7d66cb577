"""The words for how an agent and a host are."""

from typing import Literal

AgentState = Literal["running", "waiting", "done", "stopped", "unknown"]
HostState = Literal[
    "building", "running", "stopping", "stopped", "paused", "crashed", "failed", "destroyed", "unreachable"
]

#: An alive agent that showed neither output nor CPU time for this many seconds is `waiting`.
QUIET_S = 10.0
