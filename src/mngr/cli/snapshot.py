"""`mngr snapshot`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mngr.cli.output import (
    check_format,
    for_programs,
    format_option,
    names_option,
    quiet_option,
    show_problems,
)
from mngr.providers.terminal import confirm, table

if TYPE_CHECKING:
    from mngr.providers.contract import Snapshot


@click.group("snapshot", short_help="Save, list and remove snapshots of hosts.")
def command() -> None:
    """Snapshots of hosts: image and volume together.

    \b
    mngr snapshot create my-agent --to my-agent.tar
    mngr create copy --provider docker --snapshot my-agent.tar
    """


@command.command("create")
@click.argument("agent")
@click.option("--name", default="", help="The snapshot's name (default: the host's).")
@click.option(
    "--to", type=click.Path(dir_okay=False), metavar="FILE", help="Also bring it home, into this file."
)
@format_option
@quiet_option
def create(agent: str, name: str, to: str | None, form: str, quiet: bool) -> int:
    """Save the host of an agent; it is paused meanwhile. The snapshot lives where the host does.

    Docker volumes that are mounted into it are in it, too; a bind mount or tmpfs isn't, and is named first.

    \b
    mngr snapshot create my-agent --to my-agent.tar
    """
    from mngr.cli.progress import Progress
    from mngr.ops import snapshots
    from mngr.ops.context import Mngr, Phases

    check_format(form)
    mngr = Mngr()
    with Progress(f"snapshot {agent}", quiet) as progress:
        snapshot = snapshots.create(mngr, agent, name, Path(to) if to else None, Phases(mngr.clock, progress))
    row = {**_row(snapshot), "file": str(Path(to).absolute()) if to else None}
    if not for_programs(form, quiet, {"snapshot": row}, [row]):
        click.echo(
            f"saved {snapshot.id}" + (f", and in {to}" if to else "; --to FILE would also bring it home")
        )
    return 0


@command.command("list")
@click.argument("agent", required=False)
@format_option
@names_option
def list_(agent: str | None, form: str, quiet: bool) -> int:
    """List snapshots, all or those of one agent's host; on Docker those of this MNGR_HOME's hosts, as `mngr list`
    (with the provider's every_laptop = true: of all).

    \b
    mngr snapshot list

    Exit code 5 if a machine couldn't be read; what the others hold is listed all the same.
    """
    from mngr.cli import present
    from mngr.ops import snapshots
    from mngr.ops.context import Mngr

    check_format(form)
    listing = snapshots.list_(Mngr(), agent or "")
    rows = [_row(one) for one in listing.snapshots]
    whole = {"snapshots": rows, "errors": present.problems(listing.errors)}
    if for_programs(form, quiet, whole, rows, (one.id for one in listing.snapshots)):
        pass
    elif rows:
        heads = ["ID", "NAME", "HOST", "PROVIDER", "CREATED", "SIZE"]
        table(
            heads,
            [
                [one.id, one.name, one.host_name, one.provider, one.created_at, _size(one.size_bytes)]
                for one in listing.snapshots
            ],
        )
    else:
        click.echo("no snapshots could be read" if listing.errors else "no snapshots")
    if form != "json":
        show_problems(listing.errors)
    return 5 if listing.errors else 0


@command.command("destroy")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed.")
@format_option
@quiet_option
def destroy(names: tuple[str, ...], yes: bool, dry_run: bool, form: str, quiet: bool) -> int:
    """Remove snapshots, by name or id, for good.

    \b
    mngr snapshot destroy before-the-merge snap-0123456789abcdef --yes
    """
    from mngr.cli.targets import read_names
    from mngr.ops import snapshots
    from mngr.ops.context import Mngr

    check_format(form)
    mngr = Mngr()
    wanted = list(
        {one.id: one for _, one in (snapshots.find(mngr, name) for name in read_names(names))}.values()
    )
    called = {one.id: f"{one.id} ({one.name})" for one in wanted}
    if dry_run:
        if form == "human":
            for one in wanted:
                click.echo(f"would destroy snapshot {called[one.id]}")
        else:
            _told("would_destroy", wanted, form)
        return 0
    confirm([f"destroys snapshot {called[one.id]}" for one in wanted], yes or mngr.config.assume_yes)
    for one in wanted:
        snapshots.destroy(mngr, one.id)
        if form == "human" and not quiet:
            click.echo(f"destroyed {called[one.id]}")
    if form != "human":
        _told("destroyed", wanted, form)
    return 0


def _told(verb: str, done: "Sequence[Snapshot]", form: str) -> None:
    rows = [{"id": one.id, "name": one.name, "done": verb} for one in done]
    for_programs(form, False, {verb: rows}, rows)


def _row(snapshot: "Snapshot") -> dict[str, object]:
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "host": snapshot.host_name,
        "host_id": snapshot.host_id,
        "provider": snapshot.provider,
        "created_at": snapshot.created_at,
        "size_bytes": snapshot.size_bytes,
        "volumes": snapshot.volumes,
        "left_out": snapshot.left_out,
    }


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.0f} MB"
