"""A change of how an agent, or a host, is."""

from typing import Any

import msgspec

from mngr.model.clock import iso

#: What `state` may be beside an agent's and a host's states.
REMOVED, RENAMED = "removed", "renamed"
#: What can be waited for: an agent's states, and reasons of waiting.
STATES = ("running", "waiting", "done", "stopped", REMOVED)
REASONS = ("finished", "permission", "question", "login")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """At `at` (seconds since the epoch, by the host's clock) an agent came to be in `state`; without `agent_id`, its host.

    `state`: an agent's or a host's, or `removed`, or `renamed` (`name` is the new name, `reason` the former). `reason`: why it
    waits, or why the host stops. `number`: of its line on the host, which grows by one; None for what was seen without one:
    a process that was killed, a host that is down.
    """

    at: float
    host_id: str
    host: str
    provider: str
    agent_id: str = ""
    name: str = ""
    state: str
    reason: str = ""
    exit_code: int | None = None
    number: int | None = None

    def plain(self) -> dict[str, Any]:
        """As `mngr events --format jsonl` prints it, and `on_change` reads it."""
        return {
            "at": iso(self.at),
            "name": self.name or None,
            "id": self.agent_id or None,
            "state": self.state,
            "reason": self.reason or None,
            "exit_code": self.exit_code,
            "host": {"name": self.host, "id": self.host_id, "provider": self.provider},
            "number": self.number,
        }
