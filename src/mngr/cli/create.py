"""`mngr create`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows
from mngr.model.errors import InvalidInput


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
@click.option("--snapshot", metavar="ID|FILE", help="Start from a snapshot.")
@click.option("--workdir", metavar="DIR", help="Where on the host the code, or else the agent, goes.")
@click.option(
    "--from",
    "source",
    type=click.Path(file_okay=False),
    help="Bring this directory's code; a directory within a repository: its files alone (default: the git repository "
    "around you; the agent begins where you are in it).",
)
@click.option("--no-code", is_flag=True, help="Bring no code.")
@click.option("--connect/--no-connect", default=None, help="Connect afterwards (default: on a terminal).")
@click.option("--dry-run", is_flag=True, help="Check everything and show the price; make nothing.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask before money is spent.")
@click.option(
    "--trust-first-contact",
    is_flag=True,
    help="Send secrets and snapshots to a host whose first host key nobody has verified (OVH).",
)
@format_option
@quiet_option
@click.pass_context
def command(ctx: click.Context, **options: Any) -> int:
    """Create an agent, and a host for it if needed.

    \b
    mngr create my-agent
    mngr create my-agent --provider vultr -b --vps-plan=vc2-2c-4gb
    mngr create web.docker -s --memory=1g -- python3 -m http.server
    """
    from mngr.cli.progress import Progress
    from mngr.cli.words import of_note
    from mngr.ops import present
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.create import create
    from mngr.ops.placing import placed

    form = check_format(options["form"])
    connect = _connect(options["connect"], form)
    _refuse_empty(options)
    mngr = Mngr()
    request = placed(mngr, _request(mngr, ctx.obj, options))
    if options["source"] and options["workdir"] and not mngr.provider(request.provider).abilities.isolated:
        raise InvalidInput(
            "--from and --workdir exclude each other on this computer, where agents work in the directory itself",
            hint="give one of them",
        )
    if options["dry_run"]:
        from mngr.ops import consent

        return _show_plan(request, consent.planned(mngr, request), form)
    check_format(form, present.blank_agent(request.labels))
    yes = options["yes"] or mngr.config.assume_yes
    if not yes:
        request = _agreed(mngr, request)
    try:
        with Progress(f"create {request.name}", options["quiet"]) as progress:
            created = create(mngr, request, Phases(mngr.clock, progress), _teller(progress, yes))
    except KeyboardInterrupt:
        click.echo("mngr: interrupted; what this create had made was taken back", err=True)
        return 130
    for note in [] if options["quiet"] else created.notes:
        click.echo(f"note: {of_note(note)}", err=True)
    _show(mngr, created, form, options["quiet"])
    if connect:
        from mngr.cli.connect import attach

        return attach(mngr, request.name)
    return 0


def _request(mngr: Any, words: list[str] | None, options: dict[str, Any]) -> Any:
    from mngr.model import names
    from mngr.ops.request import CreateRequest

    typed = options["address"]
    address = names.Address(_fresh_name()) if typed is None else names.parse_address(typed)
    if not address.name:
        raise InvalidInput(
            "create needs a name for the agent before the @", hint=f"mngr create my-agent{options['address']}"
        )
    if options["provider"] and address.provider not in ("", options["provider"]):
        raise InvalidInput(
            f"two providers: .{address.provider} and --provider {options['provider']}", hint="give one"
        )
    if options["no_code"] and options["source"]:
        raise InvalidInput("--from and --no-code exclude each other")
    if words is not None and not words:
        raise InvalidInput("nothing follows --", hint="mngr create my-agent -- python3 -m http.server")
    source, subdirectory = _source(options)
    return CreateRequest(
        name=address.name, host=address.host, provider=options["provider"] or address.provider,
        type=options["kind"] or ("command" if words else ""), command=words or (),
        build_args=options["build_args"], start_args=options["start_args"], image=options["image"] or "",
        user=options["user"] or "",
        env=_env(options), labels=dict(names.parse_label(text) for text in options["label"]), idle=_idle(options),
        snapshot=options["snapshot"] or "", work_dir=options["workdir"] or "", source=source,
        subdirectory=subdirectory,
        trust_first_contact=options["trust_first_contact"],
    )  # fmt: skip


def _refuse_empty(options: dict[str, Any]) -> None:
    """An empty value is most often a variable that isn't set: it isn't taken for "not given"."""
    for name in (
        "provider",
        "image",
        "user",
        "idle_timeout",
        "idle_mode",
        "max_lifetime",
        "snapshot",
        "workdir",
        "source",
    ):
        if options[name] == "":
            option = "--from" if name == "source" else f"--{name.replace('_', '-')}"
            raise InvalidInput(f"{option} has an empty value", hint="give it one, or leave it out")
    if options["kind"] == "":
        raise InvalidInput("the agent's type is empty", hint="leave it out for the default one")


def _env(options: dict[str, Any]) -> dict[str, str]:
    from mngr.model import environment

    env: dict[str, str] = {}
    for path in options["env_file"]:
        env |= environment.read_file(path)
    env |= {key: environment.passed_on(key, os.environ) for key in options["pass_env"]}
    return env | dict(environment.parse(text) for text in options["env"])


def _idle(options: dict[str, Any]) -> Any:
    from mngr.model.idle import parse_duration, parse_mode
    from mngr.providers.contract import IdleRequest

    asked = IdleRequest(
        mode=parse_mode(options["idle_mode"]) if options["idle_mode"] else None,
        timeout_s=parse_duration(options["idle_timeout"], zero=True) if options["idle_timeout"] else None,
        max_lifetime_s=parse_duration(options["max_lifetime"], zero=True)
        if options["max_lifetime"]
        else None,
    )
    return None if asked == IdleRequest() else asked


def _source(options: dict[str, Any]) -> tuple[Path | None, str]:
    """The directory whose code comes along, and where in it the agent begins. Without --from the whole repository comes."""
    if options["no_code"] or (options["snapshot"] and not options["source"]):
        return None, ""  # a snapshot has its code
    if options["source"]:
        return Path(options["source"]).absolute(), ""
    from mngr.ops.git import repository

    top = repository(Path.cwd())
    begin = os.path.relpath(os.path.realpath(Path.cwd()), os.path.realpath(top)) if top else "."
    return top, "" if begin.split(os.sep)[0] in (".", "..") else begin


def _connect(asked: bool | None, form: str) -> bool:
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if asked and not terminal:
        raise InvalidInput("--connect needs a terminal")
    if asked and form != "human":
        raise InvalidInput("--connect and --format exclude each other")
    return terminal and form == "human" if asked is None else asked


def _agreed(mngr: Any, request: Any) -> Any:
    """The request, once the user has agreed to what has to be agreed to."""
    from mngr.cli.progress import waiting
    from mngr.ops import consent
    from mngr.providers.terminal import confirm

    with waiting(f"create {request.name}"):
        request, offer = consent.wanted(mngr, request)
    if offer:
        confirm(_offer_lines(offer), False)
    return request


def _teller(progress: Any, yes: bool) -> Callable[[Any], None]:
    """Shows what a new host costs, where that wasn't shown with a question."""

    def tell(offer: Any) -> None:
        from mngr.ops import consent

        if consent.costs(offer) and (yes or not consent.asks(offer)):
            for line in _offer_lines(offer):
                progress.say(line)

    return tell


