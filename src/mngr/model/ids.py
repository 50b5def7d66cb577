"""Identifiers. They are made once, travel in tags and file names, and never change."""

import os
import re

_ID = re.compile(r"(agent|host|snap)-[0-9a-f]{16}\Z")


def new_agent_id() -> str:
    return "agent-" + os.urandom(8).hex()


def first_agent_id(host_id: str) -> str:
    """The id of the agent that a host is made for: a create that is repeated before the host is there announces the
    same one."""
    return "agent-" + host_id.removeprefix("host-")


def new_host_id() -> str:
    return "host-" + os.urandom(8).hex()


def new_snapshot_id() -> str:
    return "snap-" + os.urandom(8).hex()


def is_id(text: str) -> bool:
    """Whether `text` is an id as made here. Ids read from tags and files are checked with this before use."""
    return bool(_ID.match(text))
