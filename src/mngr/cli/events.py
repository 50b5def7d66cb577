"""`mngr events`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, quiet_option, show_problems, write_json, write_rows

if TYPE_CHECKING:
    from mngr.model.events import Event
    from mngr.ops.following import Back, Lost


@click.command("events", short_help="Show how agents' states changed, and change.")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option("-f", "--follow", is_flag=True, help="Go on with those that come, until Ctrl-C.")
@click.option(
    "--since", metavar="TIME", help="Only of the last so long, such as 90s or 2h. With --follow: also those."
)
@format_option
@quiet_option
def command(names: tuple[str, ...], follow: bool, since: str | None, form: str, quiet: bool) -> int:
    """Show each change of state that hosts remember, of all agents or of these; @HOST stands for all of a host. With --follow
    those that come, from now on, also of hosts that are made meanwhile.

    \b
    mngr events
    mngr events fix --since 1h
    mngr events --follow --format jsonl

    A host remembers its newest 1,000 changes at least. The config's on_change is run for each that comes while this follows:
    `mngr events --follow -q` as a service of yours does that all the time.

    Exit code 5 if a host's past couldn't be read.
    """
    from mngr.cli.progress import waiting
    from mngr.cli.targets import read_names
    from mngr.model.errors import InvalidInput
    from mngr.model.events import Event
    from mngr.model.idle import parse_duration
    from mngr.ops import events
    from mngr.ops.context import Mngr
    from mngr.ops.following import Back, Lost
    from mngr.ops.on_change import OnChange

    check_format(form, Event(at=0, host_id="", host="", provider="", state="").plain())
    if follow and form == "json":
        raise InvalidInput("--follow has no end, and --format json has one", hint="--format jsonl")
    ago = None if since is None else parse_duration(since)
    texts = read_names(names)
    mngr = Mngr()
    write = _writer(form, quiet and follow)
    with waiting("events", quiet):
        chosen = events.choose(mngr, texts)
        asked = not follow or ago is not None
        past = events.past(mngr, chosen, mngr.clock.now() - ago if ago else 0) if asked else events.Past()
    if form == "json":
        write_json([event.plain() for event in past.events])
    else:
        for event in past.events:
            write(event)
    show_problems(past.errors if asked else chosen.errors)
    if not follow:
        return 5 if past.errors else 0
    with OnChange(mngr, _said) as on_change:
        for told in events.follow(mngr, chosen, past.numbers, changes=on_change):
            if isinstance(told, Event):
                write(told)
            elif isinstance(told, Lost | Back) and not quiet:
                click.echo(of_link("events", told), err=True)
    return 0


def _writer(form: str, silent: bool) -> "Callable[[Event], None]":
    """What prints an event at once."""

    def write(event: "Event") -> None:
        if silent:
            return
        if form == "human":
            click.echo(line(event))
        else:
            write_rows(form, [event.plain()], event.plain())
        sys.stdout.flush()

    return write


def line(event: "Event") -> str:
    """An event for people: `12:31:07 fix@box.docker waiting: permission`."""
    import time

    from mngr.model.states import word

    today = time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", time.localtime(event.at))
    at = time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", time.localtime(event.at))
    who = f"{event.name}@{event.host}.{event.provider}"
    if not event.agent_id:
        return f"{at} {who} {word(event.state)}" + (f": {event.reason}" if event.reason else "")
    if event.state == "renamed":
        return f"{at} {who} was {event.reason} before"
    code = "" if event.exit_code is None else f" (exit code {event.exit_code})"
    return f"{at} {who} {event.state}" + (f": {event.reason}" if event.reason else "") + code


def of_link(verb: str, one: "Lost | Back") -> str:
    """What is said of a link that broke, or is back."""
    from mngr.ops.following import Lost

    where = f"{one.host.record.name}.{one.host.record.provider}"
    if isinstance(one, Lost):
        return f"{verb}: no link to {where}, trying again: {one.error}"
    return f"{verb}: {where} is back"


def _said(error: Exception) -> None:
    from mngr.cli.main import show

    show(error)
