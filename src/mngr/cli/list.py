"""`mngr list`."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import click

from mngr.cli.output import (
    check_format,
    field,
    fields,
    format_option,
    names_option,
    no_field,
    show_problems,
    write_json,
    write_names,
    write_rows,
)
from mngr.model.errors import InvalidInput, MngrError
from mngr.model.states import AgentState, HostState, Reason
from mngr.providers.terminal import erase, table

if TYPE_CHECKING:
    from mngr.cli.rows import Row
    from mngr.model.names import Address
    from mngr.model.views import Listing

STATES = list(dict.fromkeys([*get_args(AgentState), *filter(None, get_args(Reason)), *get_args(HostState)]))


class WithFields(click.Command):
    """A verb whose help ends with the fields of templates."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from mngr.cli import present
        from mngr.cli.columns import COLUMNS

        with formatter.section("Fields of templates, --sort and --columns"):
            formatter.write_text(" ".join(fields(present.blank())))
        with formatter.section("Columns"):
            formatter.write_text(" ".join(one.lower().replace(" ", "-") for one in COLUMNS))


@click.command("list", cls=WithFields, short_help="Show agents, hosts, and what they cost.")
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.option(
    "--provider", "providers", multiple=True, metavar="NAME", help="Only this provider instance (repeatable)."
)
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), metavar="STATE",
    help="Only agents in this state, waiting for this reason, or on hosts in this state (repeatable: one of them).",
)  # fmt: skip
@click.option(
    "--label", "labels", multiple=True, metavar="K[=V]", help="Only agents with this label (repeatable: all)."
)
@click.option("--sort", metavar="FIELD", help="By this field, such as created_at; -FIELD: downwards.")
@click.option(
    "--columns", metavar="A,B,C", help="These columns of the table, such as name,host-state,labels.team."
)
@click.option(
    "--watch",
    is_flag=True,
    help="Draw it anew when something changes, until Ctrl-C; jsonl: the rows that changed.",
)
@format_option
@names_option
def command(
    names: tuple[str, ...],
    providers: tuple[str, ...],
    states: tuple[str, ...],
    labels: tuple[str, ...],
    sort: str | None,
    columns: str | None,
    watch: bool,
    form: str,
    quiet: bool,
) -> int:
    """Show agents, hosts, and what they cost: all, or those of these names.

    \b
    mngr list
    mngr list --state running --label team=search --sort -host.cost_so_far
    mngr list --state permission --state question
    mngr list --format '{name} {state} {host.provider} {labels.team}'
    mngr list -q | mngr stop -
    mngr list --watch

    Exit code 5 if something couldn't be read; the rest is listed all the same.
    """
    from mngr.cli import present, rows
    from mngr.cli.progress import waiting
    from mngr.cli.targets import read_names
    from mngr.model.names import parse_address, parse_label
    from mngr.model.progress import Step
    from mngr.model.views import Listing
    from mngr.ops.context import Mngr
    from mngr.ops.listing import LIST_LIMIT_S, list_hosts

    shape = present.blank()
    check_format(form, shape)
    if watch and (quiet or form == "json" or (form == "human" and not sys.stdout.isatty())):
        raise InvalidInput(
            "--watch draws on a terminal", hint="elsewhere --format jsonl prints the rows that change"
        )
    by = (sort or "").removeprefix("-")
    if sort is not None:
        _check_field("--sort", by, shape)
    for label in labels:
        parse_label(label if "=" in label else f"{label}=")
    chosen = _chosen(columns, form, shape)
    wanted = [parse_address(name) for name in read_names(names)]
    mngr = Mngr()
    asked = providers or (sorted({one.provider for one in wanted}) if all(a.provider for a in wanted) else ())

    def picked(whole: Listing) -> tuple[list["Row"], list["Address"]]:
        found, missing = rows.named(whole, wanted) if names else (rows.rows(whole), [])
        found = [
            one
            for one in found
            if (not states or any(rows.in_state(one, state) for state in states))
            and all(rows.labelled(one, label) for label in labels)
        ]
        if sort:
            found = rows.ordered(found, lambda row: field(row, by, shape), sort.startswith("-"))
        return found, missing

    drawn = 0  # lines on the terminal that go when all is known

    def so_far(known: Listing, late: Sequence[str]) -> None:
        nonlocal drawn
        progress(Step("asking", ", ".join(late)))
        found, _ = picked(known)
        if found and form == "human" and not quiet and sys.stdout.isatty():
            with progress.paused():
                erase(drawn)
                _show(found, chosen, mngr.clock.now(), late)
                drawn = 1 + len(found) + len(late)

    with waiting("list", quiet) as progress:
        whole = Listing()
        if wanted or not names:
            whole = list_hosts(mngr, asked, limit_s=LIST_LIMIT_S, waiting=so_far)
    erase(drawn)
    found, missing = picked(whole)
    if watch and not missing:
        from mngr.cli.list_watch import watch as watch_list

        return watch_list(
            mngr, whole, asked, lambda known: picked(known)[0], lambda some: _show(some, chosen, mngr.clock.now()), form,
            lambda row: present.agent(row.host, row.agent) if form == "jsonl" and row.agent else present.in_full(*row), shape,
        )  # fmt: skip
    spares = [] if names or states or labels else whole.spares
    if form == "human" and quiet:
        write_names(rows.addresses(whole, found, in_full=bool(asked)))
    elif form == "human" and found:
        left_out = _show(found, chosen, mngr.clock.now())
        if left_out:
            said = f"(no room for {', '.join(left_out)}: `mngr show NAME` shows all, --columns chooses)"
            click.echo(said, err=True)
    elif form == "human":
        if not missing:
            click.echo(_nothing(providers, states, labels, bool(names), unread=bool(whole.errors)))
    elif form == "json":
        write_json(present.listing(found, whole.errors, spares))
    else:
        agents = [one for one in found if one.agent]
        write_rows(
            form,
            present.listing(agents, [])["agents"]
            if form == "jsonl"
            else [present.in_full(*one) for one in agents],
            shape,
        )
    if form != "json":
        for spare in [] if quiet else spares:
            click.echo(
                f"{spare.provider}: {spare.machine} ({spare.plan}, {spare.region}) is paid until {spare.paid_until} and carries no "
                "host: the next create that fits takes it at no new charge",
                err=True,
            )
        show_problems(whole.errors)
    if missing:
        return _not_there(whole, missing)
    return 5 if whole.errors or any(one.host.state == "unreachable" for one in found) else 0


