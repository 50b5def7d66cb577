"""`mngr vm serve`, `mngr vm token`, `mngr vm key`: VMs over HTTP, and who may have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from mngr.cli.output import (
    check_format,
    for_programs,
    format_option,
    names_option,
    quiet_option,
    write_json,
    write_rows,
)
from mngr.providers.terminal import confirm, table

if TYPE_CHECKING:
    from mngr.vms.keys import Key, KeyStore, Kind
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
    made = _tokens().make(name, scope)
    _tell(form, {"name": name, "scope": scope, "token": made}, [made])
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
    rows = [{"name": name, "scope": one.scope} for name, one in sorted(_tokens().all().items())]
    _rows(form, quiet, "tokens", rows)
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
    _tokens().remove(name)
    _tell(form, {"name": name, "status": "deleted"}, [] if quiet else [f"removed token {name}"])
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
    made = _keys().generate(name, comment, kind)
    _tell(form, _key(made), [made.public_key, *([] if quiet else [f"private key: {made.private_path}"])])
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
    _rows(form, quiet, "keys", [_key(one) for one in _keys().all()], ("name", "private_path"))
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
    found = _keys().get(name)
    _tell(form, _key(found), [found.public_key])
    return 0


@key.command("delete")
@click.argument("name")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@format_option
@quiet_option
def key_delete(name: str, yes: bool, form: str, quiet: bool) -> int:
    """Remove a key pair. VMs that know its public key go on letting its holder in.

    \b
    mngr vm key delete my-key --yes
    """
    check_format(form)
    store = _keys()
    store.get(name)
    confirm([f"removes key {name}, private part and all"], yes)
    store.delete(name)
    _tell(form, {"name": name, "status": "deleted"}, [] if quiet else [f"removed key {name}"])
    return 0


def _tokens() -> Tokens:
    from mngr.vmservice import settings
    from mngr.vmservice.access import Tokens

    return Tokens(settings.read().tokens)


def _keys() -> KeyStore:
    from mngr.vms.keys import KeyStore
    from mngr.vmservice import settings

    return KeyStore(settings.read().key_dir)


def _key(key: Key) -> dict[str, object]:
    import msgspec

    return msgspec.to_builtins(key)


def _tell(form: str, row: Mapping[str, object], lines: Iterable[str]) -> None:
    if form == "json":
        write_json(row)
    elif form != "human":
        write_rows(form, [dict(row)])
    else:
        for line in lines:
            click.echo(line)


def _rows(
    form: str,
    quiet: bool,
    what: str,
    rows: Sequence[Mapping[str, object]],
    columns: tuple[str, ...] = ("name", "scope"),
) -> None:
    if for_programs(form, quiet, {what: rows}, rows, (str(one["name"]) for one in rows)):
        return
    if rows:
        table(
            [one.upper().replace("_", " ") for one in columns],
            [[str(row[one]) for one in columns] for row in rows],
        )
    else:
        click.echo(f"no {what}")
