"""`mngr vm serve`, `mngr vm token`, `mngr vm key`: VMs over HTTP, and who may have them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_side import URL, only_here, service
from mngr.cli.vm_things import tell, tell_done, tell_list, yes_option
from mngr.providers.terminal import confirm

if TYPE_CHECKING:
    from mngr.cli.vm_here import Keys
    from mngr.cli.vm_there import There
    from mngr.vms.keys import Kind
    from mngr.vmservice.access import Tokens
    from mngr.vmservice.scopes import Scope

SCOPES = ("read", "lifecycle", "destructive")


@click.command("serve")
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen at."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT", help="Default: VM_PROVISIONER_PORT, else 8092."
)
@click.option("--no-auth", is_flag=True, help="Take requests without a token; on a loopback address only.")
def serve(host: str, port: int | None, no_auth: bool) -> int:
    """Serve the REST API for VMs and SSH keys, until Ctrl-C or SIGTERM.

    \b
    mngr vm token create laptop --scope destructive
    mngr vm serve --host 0.0.0.0
    curl -H "Authorization: Bearer TOKEN" http://127.0.0.1:8092/api/vms

    LIBVIRT_URI (default here: qemu:///system), LIBVIRT_STORAGE_POOL, LIBVIRT_STORAGE_PATH and SSH_KEY_DIR say where VMs and
    keys are. docs/vm.md has the rest.
    """
    import dataclasses

    from mngr.model.errors import MngrError

    try:
        from mngr.vmservice import serve as serving
        from mngr.vmservice import settings
    except ImportError as problem:
        raise MngrError(
            f"the service's libraries aren't here ({problem})", hint="pip install 'mngr[server]'"
        ) from None
    if os.environ.get(URL):
        click.echo(
            f"{URL} is for the other verbs: what is served are the VMs of this computer's libvirt", err=True
        )
    told = settings.read()
    if port is not None:
        told = dataclasses.replace(told, port=port)
    serving.serve(told, host, open_to_all=no_auth, ready=lambda url: click.echo(f"serving at {url}"))
    return 0


@click.group("token", short_help="Tokens for those who use the service.")
def token() -> None:
    """Tokens for those who use `mngr vm serve`. Each has a scope: read, lifecycle (also create, start, stop), or destructive
    (also delete).

    \b
    mngr vm token create laptop --scope lifecycle
    mngr vm token list
    mngr vm token delete laptop
    """


@token.command("create")
@click.argument("name")
@click.option("--scope", type=click.Choice(SCOPES), default="read", show_default=True, help="What it allows.")
@format_option
@quiet_option
def token_create(name: str, scope: Scope, form: str, quiet: bool) -> int:
    """Make a token, and show it this once: only its hash is kept.

    \b
    mngr vm token create laptop --scope lifecycle
    """
    check_format(form)
    only_here("`mngr vm token`")
    made = _tokens().make(name, scope)
    row = {"name": name, "scope": scope, "token": made}
    tell(form, False, row, [row], [made])
    return 0


@token.command("list")
@format_option
@names_option
def token_list(form: str, quiet: bool) -> int:
    """List the tokens there are, by name; themselves they aren't kept.

    \b
    mngr vm token list
    """
    check_format(form)
    only_here("`mngr vm token`")
    rows = [{"name": name, "scope": one.scope} for name, one in sorted(_tokens().all().items())]
    tell_list("tokens", rows, {"NAME": "name", "SCOPE": "scope"}, form, quiet)
    return 0


@token.command("delete")
@click.argument("name")
@format_option
@quiet_option
def token_delete(name: str, form: str, quiet: bool) -> int:
    """Make a token worthless, at once.

    \b
    mngr vm token delete laptop
    """
    check_format(form)
    only_here("`mngr vm token`")
    _tokens().remove(name)
    tell_done(form, quiet, {"name": name, "status": "deleted"}, f"removed token {name}")
    return 0


@click.group("key", short_help="SSH key pairs, in SSH_KEY_DIR.")
def key() -> None:
    """SSH key pairs that the service makes and keeps, in SSH_KEY_DIR (default: /app/ssh_keys).

    \b
    mngr vm key create my-key --type ed25519
    mngr vm key list
    mngr vm key show my-key
    mngr vm key delete my-key --yes
    mngr vm key inject web my-key
    """


@key.command("create")
@click.argument("name")
@click.option("--comment", default="", metavar="TEXT", help="Default: the name.")
@click.option(
    "--type",
    "kind",
    type=click.Choice(("rsa", "ed25519")),
    default="rsa",
    show_default=True,
    help="rsa has 4096 bits.",
)
@format_option
@quiet_option
def key_create(name: str, comment: str, kind: Kind, form: str, quiet: bool) -> int:
    """Make a key pair. One that is there is never written over (exit code 4).

    \b
    mngr vm key create my-key
    """
    check_format(form)
    row = _keys().make_key(name, comment, kind)
    private = [] if quiet else [f"private key: {row['private_path']}"]
    tell(form, False, row, [row], [row["public_key"], *private])
    return 0


@key.command("list")
@format_option
@names_option
def key_list(form: str, quiet: bool) -> int:
    """List the keys there are.

    \b
    mngr vm key list
    """
    check_format(form)
    rows = _keys().keys()
    tell_list("keys", rows, {"NAME": "name", "PRIVATE PATH": "private_path"}, form, quiet)
    return 0


@key.command("show")
@click.argument("name")
@format_option
@quiet_option
def key_show(name: str, form: str, quiet: bool) -> int:
    """Print a public key, as one line.

    \b
    mngr vm key show my-key >> ~/.ssh/authorized_keys
    """
    check_format(form)
    row = _keys().key(name)
    tell(form, False, row, [row], [row["public_key"]])
    return 0


@key.command("delete")
@click.argument("name")
@yes_option
@format_option
@quiet_option
def key_delete(name: str, yes: bool, form: str, quiet: bool) -> int:
    """Remove a key pair. VMs that know its public key go on letting its holder in.

    \b
    mngr vm key delete my-key --yes
    """
    check_format(form)
    keys = _keys()
    keys.key(name)
    confirm([f"removes key {name}, private part and all"], yes)
    keys.delete_key(name)
    tell_done(form, quiet, {"name": name, "status": "deleted"}, f"removed key {name}")
    return 0


def _tokens() -> Tokens:
    from mngr.vmservice import settings
    from mngr.vmservice.access import Tokens

    return Tokens(settings.read().tokens)


def _keys() -> Keys | There:
    if there := service():
        return there
    from mngr.cli.vm_here import Keys

    return Keys()
