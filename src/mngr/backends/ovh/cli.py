"""`mngr ovh …`: what the account holds, taking in a VPS by a person's word, and confirming a first contact."""

from typing import TYPE_CHECKING, Any

import click

from mngr.model.errors import Conflict, InvalidInput, NotFound
from mngr.providers.terminal import confirm, table

if TYPE_CHECKING:
    from mngr.backends.ovh.provider import OvhProvider

_INSTANCE = click.option(
    "--provider", "instance", default="ovh", metavar="NAME", help="The provider instance (default: ovh)."
)


@click.group("ovh", short_help="OVH's own verbs.")
def command() -> None:
    """What an OVH account holds, and what only a person may decide.

    \b
    mngr ovh list --all
    mngr ovh adopt vps-1a2b3c4d.vps.ovh.us
    mngr ovh verify my-host --fingerprint SHA256:…
    """


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Untagged VPSs and orders under way too.")
@click.option("--format", "form", default="human", metavar="FORMAT", help="human (default) or json.")
@_INSTANCE
def list_(everything: bool, form: str, instance: str) -> int:
    """Show the account's VPSs: plan, datacenter, state, expiration, renewal, tags.

    \b
    mngr ovh list
    mngr ovh list --all
    """
    from mngr.backends.ovh.listing import rows

    if form not in ("human", "json"):
        raise InvalidInput(f"--format {form!r} isn't known here", hint="human or json")
    provider = _provider(instance)
    found, problems = rows(provider.cloud, everything)
    if form == "json":
        import json

        click.echo(json.dumps({"vps": found, "errors": problems}))
    else:
        _table(found, everything, bool(problems))
        for problem in problems:
            click.echo(f"mngr: {problem}", err=True)
    return 5 if problems else 0


def _table(found: list[dict[str, Any]], everything: bool, partial: bool) -> None:
    if found:
        head = ["SERVICE", "PLAN", "DATACENTER", "STATE", "EXPIRATION", "CANCEL?", "USE", "TAGS"]
        lines = [
            [
                row["service"], row["plan"], row["datacenter"], row["state"], row["expiration"],
                {True: "yes", False: "no", None: ""}[row["cancelled"]], row["use"],
                " ".join(f"{key}={value}" for key, value in row["tags"].items()),
            ]
            for row in found
        ]  # fmt: skip
        table(head, lines, empty=True)
    elif not partial:
        click.echo(
            "the account has no VPS"
            if everything
            else "no VPS of mngr's; `mngr ovh list --all` shows those without its tags"
        )


@command.command("adopt")
@click.argument("service")
@click.option("-y", "--yes", is_flag=True, help="Don't ask: the next create may wipe it.")
@_INSTANCE
def adopt(service: str, yes: bool, instance: str) -> None:
    """Take in a VPS that mngr ordered and lost sight of: its renewal is cancelled, and a later create recycles it.

    \b
    mngr ovh adopt vps-1a2b3c4d.vps.ovh.us
    """
    provider = _provider(instance)
    from mngr.backends.ovh import release
    from mngr.backends.ovh.listing import adoptable

    vps = adoptable(provider.cloud, provider.name, service)
    question = (
        f"{vps.name}: {vps.plan} in {vps.datacenter}, {vps.state}, paid until {vps.renewal.expiration}. "
        "Its renewal is cancelled, and the next `mngr create` that fits WIPES it."
    )
    confirm([question], yes)
    release.adopt(provider.cloud.parts, vps.name)
    click.echo(f"adopted {vps.name}: cancelled, and kept for the next create until {vps.renewal.expiration}")


@command.command("verify")
@click.argument("name")
@click.option(
    "--fingerprint", required=True, metavar="SHA256:…",
    help="As `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says on the VPS's console (KVM) on OVH's page.",
)  # fmt: skip
@_INSTANCE
def verify(name: str, fingerprint: str, instance: str) -> None:
    """Confirm a host's key, which was taken on trust at the first contact.

    \b
    mngr ovh verify my-host --fingerprint SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8
    """
    provider = _provider(instance)
    hosts = [
        view
        for view in provider.discover().hosts
        if name.lstrip("@") in (view.record.name, view.record.id)
        or name in [one.record.name for one in view.agents]
    ]
    if not hosts:
        raise NotFound(f"{instance} has no host or agent {name}", hint="`mngr list` shows those there are")
    if len(hosts) > 1:
        raise Conflict(
            f"{name} is on several hosts: {', '.join(one.record.id for one in hosts)}",
            hint="give a host's id",
        )
    host = hosts[0]
    click.echo(provider.verify(host.record.id, fingerprint))
    if host.record.ssh_trust == "unverified" and host.agents:
        names = ", ".join(agent.record.name for agent in host.agents)
        click.echo(
            f"note: {names} started before that; what was withheld then stays withheld, also after `mngr start`, as it was "
            "never sent",
            err=True,
        )
        click.echo(
            f"  → `mngr create NEW-NAME@{host.record.name} --env …` puts an agent beside it that gets its environment; "
            "then `mngr destroy` the old one",
            err=True,
        )


def _provider(name: str) -> "OvhProvider":
    from mngr.providers.registry import build_of

    return build_of("ovh", name)