def _show_plan(request: Any, offer: Any, form: str) -> int:
    import msgspec

    said = {**msgspec.to_builtins(offer), "notes": _offer_notes(offer)}
    data = {"name": request.name, "host": request.host or request.name, "offer": said}
    if form == "json":
        write_json(data)
    elif form != "human":
        write_rows(form, [data])
    else:
        click.echo(f"would create agent {request.name}")
        for line in _offer_lines(offer):
            click.echo(f"  {line}")
    return 0


def _offer_lines(offer: Any) -> list[str]:
    machine = " · ".join(
        f"{key} {value}"
        for key, value in (("plan", offer.plan), ("region", offer.region), ("image", offer.image))
        if value
    )
    prices = [
        f"{offer.currency} {price:.4g} {unit}"
        for price, unit in ((offer.per_hour, "an hour"), (offer.per_month, "a month"))
        if price is not None
    ]
    return [line for line in (machine, ", at most ".join(prices), *_offer_notes(offer)) if line] or [
        "costs nothing"
    ]


def _offer_notes(offer: Any) -> list[str]:
    from mngr.cli.words import of_note

    return [note if isinstance(note, str) else of_note(note) for note in offer.notes]


def _show(mngr: Any, created: Any, form: str, quiet: bool) -> None:
    import msgspec

    from mngr.ops import present

    data = {
        "agent": present.agent(created.host, created.agent),
        "host": present.host(created.host),
        "phases": [msgspec.to_builtins(phase) for phase in created.phases],
    }
    if form == "json":
        write_json(data)
    elif form != "human":
        write_rows(form, [data["agent"]])
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


def _fresh_name() -> str:
    import random

    first = [
        "amber",
        "brisk",
        "calm",
        "clear",
        "deft",
        "eager",
        "fair",
        "keen",
        "light",
        "merry",
        "neat",
        "quick",
        "quiet",
        "sunny",
        "swift",
        "warm",
    ]
    second = [
        "ant",
        "bee",
        "crane",
        "deer",
        "finch",
        "hare",
        "heron",
        "lark",
        "lynx",
        "mole",
        "otter",
        "owl",
        "robin",
        "seal",
        "swan",
        "wren",
    ]
    return f"{random.choice(first)}-{random.choice(second)}-{random.randrange(100):02}"
