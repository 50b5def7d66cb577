"""`mngr create`."""

import sys
from typing import TYPE_CHECKING, Any, Unpack

import click

from mngr.cli.create_options import Options
from mngr.cli.output import check_format, for_programs, format_option, quiet_option, write_json, write_rows
from mngr.model.errors import Interrupted, InvalidInput, MngrError

if TYPE_CHECKING:
    from mngr.ops.context import Mngr
    from mngr.ops.create import Created
    from mngr.ops.plan import CreatePlan
    from mngr.ops.talk import Sent


class WithCommand(click.Command):
    """Everything after a bare `--` is the agent's command, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, words = (
            (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, None)
        )
        ctx.obj = words
        return super().parse_args(ctx, own)


@click.command("create", cls=WithCommand, short_help="Create an agent, and a host for it if needed.")
@click.argument("address", required=False, metavar="[NAME[@HOST][.PROVIDER]]")
@click.argument("kind", required=False, metavar="[TYPE]")
@click.option(
    "--provider", metavar="NAME", help="Where: local, docker, vultr, … or an instance from the config."
)
@click.option(
    "-b",
    "--build-arg",
    "build_args",
    multiple=True,
    metavar="ARG",
    help="For the machine (--vps-plan=…) or docker build (--file=…, .).",
)
@click.option(
    "-s",
    "--start-arg",
    "start_args",
    multiple=True,
    metavar="ARG",
    help="For docker run, e.g. -s --memory=4g.",
)
@click.option("--image", help="Docker image of the host.")
@click.option("--user", metavar="image|NAME", help="Run agents as this user of the image (default: root).")
@click.option("--env", multiple=True, metavar="K=V", help="Environment variable of the agent.")
@click.option(
    "--env-file",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="dotenv file: K=V lines, quoted values over several lines, comments; $ stands for itself.",
)
@click.option("--pass-env", multiple=True, metavar="K", help="Pass on a variable of this shell.")
@click.option("--label", multiple=True, metavar="K=V", help="Label of the agent, shown by list.")
@click.option("--idle-timeout", metavar="TIME", help="Stop the host when idle this long: 900, 15m, 2h.")
@click.option(
    "--idle-mode",
    metavar="MODE",
    help="What counts as activity: io, user, agent, ssh, create, start, boot, run, disabled.",
)
@click.option("--max-lifetime", metavar="TIME", help="Stop the host after this long, whatever it does.")
@click.option("--snapshot", metavar="NAME|FILE", help="Start from a snapshot (its name or id, or a file).")
@click.option("--workdir", metavar="DIR", help="Where on the host the code, or else the agent, goes.")
@click.option(
    "--from",
    "source",
    type=click.Path(file_okay=False),
    help="Bring this directory's code; a directory within a repository: its files alone (default: the git repository "
    "around you; the agent begins where you are in it).",
)
@click.option("--no-code", is_flag=True, help="Bring no code.")
@click.option(
    "--worktree",
    is_flag=True,
    help="On this computer: a git worktree and branch (mngr/NAME) of the agent's own.",
)
@click.option(
    "--message",
    metavar="TEXT|@FILE|-",
    help="A first message, typed when its prompt is there: the text, @ and a file's name (without blanks), or standard input.",
)
@click.option("--connect/--no-connect", default=None, help="Connect afterwards (default: on a terminal).")
@click.option("--dry-run", is_flag=True, help="Check everything and show the price; make nothing.")
@click.option(
    "-y", "--yes", is_flag=True, help="Don't ask before money is spent; the price is said all the same."
)
@click.option(
    "--trust-first-contact",
    is_flag=True,
    help="Send secrets and snapshots to a host whose first host key nobody has verified (OVH).",
)
@format_option
@quiet_option
@click.pass_context
def command(ctx: click.Context, **options: Unpack[Options]) -> int:
    """Create an agent, and a host for it if needed.

    \b
    mngr create my-agent
    mngr create my-agent --provider vultr -b --vps-plan=vc2-2c-4gb
    mngr create web.docker -s --memory=1g -- python3 -m http.server
    mngr create fix claude --message "fix the failing test"
    """
    from mngr.cli import present, words
    from mngr.cli.create_options import first_message, request
    from mngr.cli.progress import Progress
    from mngr.ops import plan
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.create import create
    from mngr.providers.terminal import can_ask, confirm

    form, quiet = check_format(options["form"]), options["quiet"]
    connect = _connect(options["connect"], form)
    mngr = Mngr()
    message = first_message(options["message"])
    wanted = request(ctx.obj, options, agreed=mngr.config.assume_yes)
    if options["dry_run"]:
        return _show_plan(plan.plan(mngr, wanted), form)
    check_format(form, present.blank())

    def agree(checked: "CreatePlan") -> None:
        lines = words.of_plan(checked)
        if checked.asks(mngr.config.ask_above if can_ask() else None):
            with progress.paused():
                confirm(lines, False)
        elif checked.costs:
            for line in lines:
                progress.say(line)

    try:
        with Progress(f"create {wanted.name}", quiet) as progress:
            created = create(mngr, wanted, Phases(mngr.clock, progress), agree)
    except KeyboardInterrupt:
        click.echo("mngr: interrupted; what this create had made was taken back", err=True)
        return 130
    for note in [] if quiet else created.notes:
        click.echo(f"note: {words.of_note(note)}", err=True)
    code = _show(mngr, created, form, quiet, message)
    if connect:
        from mngr.cli.connect import attach

        return attach(mngr, wanted.name)
    return code


def _connect(asked: bool | None, form: str) -> bool:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if asked and not terminal:
        raise InvalidInput("--connect needs a terminal")
    if asked and form != "human":
        raise InvalidInput("--connect and --format exclude each other")
    return terminal and form == "human" if asked is None else asked


def _show_plan(plan: "CreatePlan", form: str) -> int:
    import msgspec

    from mngr.cli import words

    offer = {**msgspec.to_builtins(plan.offer), "notes": words.of_offer(plan)}
    data = {"name": plan.request.name, "host": plan.spec.name, "offer": offer}
    if not for_programs(form, False, data, [data]):
        click.echo(f"would create agent {plan.request.name}")
        for line in words.of_plan(plan):
            click.echo(f"  {line}")
    return 0


def _show(mngr: "Mngr", created: "Created", form: str, quiet: bool, message: str | bytes | None) -> int:
    """Shows what was made, once its first message was sent; the exit code. That it wasn't sent is told last: the agent is there
    all the same."""
    import msgspec

    from mngr.cli import present
    from mngr.cli.main import show

    sent, error = _send(mngr, created, quiet, message)
    data: dict[str, Any] = {
        "agent": present.agent(created.host, created.agent),
        "host": present.host(created.host),
        "phases": [msgspec.to_builtins(phase) for phase in created.phases],
    }
    if message is not None:
        data["delivered"] = sent.delivered if sent else None
    if form == "json":
        write_json(data)
    elif form != "human":
        whole = present.in_full(created.host, created.agent)
        write_rows(form, [data["agent"] if form == "jsonl" else whole], present.blank())
    elif not quiet:
        record, host = created.agent.record, created.host.record
        seconds = sum(phase.seconds for phase in created.phases)
        isolated = mngr.provider(host.provider).abilities.isolated
        where = f"on {host.name}.{host.provider}" if isolated else "here"
        next_step = f"mngr connect {record.name}"
        if created.agent.state == "done":
            missing = " (no such command)" if created.agent.exit_code == 127 else ""
            next_step = (
                f"it has ended with exit code {created.agent.exit_code}{missing}; mngr logs {record.name}"
            )
        click.echo(f"created {record.name} ({record.type}) {where} in {seconds:.1f} s; {next_step}")
        if sent:
            click.echo(f"sent to {record.name} ({sent.delivered})")
    if error:
        show(error)
    return error.exit_code if error else 0


def _send(
    mngr: "Mngr", created: "Created", quiet: bool, message: str | bytes | None
) -> "tuple[Sent | None, MngrError | None]":
    """Sends the first message, if there is one."""
    from mngr.cli.progress import Progress
    from mngr.ops import talk
    from mngr.ops.context import Phases

    if message is None:
        return None, None
    try:
        with Progress(f"send {created.agent.record.name}", quiet) as progress:
            return talk.first(mngr, created.host, created.agent, message, Phases(mngr.clock, progress)), None
    except MngrError as error:
        return None, error
    except KeyboardInterrupt:
        name = created.agent.record.name
        hint = f"`mngr screen {name}` shows its terminal, `mngr send {name} …` sends it"
        return None, Interrupted(
            f"{name} is there; whether its first message was sent isn't known", hint=hint
        )
