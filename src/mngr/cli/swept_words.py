"""Sentences for what a sweep came upon, one for each reason."""

from mngr.model.swept import Found, Why

#: `what`: the thing. `who`: who is at work on it. `others`, `until`, `said`, `host`, `doing`: as in Found. `again`: when it is
#: looked at again, `because`: what was said, each behind its own punctuation, or "".
_SENTENCES: dict[Why, str] = {
    "create-cut-short": "{what} (its create was cut short)",
    "destroy-cut-short": "{what} (its destroy was cut short)",
    "snapshot-cut-short": "{what} (its making was cut short)",
    "abandoned": "{what} (abandoned by {who})",
    "no-agent": "{what} (it never got an agent)",
    "no-work": "{what} (no agent's any more; nothing is lost)",
    "gone-with-host": "{what} (gone with its host)",
    "machine-gone": "{what}, whose machine is gone",
    "no-host": "{what} (no host needs it)",
    "unused": "{what} (kept for the next host, and of no use by now)",
    "created": "the create of {what}",
    "record-written": "the record of {what}, written anew",
    "tags-put-back": "{what}: its tags {others}, which it had lost",
    "whole": "{what} (it is whole)",
    "wiped": "the wipe of what {what} had left on its machine",
    "order-cancelled": "{what} was cancelled by the vendor; nothing came of it",
    "ended": "{what} has ended",
    "spare": "{what}: cancelled, and kept for the next create",
    "in-the-making": "{what}: may be in the making, by {who}{again}",
    "busy": "{what}: {doing} by another mngr on this computer",
    "elsewhere": "{what}: a create was cut short there; another laptop's, so that is left to a person",
    "holds-agents": "{what}: it has no record, and holds agents: {others}{because}",
    "holds-work": "{what} (no agent's any more; has work that is nowhere else, so that is left to a person)",
    "lost-tags": "{what}: it is billed and has no tag {others}, so whose it is isn't known here (another computer's host, "
    "perhaps); `mngr destroy @{host} --unknown-agents` ends it",
    "no-lease": "{what}: it isn't ready and has no lease; `mngr destroy @{host}` if it is of no use",
    "not-released": "{what}: not yet released{because}",
    "not-wiped": "{what}: destroyed, and not wiped yet{because}; paid until {until}",
    "refused": "{what}{because}",
    "open": "{what}{because}; looked at again by every create and gc",
    "failed": "{what}{because}",
    "agents-unknown": "{what}: whether it holds agents can't be told{because}",
    "foreign": "{what}{because}; nothing was done about it",
    "not-swept": "its machines can't be listed, so nothing was touched{because}",
    "out-of-time": "not swept to the end within {limit:g} s",
    "twins": "{others} both say that they are {what}; nothing was done about it",
}

_DOING = {
    "": "being worked on", "create": "being created", "destroy": "being destroyed", "snapshot": "being saved", "wipe": "being wiped",
}  # fmt: skip


def of_found(found: Found) -> str:
    """One sentence, without a full stop."""
    if found.thing == "instance" and found.why == "failed":
        return found.said
    between = " and " if found.why in ("lost-tags", "twins") else ", "
    sentence = _SENTENCES[found.why].format(
        what=_what(found),
        who={"": "this computer", "?": "another computer"}.get(found.by, found.by),
        others=between.join(found.others),
        until=found.until,
        host=found.host,
        doing=_DOING[found.doing],
        again="" if found.again_s is None else f"; looked at again in {found.again_s:.0f} s",
        limit=found.again_s or 0,
        because=f": {found.said}" if found.said else "",
    )
    if found.why == "out-of-time" and found.others:
        sentence += f"; left: what was begun with {', '.join(found.others)}"
    return sentence


def _what(found: Found) -> str:
    match found.thing:
        case "leftover" | "directory" | "journal":
            return found.name
        case "machine":
            return f"machine {found.name} ({found.id})"
        case "vps":
            return f"{found.name} (order {found.id})"
        case "order" | "cart":
            of = f" ({', '.join(found.others)})" if found.others else ""
            return ("checkout of cart " if found.thing == "cart" else "order ") + found.name + of
        case "container" | "volume" | "snapshot" if found.host:
            return f"{found.thing} {found.name} of host {found.host}"
        case "agent" if found.host:
            return f"agent {found.name} on {found.host}"
        case _:
            return f"{found.thing} {found.name}" + (f" (machine {found.id})" if found.id else "")
