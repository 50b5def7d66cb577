"""`mngr wait`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows
from mngr.cli.targets import names_argument

if TYPE_CHECKING:
    from mngr.ops.following import Back, Lost
    from mngr.ops.wait import Waited

#: As timeout(1) has it.
TIMED_OUT = 124


@click.command("wait", short_help="Wait until agents are done, or want something.")
@names_argument
@click.option(
    "--for", "wanted", multiple=True, metavar="STATE,…",
    help="What to wait for: running, waiting, done, stopped, removed, or why they wait: finished, permission, question, login. "
    "Default: waiting,done.",
)  # fmt: skip
@click.option("--all/--any", "every", default=True, help="Until all of them are there (default), or one is.")
@click.option("--timeout", metavar="TIME", help="No longer than this, such as 90s or 2h. Default: no limit.")
@format_option
@quiet_option
def command(
    names: tuple[str, ...], wanted: tuple[str, ...], every: bool, timeout: str | None, form: str, quiet: bool
) -> int:
    """Wait until agents are in a state, such as waiting or done. Returns at once if they are. @HOST stands for all of a host.

    \b
    mngr wait fix
    mngr wait a1 a2 --for done --timeout 2h
    mngr wait a1 a2 --any --for permission,done && echo "one of them wants you"

    Each host tells by itself, over one connection, which is made anew if it drops.

    Exit code: that of the agent's command, if it is done and done was waited for (of several: the highest); 0 if it waits; 124 when
    the time is over; 4 if an agent ended otherwise, or its host went down; 3 if it, or its host, is gone.
    """
    from mngr.cli.events import of_link
    from mngr.cli.main import show
    from mngr.cli.progress import waiting
    from mngr.cli.targets import read_names, several
    from mngr.model.errors import MngrError
    from mngr.model.idle import parse_duration
    from mngr.model.progress import Step
    from mngr.ops import wait
    from mngr.ops.context import Mngr
    from mngr.ops.on_change import OnChange

    check_format(form, _row(wait.Waited(agent_id="", name="", host_id="", host="", provider="", state="")))
    limit = None if timeout is None else parse_duration(timeout)
    states = wait.check_wanted(wanted)
    texts = read_names(names)
    mngr = Mngr()
    with waiting("wait", quiet) as progress:
        progress(Step("waiting", f"{several(texts)} ({', '.join(states)})"))

        def told(one: "Waited | Lost | Back") -> None:
            if isinstance(one, wait.Waited):
                with progress.paused():
                    _show(one, form, quiet)
            elif not quiet:
                progress.say(of_link("wait", one))

        with OnChange(mngr, show) as on_change:
            done = wait.wait(
                mngr, texts, states, any_one=not every, timeout_s=limit, watch=told, changes=on_change
            )
    if form == "json":
        write_json([_row(one) for one in done.agents])
    missing = [one for one in done.agents if one.fits == "no"]
    if done.timed_out:
        said = timeout if timeout and timeout[-1] in "smhd" else f"{timeout} s"
        left = ", ".join(f"{one.name} is {_state(one)}" for one in done.agents if one.fits == "open")
        show(MngrError(f"not within {said}: {left}", hint=f"waited for {', '.join(states)}"))
        return TIMED_OUT
    if missing and (every or not any(one.fits == "yes" for one in done.agents)):
        return 3 if any(one.state == "removed" for one in missing) else 4
    return done.exit_code


def _show(one: "Waited", form: str, quiet: bool) -> None:
    """An agent that is there, or can't come to be."""
    from mngr.cli.main import show
    from mngr.model.errors import MngrError

    if one.fits == "no":
        show(MngrError(f"{one.name}@{one.host}.{one.provider} {_why(one)}", hint=_way_on(one)))
    elif form in ("human", "json"):
        if form == "human" and not quiet:
            click.echo(f"{one.name} is {_state(one)}")
    else:
        write_rows(form, [_row(one)], _row(one))
        sys.stdout.flush()


def _state(one: "Waited") -> str:
    if one.reason:
        return f"{one.state}: {one.reason}"
    return one.state if one.exit_code is None else f"{one.state} (exit code {one.exit_code})"


def _why(one: "Waited") -> str:
    if one.host_state == "destroyed":
        return "is gone with its host"
    if one.host_state:
        from mngr.model.states import word

        return f"is {_state(one)}, as its host is {word(one.host_state)}"
    return "was removed" if one.state == "removed" else f"is {_state(one)}, and wasn't waited for as such"


def _way_on(one: "Waited") -> str:
    return (
        ""
        if one.state == "removed"
        else f"`mngr start {one.name}` runs it again; --for {one.state} waits for this"
    )


def _row(one: "Waited") -> dict[str, Any]:
    return {
        "name": one.name, "id": one.agent_id, "state": one.state, "reason": one.reason or None, "exit_code": one.exit_code,
        "fits": one.fits == "yes", "host": {"name": one.host, "id": one.host_id, "provider": one.provider},
    }  # fmt: skip
