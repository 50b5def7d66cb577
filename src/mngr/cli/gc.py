"""`mngr gc`."""

import sys
from typing import Any

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows
from mngr.model.progress import Step


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
    import msgspec

    from mngr.cli.progress import Progress
    from mngr.ops.context import Mngr
    from mngr.ops.sweep import sweep

    check_format(form, {"provider": "", "kind": "", "what": ""})
    mngr = Mngr()
    if forget:
        from mngr.ops.sweep import forget as drop

        for name in drop(mngr, forget):
            if not quiet:
                click.echo(f"forgot {name}; if its account has it still, that goes on paying for it")
        return 0
    if sys.stdin.isatty() and not (yes or dry_run or mngr.config.assume_yes):
        _ask(mngr, providers, quiet)
    with Progress("gc", quiet) as progress:
        progress(Step("sweep"))
        done = sweep(mngr, providers, dry_run=dry_run)
    if form not in ("human", "json"):
        kinds = ("released", "finished", "kept", "errors")
        write_rows(
            form,
            [
                {"provider": name, "kind": kind, "what": what}
                for name, swept in done.items()
                for kind in kinds
                for what in getattr(swept, kind)
            ],
        )
    elif form == "json":
        write_json({name: msgspec.to_builtins(swept) for name, swept in done.items()})
    else:
        would = "would be " if dry_run else ""
        for name, swept in done.items():
            for kind in ("released", "finished", "kept"):
                for what in getattr(swept, kind):
                    click.echo(f"{name}: {would if kind != 'kept' else ''}{kind}: {what}")
            for error in swept.errors:
                click.echo(f"mngr: {name}: {error}", err=True)
        if any(swept.errors for swept in done.values()):
            click.echo("  → mngr gc may be given again in a minute: it goes on from where it was", err=True)
        if not quiet and not any(
            one.released or one.finished or one.kept or one.errors for one in done.values()
        ):
            click.echo("nothing to do")
    return 5 if any(swept.errors for swept in done.values()) else 0


def _ask(mngr: Any, providers: tuple[str, ...], quiet: bool) -> None:
    """Shows a person what would be released, if anything would, and asks."""
    from mngr.cli.progress import Progress
    from mngr.ops.sweep import sweep
    from mngr.providers.terminal import confirm

    with Progress("gc", quiet) as progress:
        progress(Step("look"))
        would = sweep(mngr, providers, dry_run=True)
    lines = [f"releases {what} ({name})" for name, swept in would.items() for what in swept.released]
    if lines:
        confirm(lines, False)
