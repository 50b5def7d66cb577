"""What a sweep came upon, as data; `mngr.cli.swept_words` has a sentence for each reason."""

from typing import Any, Literal

import msgspec

Thing = Literal[
    "agent", "cart", "container", "directory", "host", "image", "instance", "journal", "leftover", "machine", "order",
    "snapshot", "volume", "vps", "worktree",
]  # fmt: skip

Why = Literal[
    # why it was taken away
    "create-cut-short", "destroy-cut-short", "snapshot-cut-short", "abandoned", "no-agent", "no-work", "gone-with-host",
    "machine-gone", "no-host", "unused",
    # what was set right
    "created", "record-written", "tags-put-back", "whole", "wiped", "order-cancelled", "ended", "spare",
    # why it was left
    "in-the-making", "busy", "elsewhere", "holds-agents", "holds-work", "lost-tags", "no-lease", "not-released", "not-wiped",
    "refused", "open",
    # what went wrong
    "failed", "agents-unknown", "foreign", "not-swept", "out-of-time", "twins",
]  # fmt: skip


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a sweep came upon, and why it was taken, set right, or left.

    `name`: what it is called (a directory: its path; a leftover: the cloud's words for it). `id`: a machine's; of a host the
    machine's that carries it; of a VPS the order's that it came of. `host`: whose it is. `doing`: what is being done with it. `by`: which laptop does, or did ("": this
    computer, "?": not known). `others`: the agents on it, the tags that it lost, its twins, the hosts that weren't
    swept, or an order's plan and region. `until`: a day,
    YYYY-MM-DD or ISO. `again_s`: in how many seconds a sweep looks again, or (`out-of-time`) how many it
    had. `said`: the words of who
    knows more: an error's message, a vendor's state of an order.
    """

    thing: Thing
    name: str
    why: Why
    id: str = ""
    host: str = ""
    doing: Literal["", "create", "destroy", "snapshot", "wipe"] = ""
    by: str = ""
    others: list[str] = []
    until: str = ""
    again_s: float | None = None
    said: str = ""

    def instead(self, why: Why, said: str = "", **more: Any) -> "Found":
        """The same thing, for another reason."""
        return msgspec.structs.replace(self, why=why, said=said, **more)


class Swept(msgspec.Struct, kw_only=True):
    """What a sweep did (or, dry, would do), and what it left for a reason."""

    released: list[Found] = []
    finished: list[Found] = []
    kept: list[Found] = []
    errors: list[Found] = []
