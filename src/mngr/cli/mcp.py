"""`mngr mcp`: verbs and VMs as tools, for one agents' program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mngr.vmservice.scopes import Scope

SCOPES = ("read", "lifecycle", "destructive")


@click.command("mcp")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="destructive",
    show_default=True,
    help="The most that a tool may do.",
)
@click.option(
    "--client", metavar="NAME",
    help="Whose agents those are that are made: only they can be destroyed. Default: a new name each time.",
)  # fmt: skip
def command(scope: Scope, client: str | None) -> int:
    """Serve mngr's verbs and VMs as tools over standard input and output (MCP), for one program, until it goes away.

    \b
    claude mcp add mngr -- mngr mcp --client claude
    mngr mcp --scope read

    VM_PROVISIONER_URL and VM_PROVISIONER_TOKEN name a VM service; without them VMs are those of this computer's libvirt.
    docs/mcp.md has the rest.
    """
    import secrets

    from mngr.model.errors import MngrError

    try:
        from mngr.mcp import agents, stdio
    except ImportError as problem:
        raise MngrError(f"MCP's library isn't here ({problem})", hint="pip install 'mngr[mcp]'") from None
    name = agents.check_client(client) if client is not None else f"once-{secrets.token_hex(4)}"
    stdio.Server(name, scope).run()
    return 0