def _not_there(whole: "Listing", missing: Sequence["Address"]) -> int:
    """Says of each name that there is no such thing; the exit code."""
    from mngr.cli.main import show
    from mngr.ops.names import not_there

    code = 0
    for address in missing:
        try:
            not_there(whole, address)
        except MngrError as error:
            show(error)
            code = code or error.exit_code
    return code


def _check_field(where: str, name: str, shape: dict[str, Any]) -> None:
    try:
        field(shape, name, shape)
    except KeyError:
        raise no_field(where, name, shape) from None


def _chosen(columns: str | None, form: str, shape: dict[str, Any]) -> list[str]:
    """The columns that are asked for. Raises InvalidInput if one is none, or nobody sees a table."""
    from mngr.cli.columns import COLUMNS, title

    if columns is None:
        return []
    if form != "human":
        raise InvalidInput("--columns is for the table", hint="--format '{name} {state}' chooses fields")
    chosen = [one.strip() for one in columns.split(",")]
    for one in chosen:
        if title(one) not in COLUMNS:
            extra = {title.lower().replace(" ", "-"): "" for title in COLUMNS}
            _check_field("--columns", one, {**extra, **shape})
    return chosen


def _show(found: Sequence["Row"], chosen: Sequence[str], now: float, late: Sequence[str] = ()) -> list[str]:
    """The table; the columns for which there was no room. `late`: providers that haven't answered yet."""
    from mngr.cli import present
    from mngr.cli.columns import COLUMNS, EASE, FLOORS, LESS, RANKS, title
    from mngr.cli.output import fill

    if chosen:
        shape = present.blank()

        def cell(row: "Row", name: str) -> str:
            known = COLUMNS.get(title(name))
            return known(row, now) if known else fill(f"{{{name}}}", present.in_full(*row), shape)

        titles = [title(name) for name in chosen]
        cells = [[cell(row, name) for name in chosen] for row in found]
    else:
        titles = list(COLUMNS)
        cells = [[cell(row, now) for cell in COLUMNS.values()] for row in found]
    for provider in late:
        row = {"NAME": "…", "HOST": provider, "HOST STATE": "no answer yet"}
        cells.append([row.get(title, "") for title in titles])
    return table(
        titles, cells, empty=bool(chosen), floors=FLOORS, ranks=() if chosen else RANKS, ease=EASE, less=LESS
    )


def _nothing(
    providers: Sequence[str], states: Sequence[str], labels: Sequence[str], named: bool, *, unread: bool
) -> str:
    """What is said where there is nothing to show, and why that may be."""
    if unread:
        return "no agents could be read"
    parts = [f"in state {' or '.join(states)}"] if states else []
    parts += [f"with label {' and '.join(labels)}"] if labels else []
    parts += [f"on {' or '.join(providers)}"] if providers else []
    if not parts and not named:
        return "no agents yet; `mngr create my-agent` makes one"
    return " ".join(["none", *parts])
