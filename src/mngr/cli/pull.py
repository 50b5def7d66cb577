"""`mngr pull`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mngr.cli.output import check_format, for_programs, format_option, quiet_option
from mngr.model.errors import Conflict

if TYPE_CHECKING:
    from mngr.ops.pull import Left, Pulled

_OTHER = "--branch NAME brings it under another name"

#: What to do about what stayed with the agent, by the reason why it did.
HINTS = {
    "checked-out": f"{_OTHER}; then `git merge NAME`",
    "name-clash": "git branch -m renames it; or " + _OTHER,
    "diverged": f"{_OTHER}; --force replaces yours, and keeps what it had as NAME-was-ID",
}


@click.command("pull", short_help="Bring an agent's commits home as a branch.")
@click.argument("name")
@click.option(
    "--branch",
    default="",
    metavar="NAME",
    help="What HEAD's branch is called here (default: mngr/<agent>/<its name there>).",
)
@click.option(
    "--into",
    default=".",
    type=click.Path(exists=True, file_okay=False),
    help="The repository here (default: around this directory).",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace branches that have commits of their own, which are kept beside them.",
)
@format_option
@quiet_option
def command(name: str, branch: str, into: str, force: bool, form: str, quiet: bool) -> int:
    """Bring an agent's commits home: its branches and stashes with new work, as branches mngr/<agent>/<name>. It can be
    repeated.

    \b
    mngr pull my-agent && git merge mngr/my-agent/main
    """
    from mngr.cli.main import show
    from mngr.cli.progress import Progress
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.pull import pull_agent

    check_format(form)
    mngr = Mngr()
    with Progress(f"pull {name}", quiet) as progress:
        done = pull_agent(mngr, name, Path(into), branch, Phases(mngr.clock, progress), force=force)
    row = _row(done)
    if not for_programs(form, quiet, row, [row]):
        _tell(done)
    for left in done.left:
        show(Conflict(f"{_what(left)} stayed with the agent: {_why(left)}", hint=HINTS.get(left.reason, "")))
    return Conflict.exit_code if done.left else 0


def _row(done: "Pulled") -> dict[str, Any]:
    """For programs. `uncommitted`: changed and untracked files together. Of what stayed, also the sentences."""
    import msgspec

    left = [
        {
            **msgspec.to_builtins(one),
            "what": _what(one),
            "why": _why(one),
            "hint": HINTS.get(one.reason, ""),
        }
        for one in done.left
    ]
    return {
        **msgspec.to_builtins(done),
        "left": left,
        "new": bool(done.brought),
        "uncommitted": done.changed + done.untracked,
    }


def _what(left: "Left") -> str:
    """What stayed with the agent."""
    where = "" if left.repository == "." else f" in {left.repository}"
    if left.reason == "unreadable":
        return f"the repository {left.repository}"
    if not left.kind:
        return f"{left.commits} commit{_s(left.commits)}{where}"
    if left.kind == "head":
        return (f"branch {left.of}" if left.of else "HEAD") + where
    return f"{left.kind} {left.of}{where}"


def _why(left: "Left") -> str:
    match left.reason:
        case "unreadable":
            return "git can't read it"
        case "no-repository":
            return f"there is no repository {left.repository} here"
        case "checked-out":
            return f"branch {left.branch} is checked out here, so it isn't changed"
        case "name-clash":
            return f"branch {left.branch} clashes with an existing one: git can't hold both a and a/b"
        case "diverged":
            return f"branch {left.branch} here has commits that the agent's doesn't"
        case "git":
            return left.git or "git failed"


def _tell(done: "Pulled") -> None:
    for former, name in done.renamed.items():
        click.echo(f"branch {former} is called {name} now")
    for one in done.brought:
        where = "" if one.repository == "." else f" of {one.repository}"
        what = {"head": "", "stash": f" (a stash: {one.of})"}.get(one.kind, f" ({one.kind} {one.of})")
        kept = f"; what it had is kept as {one.kept}" if one.kept else ""
        click.echo(f"branch {one.branch}{where} is at {one.commit[:12]}{what}{kept}")
    if done.here:
        click.echo(f"branch {done.branch} is here already: its worktree is of this repository")
    elif not done.brought and not done.left:
        click.echo("no new commits")
    uncommitted = done.changed + done.untracked
    notes = [
        (uncommitted, f"{uncommitted} uncommitted change{_s(uncommitted)} stayed with the agent"),
        (len(done.busy), f"a {' and a '.join(done.busy)} hasn't come to its end there"),
        (
            done.dropped if done.brought else 0,
            f"{done.dropped} commit{_s(done.dropped)} that no branch there holds any more stayed in its reflog",
        ),
        (not done.noted, "the host couldn't note that these came home: destroy will name them again"),
    ]
    for count, text in notes:
        if count:
            click.echo(f"note: {text}", err=True)


def _s(count: int) -> str:
    return "" if count == 1 else "s"
