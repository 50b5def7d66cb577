"""`mngr gc`."""

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows
from mngr.model.progress import Step

if TYPE_CHECKING:
    from mngr.ops.context import Mngr
    from mngr.providers.contract import Swept


@click.command("gc", short_help="Find and release what killed commands left behind.")
@click.option(
    "--provider", "providers", multiple=True, metavar="NAME", help="Only this provider instance (repeatable)."
)
@click.option("--dry-run", is_flag=True, help="Show what would be done.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask (only a terminal is asked).")
@click.option(
    "--forget", multiple=True, metavar="HOST",
    help="Do nothing else but drop what is kept here of a host that another account has (repeatable).",
)  # fmt: skip
@format_option
@quiet_option
def command(
    providers: tuple[str, ...], dry_run: bool, yes: bool, forget: tuple[str, ...], form: str, quiet: bool
) -> int:
    """Find and release what killed commands left behind. Touches no host with agents.

    \b
    mngr gc --dry-run
    mngr gc --forget my-host       of an account whose key is lost: its keys and its row in `mngr list` go
    """
    from mngr.cli.progress import Progress
    from mngr.ops.context import Mngr
    from mngr.ops.sweep import sweep
    from mngr.providers.terminal import can_ask

    check_format(form, {"provider": "", "kind": "", "what": ""})
    mngr = Mngr()
    if forget:
        from mngr.ops.sweep import forget as drop

        for name in drop(mngr, forget):
            if not quiet:
                click.echo(f"forgot {name}; if its account has it still, that goes on paying for it")
        return 0
    if not (yes or dry_run or mngr.config.assume_yes) and can_ask():
        _ask(mngr, providers, quiet)
    with Progress("gc", quiet) as progress:
        progress(Step("sweep"))
        done = sweep(mngr, providers, dry_run=dry_run)
    said = {name: _said(swept) for name, swept in done.items()}
    failed = any(one["errors"] for one in said.values())
    if form == "json":
        write_json(said)
    elif form != "human":
        rows = [
            {"provider": name, "kind": kind, "what": what}
            for name, kinds in said.items()
            for kind, lines in kinds.items()
            for what in lines
        ]
        write_rows(form, rows)
    else:
        _show(said, "would be " if dry_run else "")
        if failed:
            click.echo("  → mngr gc may be given again in a minute: it goes on from where it was", err=True)
        if not quiet and not any(lines for kinds in said.values() for lines in kinds.values()):
            click.echo("nothing to do")
    return 5 if failed else 0


def _said(swept: "Swept") -> dict[str, list[str]]:
    """What a sweep of one provider did, by kind, in words."""
    from mngr.cli.words import of_swept

    kinds = {
        "released": swept.released,
        "finished": swept.finished,
        "kept": swept.kept,
        "errors": swept.errors,
    }
    return {kind: [of_swept(one) for one in found] for kind, found in kinds.items()}


def _show(said: dict[str, dict[str, list[str]]], would: str) -> None:
    for name, kinds in said.items():
        for kind in ("released", "finished", "kept"):
            for what in kinds[kind]:
                click.echo(f"{name}: {would if kind != 'kept' else ''}{kind}: {what}")
        for error in kinds["errors"]:
            click.echo(f"mngr: {name}: {error}", err=True)


def _ask(mngr: "Mngr", providers: tuple[str, ...], quiet: bool) -> None:
    """Shows a person what would be released, if anything would, and asks."""
    from mngr.cli.progress import Progress
    from mngr.ops.sweep import sweep
    from mngr.providers.terminal import confirm

    with Progress("gc", quiet) as progress:
        progress(Step("look"))
        would = sweep(mngr, providers, dry_run=True)
    lines = [
        f"releases {what} ({name})" for name, swept in would.items() for what in _said(swept)["released"]
    ]
    if lines:
        confirm(lines, False)
