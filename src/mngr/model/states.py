"""The words for how an agent and a host are."""

from typing import Literal

AgentState = Literal["running", "waiting", "done", "stopped", "unknown"]
#: Why an agent waits: at its prompt, for leave to do something, for an answer, for a login; "": that can't be told.
Reason = Literal["", "finished", "permission", "question", "login"]
HostState = Literal[
    "building",
    "running",
    "stopping",
    "stopped",
    "paused",
    "crashed",
    "failed",
    "destroyed",
    "evicted",
    "unreachable",
]

#: Hosts that are there: what they hold is known, and an agent can be put on them.
SETTLED = ("running", "stopped", "paused", "crashed")

#: Hosts that are down by their own or somebody's will: one word for people, with the reason.
DOWN = ("stopped", "paused")


def word(state: str) -> str:
    """A host's state for people."""
    return "stopped" if state in DOWN else state


#: An alive agent that showed neither output nor CPU time for this many seconds is `waiting`.
QUIET_S = 10.0
