"""`mngr destroy`."""

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.targets import names_argument
from mngr.model.errors import NotFound, NotWiped
from mngr.model.progress import Step

if TYPE_CHECKING:
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.lifecycle import Destroyed
    from mngr.ops.losing import Loss
    from mngr.ops.names import Group


@click.command("destroy", short_help="Remove agents and hosts for good.")
@names_argument
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.option("-f", "--force", is_flag=True, help="Don't ask, and let names be that aren't there.")
@click.option("--unknown-agents", is_flag=True, help="Also @HOST whose agents can't be read.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed.")
@click.option("--gc/--no-gc", default=True, help="Sweep afterwards, for half a minute at most (default).")
@format_option
@quiet_option
def command(
    names: tuple[str, ...],
    yes: bool,
    force: bool,
    unknown_agents: bool,
    dry_run: bool,
    gc: bool,
    form: str,
    quiet: bool,
) -> int:
    """Remove agents and, with their last agent, hosts and machines; ends their bill.

    Says what is lost: commits that `mngr pull` never brought home, and files that aren't committed.

    \b
    mngr destroy my-agent
    mngr destroy @my-host --yes        a host with all its agents
    """
    from mngr.cli.losses import lines, row
    from mngr.cli.main import show
    from mngr.cli.progress import Progress
    from mngr.cli.report import ROW, report, would
    from mngr.cli.targets import find_groups, for_each, read_names
    from mngr.ops.context import Mngr
    from mngr.ops.lifecycle import check_known, destroy
    from mngr.providers.terminal import confirm

    check_format(form, ROW)
    mngr = Mngr()
    wanted = read_names(names)
    if force:
        wanted = [name for name in wanted if _is_there(mngr, name)]
    found = find_groups(mngr, wanted, quiet)
    for group in [] if dry_run else found:
        check_known(group, unknown_agents=unknown_agents)
    agreed = yes or force or mngr.config.assume_yes
    lost = _losses(mngr, found, quiet) if dry_run or not (agreed and quiet) else {}
    if dry_run:
        human = form == "human"
        would_go = [
            (group, "".join([described(group), *(lines(lost, group) if human else [])])) for group in found
        ]
        would("destroy", would_go, form, lambda group: row(lost, group))
        return 0
    if found:
        confirm(
            ["".join(["destroys ", described(group), *lines(lost, group)]) for group in found],
            agreed,
        )
    if agreed:
        for group in found:
            for line in lines(lost, group):
                click.echo(f"note: {line.strip()}", err=True)
    unwiped: list[NotWiped] = []

    def one(group: "Group", phases: "Phases") -> tuple["Group", str]:
        try:
            done = destroy(mngr, group, phases, unknown_agents=unknown_agents)
            return group, note(group, done)
        except NotWiped as error:
            unwiped.append(error)
            return group, "not wiped"

    with Progress("destroy", quiet) as progress:
        done, code = for_each(mngr, found, progress, one)
        if gc and done:
            progress(Step("gc"))
            _sweep(mngr, sorted({group.host.record.provider for group, _ in done}), quiet)
    report("destroyed", done, form, quiet)
    for error in unwiped:
        show(error)
    return code or (NotWiped.exit_code if unwiped else 0)


def described(group: "Group") -> str:
    """What a destroy would take away, and what it would leave."""
    from mngr.cli.report import describe
    from mngr.ops.lifecycle import takes_host

    if not takes_host(group):
        return "; ".join(filter(None, [describe(group), _stays(group)]))
    host = group.host
    word = "" if host.agents_known else "; only with --unknown-agents"
    paid = f"; paid until {host.paid_until}, of which nothing is paid back" if host.paid_until else ""
    return describe(group) + word + paid


def note(group: "Group", done: "Destroyed") -> str:
    """What is left after a destroy, and what went with the host."""
    from mngr.cli.report import snapshots

    if not done.host_gone:
        return _stays(group)
    said = []
    if done.snapshots_lost:
        said.append(f"and {snapshots(done.snapshots_lost)} that lived on its machine only")
    if done.paid_until:
        said.append(f"its machine is paid until {done.paid_until}, and not renewed")
    if left := done.snapshots_left:
        stay = "stays" if left.count == 1 else "stay"
        said.append(
            f"{snapshots(left.count)} of it {stay} on {left.provider}: {left.size_bytes / 1e6:.0f} MB of disk; "
            "`mngr snapshot list` shows them"
        )
    return "; ".join(said)


def _stays(group: "Group") -> str:
    """What a destroy leaves: the host, the other agents on it, its bill."""
    from mngr.cli.columns import price
    from mngr.ops.lifecycle import stays_with

    host, others = group.host, stays_with(group)
    if host.permanent or not others:
        return ""
    bill = f" and its bill ({price(host)})" if price(host) else ""
    return f"host {host.record.name} stays, with {', '.join(others)}{bill}"


def _losses(mngr: "Mngr", found: list["Group"], quiet: bool) -> dict[str, list["Loss"]]:
    """What is lost, by host id."""
    from mngr.cli.progress import waiting
    from mngr.ops.losing import losses

    with waiting("look for work", quiet):
        return {group.host.record.id: lost for group, lost in zip(found, losses(mngr, found), strict=True)}


def _is_there(mngr: "Mngr", name: str) -> bool:
    from mngr.ops.names import resolve

    try:
        return bool(resolve(mngr, [name]))
    except NotFound:
        return False


def _sweep(mngr: "Mngr", providers: list[str], quiet: bool) -> None:
    from mngr.cli.swept_words import of_found
    from mngr.ops.sweep import sweep_for

    for name, swept in sweep_for(mngr, providers).items():
        for what in [] if quiet else swept.released:
            click.echo(f"gc: {name}: released {of_found(what)}", err=True)
        for what in [] if quiet else swept.finished:
            click.echo(f"gc: {name}: finished: {of_found(what)}", err=True)
        for error in swept.errors:
            click.echo(f"gc: {name}: {of_found(error)}; `mngr gc` tries again", err=True)
