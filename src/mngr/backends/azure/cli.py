"""`mngr azure …`: making and taking away what machines need in a subscription."""

from typing import TYPE_CHECKING, Any

import click

from mngr.model.errors import InvalidInput
from mngr.providers.terminal import confirm

if TYPE_CHECKING:
    from mngr.backends.azure.cloud import AzureCloud
    from mngr.backends.azure.provider import AzureProvider
    from mngr.model.notes import Note
    from mngr.model.progress import Step


def _options(function: Any) -> Any:
    """What prepare and cleanup may be told instead of the settings."""
    for name, what in (
        ("--nsg-name", "The network security group."),
        ("--subnet-name", "The subnet."),
        ("--vnet-name", "The virtual network."),
        ("--resource-group", "The resource group."),
        ("--subscription-id", "The subscription."),
    ):
        function = click.option(name, metavar="NAME", help=f"{what} Default: the provider's settings.")(
            function
        )
    return _which(function)


def _which(function: Any) -> Any:
    form = click.option(
        "--format", "form", default="human", metavar="FORMAT", help="human (default) or json."
    )
    which = click.option(
        "--provider",
        "instance",
        default="azure",
        metavar="NAME",
        help="The provider instance (default: azure).",
    )
    return form(which(function))


@click.group("azure", short_help="Azure's own verbs.")
def command() -> None:
    """What a subscription needs before it can have machines.

    \b
    mngr azure prepare --allowed-ssh-cidr 203.0.113.4/32
    mngr azure bake
    mngr azure cleanup
    """


@command.command("prepare")
@click.option(
    "--allowed-ssh-cidr",
    "cidrs",
    multiple=True,
    metavar="CIDR",
    help="From where SSH may come; may be repeated.",
)
@click.option("--region", metavar="REGION", help="Where, in Azure's words. Default: the provider's settings.")
@_options
def prepare(cidrs: tuple[str, ...], region: str | None, form: str, instance: str, **given: str | None) -> int:
    """Make the resource group, the network and the role. May be repeated; what others added there stays.

    \b
    mngr azure prepare --allowed-ssh-cidr 203.0.113.4/32
    mngr azure prepare --provider azure-west
    """
    from mngr.backends.azure.config import ANYWHERE
    from mngr.backends.azure.prepare import prepare

    cloud = _cloud(instance, form, given, cidrs)
    config = cloud.config
    region = region or config.default_region
    group = cloud.group.in_region(region)
    done = prepare(cloud.arm, group, config.allowed_ssh_cidrs, _say, asked=bool(cidrs))
    if form == "json":
        return _json(done)
    for one in done.made:
        click.echo(f"made: {one}")
    click.echo(f"{done.group} in {done.region} is ready" + ("" if done.made else ", as it was"))
    if ANYWHERE in done.open_to:
        _warn("SSH is open to the whole internet (keys only, no passwords); --allowed-ssh-cidr narrows that")
    if not done.open_to:
        _warn("no rule lets SSH in: machines can be reached from within their network only")
    if done.no_role:
        _warn(f"idle machines can't stop their own bill, only `mngr stop` does: {done.no_role}")
    for one in done.warnings:
        _warn(one)
    return 0


@command.command("cleanup")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@_options
def cleanup(yes: bool, form: str, instance: str, **given: str | None) -> int:
    """Take away what prepare made. Refuses while there are machines, and what isn't mngr's.

    \b
    mngr azure cleanup
    """
    from mngr.backends.azure.cleanup import cleanup

    cloud = _cloud(instance, form, given)
    confirm([f"this deletes the resource group {cloud.config.resource_group} with its network"], yes)
    done = cleanup(cloud.arm, cloud.group, _say)
    if form == "json":
        return _json(done)
    for one in done.removed:
        click.echo(f"removed: {one}")
    for one in done.kept:
        click.echo(f"kept: {one}")
    if not done.removed and not done.kept:
        click.echo("there was nothing to remove")
    return 0


@command.command("bake")
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="REGION",
    help="Where it shall be had, besides the provider's own region; may be repeated.",
)
@click.option("--fresh", is_flag=True, help="Make it anew, with today's packages, though there is one.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@_which
def bake(regions: tuple[str, ...], fresh: bool, yes: bool, form: str, instance: str) -> int:
    """Make an image with Docker in it, so that creates install nothing. May be repeated; cleanup removes it.

    \b
    mngr azure bake
    mngr azure bake --region eastus --region westeurope
    """
    from mngr.backends.azure.bake import Bake

    provider = _provider(instance, form, {})
    bake = Bake(provider, [*provider.config.fallback_regions, *regions], _tell)
    offer = bake.offer(fresh=fresh)
    if offer is not None:
        price = f", USD {offer.per_hour:.4g} an hour," if offer.per_hour is not None else ""
        confirm(
            [
                f"this rents a {offer.plan} in {offer.region}{price} for about a quarter of an hour",
                "the image costs about USD 0.05 a GB and month, in each region",
            ],
            yes,
        )
    done = bake.run(fresh=fresh)
    if form == "json":
        return _json(done)
    where = f"{done.image.rpartition('/galleries/')[2]} in {', '.join(done.regions)}"
    click.echo(f"made: {where}" if done.made else f"{where} is there, as it was")
    for one in done.removed:
        click.echo(f"removed: {one}")
    return 0


def _cloud(
    instance: str, form: str, given: dict[str, str | None], cidrs: tuple[str, ...] = ()
) -> "AzureCloud":
    """What the verb works on. Raises as `_provider`."""
    return _provider(instance, form, given, cidrs).cloud


def _provider(
    instance: str, form: str, given: dict[str, str | None], cidrs: tuple[str, ...] = ()
) -> "AzureProvider":
    """The instance: flags over settings over defaults. Raises InvalidInput."""
    from mngr.providers.registry import build_of

    if form not in ("human", "json"):
        raise InvalidInput(f"--format {form!r} isn't known here", hint="human or json")
    flags: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if cidrs:
        flags["allowed_ssh_cidrs"] = list(cidrs)
    return build_of("azure", instance, flags)


def _json(done: Any) -> int:
    import msgspec

    click.echo(msgspec.json.encode(done))
    return 0


def _say(step: str) -> None:
    click.echo(f"{step} …", err=True)


def _tell(told: "Step | Note") -> None:
    from mngr.model.notes import Remark
    from mngr.model.progress import Step

    if isinstance(told, Step):
        _say(": ".join(filter(None, (told.phase, told.detail))))
    elif isinstance(told, Remark):
        _warn(told.text)


def _warn(text: str) -> None:
    click.echo(f"mngr: {text}", err=True)
