"""`mngr gc`."""

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, for_programs, format_option, quiet_option
from mngr.cli.swept_words import of_found
from mngr.model.progress import Step

if TYPE_CHECKING:
    from mngr.model.swept import Found
    from mngr.ops.mngr import Mngr


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
    mngr gc --dry-run --format '{kind} {thing} {name}: {why}'
    mngr gc --forget my-host       of an account whose key is lost: its keys and its row in `mngr list` go
    """
    import msgspec

    from mngr.cli.progress import Progress
    from mngr.ops.mngr import Mngr
    from mngr.providers.terminal import can_ask

    check_format(form, _ROW)
    mngr = Mngr()
    if forget:
        for name in mngr.forget(forget):
            if not quiet:
                click.echo(f"forgot {name}; if its account has it still, that goes on paying for it")
        return 0
    if not (yes or dry_run or mngr.config.assume_yes) and can_ask():
        _ask(mngr, providers, quiet)
    with Progress("gc", quiet) as progress:
        progress(Step("sweep"))
        done = mngr.gc(providers, dry_run=dry_run)
    kinds = {name: msgspec.structs.asdict(swept) for name, swept in done.items()}
    found = [(name, kind, one) for name, some in kinds.items() for kind, all in some.items() for one in all]
    failed = any(kind == "errors" for _, kind, _ in found)
    whole = {
        name: {kind: [of_found(one) for one in all] for kind, all in some.items()}
        for name, some in kinds.items()
    }
    if not for_programs(form, False, whole, [_row(*one) for one in found]):
        for name, kind, one in found:
            would = "would be " if dry_run and kind != "kept" else ""
            errors = kind == "errors"
            line = f"mngr: {name}: " if errors else f"{name}: {would}{kind}: "
            click.echo(line + of_found(one), err=errors)
        if failed:
            click.echo("  → mngr gc may be given again in a minute: it goes on from where it was", err=True)
        if not quiet and not found:
            click.echo("nothing to do")
    return 5 if failed else 0


#: A row of what it shows.
_ROW: dict[str, str] = dict.fromkeys(("provider", "kind", "what", "thing", "name", "why"), "")


def _row(provider: str, kind: str, found: "Found") -> dict[str, str]:
    values = (provider, kind, of_found(found), str(found.thing), found.name, str(found.why))
    return dict(zip(_ROW, values, strict=True))


def _ask(mngr: "Mngr", providers: tuple[str, ...], quiet: bool) -> None:
    """Shows a person what would be released, if anything would, and asks."""
    from mngr.cli.progress import Progress
    from mngr.providers.terminal import confirm

    with Progress("gc", quiet) as progress:
        progress(Step("look"))
        would = mngr.gc(providers, dry_run=True)
    lines = [
        f"releases {of_found(found)} ({name})" for name, swept in would.items() for found in swept.released
    ]
    if lines:
        confirm(lines, False)
