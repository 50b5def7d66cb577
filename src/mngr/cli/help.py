"""`mngr help`."""

import click

from mngr.model.errors import InvalidInput


@click.command("help", short_help="Show the help of a verb.")
@click.argument("verbs", nargs=-1, metavar="[VERB]…")
@click.pass_context
def command(ctx: click.Context, verbs: tuple[str, ...]) -> None:
    """Show the help of a verb, or of all.

    \b
    mngr help create
    mngr help snapshot create
    """
    parent = ctx.parent
    assert parent is not None
    context, found = parent, parent.command
    for verb in verbs:
        if not isinstance(found, click.Group):
            raise InvalidInput(
                f"{context.command_path} has no verb {verb!r}", hint="--help shows its options"
            )
        name, below, _ = found.resolve_command(context, [verb])
        assert below is not None
        context, found = click.Context(below, info_name=name, parent=context), below
    click.echo(found.get_help(context))
