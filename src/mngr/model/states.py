"""The words for how an agent and a host are."""

from typing import Literal

AgentState = Literal["running", "waiting", "done", "stopped", "unknown"]
HostState = Literal[
    "building", "running", "stopping", "stopped", "paused", "crashed", "failed", "destroyed", "unreachable"
]

#: Hosts that are there: what they hold is known, and an agent can be put on them.
SETTLED = ("running", "stopped", "paused", "crashed")

#: An alive agent that showed neither output nor CPU time for this many seconds is `waiting`.
QUIET_S = 10.0
