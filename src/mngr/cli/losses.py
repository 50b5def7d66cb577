"""What a destroy would take away: as lines for a person, as data for a program."""

from collections.abc import Mapping
from typing import Any

from mngr.model.states import word
from mngr.ops.losing import Loss, Unpulled, Unread
from mngr.ops.names import Group

#: What the agents of each host lose, by host id.
Losses = Mapping[str, list[Loss]]


def lines(losses: Losses, group: Group) -> list[str]:
    """What is lost, each on a line of its own that begins with the line's end before."""
    return [f"\n  {said(one)}" for one in losses.get(group.host.record.id, []) if not one.is_none()]


def row(losses: Losses, group: Group) -> dict[str, Any]:
    return {"work": [_as_data(one) for one in losses.get(group.host.record.id, [])]}


def _as_data(loss: Loss) -> dict[str, Any]:
    return {
        "agent": loss.agent,
        "commits": loss.commits,
        "branches": _branches(loss),
        "subject": loss.subject,
        "stashes": _stashes(loss),
        "changed": loss.changed,
        "untracked": loss.untracked,
        "files": loss.files,
        "problem": _problem(loss, loss.unread) if loss.unread else "",
    }


def said(loss: Loss) -> str:
    """What one agent loses, in words."""
    if loss.unread:
        who = loss.agent or "its agents"
        return f"{who} couldn't be asked for unpulled commits: {_problem(loss, loss.unread)}"
    parts: list[str] = []
    if loss.commits:
        commits = _count(loss.commits, "commit")
        how = "that no other branch has" if loss.worktree else "never pulled"
        parts.append(f"{commits} {how}, on {', '.join(_branches(loss))} (newest: {loss.subject})")
    if stashes := _stashes(loss):
        parts.append(f"{len(stashes)} stash{'' if len(stashes) == 1 else 'es'} ({'; '.join(stashes)})")
    if loss.changed:
        parts.append(_count(loss.changed, "uncommitted file"))
    if loss.untracked:
        parts.append(_count(loss.untracked, "untracked file"))
    if loss.files:
        parts.append(f"{_count(loss.files, 'file')} in no repository")
    return f"{loss.agent} has " + ", ".join(parts)


def _problem(loss: Loss, unread: Unread) -> str:
    if unread.repository:
        return f"{unread.repository}: git can't read it"
    if not unread.state:
        return unread.error
    if not loss.agent:
        return unread.error or word(unread.state)
    return f"its host is {word(unread.state)}" + (f" ({unread.error})" if unread.error else "")


def _branches(loss: Loss) -> list[str]:
    return [_where(one) + _name(one) for one in loss.unpulled if one.kind != "stash"]


def _stashes(loss: Loss) -> list[str]:
    return [_where(one) + one.name for one in loss.unpulled if one.kind == "stash"]


def _where(unpulled: Unpulled) -> str:
    return "" if unpulled.repository == "." else f"{unpulled.repository}: "


def _name(unpulled: Unpulled) -> str:
    known = unpulled.kind in ("head", "branch")
    return (unpulled.name or "HEAD") if known else f"{unpulled.kind} {unpulled.name}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
