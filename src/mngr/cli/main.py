"""The command line's entry: verbs are loaded when they are called, errors become one message and an exit code."""

import _thread
import sys
import time
from typing import TYPE_CHECKING

import click

from mngr import __version__

if TYPE_CHECKING:
    from types import FrameType

    from click.shell_completion import CompletionItem

#: Verb → what it does in a line. The verb's module is cli/<verb>.py, its command `command`; so `--help` imports none.
VERBS = {
    "create": "Create an agent, and a host for it if needed.",
    "list": "Show agents, hosts, and what they cost.",
    "show": "Show everything of one agent, its host and its cost.",
    "exec": "Run a command beside an agent.",
    "send": "Type a message at agents' prompts.",
    "answer": "Answer what an agent asks: yes, no, a number, words.",
    "screen": "Show what is on an agent's terminal now.",
    "transcript": "Show what an agent and its user have said.",
    "connect": "Put this terminal on an agent.",
    "wait": "Wait until agents are done, or want something.",
    "events": "Show how agents' states changed, and change.",
    "stop": "Stop agents, and hosts that nobody needs then.",
    "start": "Start agents and their hosts again.",
    "destroy": "Remove agents and hosts for good.",
    "rename": "Give an agent another name.",
    "label": "Give an agent labels, or take them away.",
    "gc": "Find and release what killed commands left behind.",
    "snapshot": "Save, list and remove snapshots of hosts.",
    "pull": "Bring an agent's commits home as a branch.",
    "logs": "Show what an agent printed, or how a machine booted.",
    "vm": "Make, list and remove VMs on libvirt.",
    "mcp": "Serve verbs and VMs as tools for agents' programs.",
    "skill": "Print what coding agents need to know to use mngr.",
    "config": "Show and change settings.",
    "type": "List and show agent types.",
    "plugin": "List providers, built in and installed.",
    "ssh-config": "Print ssh settings for your own ssh.",
    "completion": "Print what makes your shell complete mngr's words.",
    "doctor": "Check that this computer has what mngr needs.",
    "help": "Show the help of a verb.",
}

#: With it in the environment, `mngr` completes a command line (click.shell_completion, cli/completion.py).
COMPLETE = "_MNGR_COMPLETE"

#: Other programs' names for verbs.
ALIASES = {"ls": "list", "ps": "list", "rm": "destroy"}


class LazyGroup(click.Group):
    """A group whose commands are imported when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from importlib import import_module

        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name in VERBS:
            return import_module(f"mngr.cli.{cmd_name.replace('-', '_')}").command
        return _backend_group(cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem[str]"]:
        """The verbs; none is imported."""
        from click.shell_completion import CompletionItem

        verbs = {**VERBS, **dict.fromkeys(_backends(), "")}
        found = [
            CompletionItem(verb, help=text) for verb, text in verbs.items() if verb.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if args[0].startswith("-"):
                raise
            from mngr.cli.suggest import verb
            from mngr.model.errors import InvalidInput

            near = verb(args[0], VERBS)
            hint = f"did you mean {near}?" if near else "`mngr --help` lists the verbs"
            raise InvalidInput(f"there is no verb {args[0]!r}", hint=hint) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        also = {verb: ", ".join(one for one, of in ALIASES.items() if of == verb) for verb in VERBS}
        with formatter.section("Verbs"):
            formatter.write_dl(
                [(f"{verb}, {also[verb]}" if also[verb] else verb, text) for verb, text in VERBS.items()]
            )
        with formatter.section("Providers' own verbs"):
            formatter.write_dl([(name, f"What only {name} has: mngr {name} --help.") for name in _backends()])


def _backends() -> list[str]:
    """The backends with verbs of their own; none is imported."""
    import os

    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "backends")
    return sorted(name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name, "cli.py")))


def _backend_group(name: str) -> click.Command | None:
    """`mngr <backend> …`: a backend's own verbs, in its module `cli.py`."""
    from importlib import import_module, util

    if not name.isidentifier() or not util.find_spec(f"mngr.backends.{name}"):
        return None
    if not util.find_spec(f"mngr.backends.{name}.cli"):
        return None
    return import_module(f"mngr.backends.{name}.cli").command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mngr", message="%(prog)s %(version)s")
def command() -> None:
    """Run coding agents in containers on machines you rent or own.

    \b
    mngr create my-agent                       a shell, in tmux, right here
    mngr create my-agent --provider docker     the same in a container
    mngr create fix -- claude "fix the tests"  any command is an agent
    """


def main() -> None:
    """Runs the command line and ends the process; never shows a traceback for a user's mistake."""
    import os

    code = 130
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
        sys.stderr.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    # There is nothing left to clean up; Python's own clean-up would take a sixth of a command's time.
    os._exit(code)


#: Verbs that change something, and go on from where a former try ended.
_REPEATABLE = ("stop", "start", "destroy", "gc", "snapshot", "pull", "rename", "label", "vm")


def run(args: list[str]) -> int:
    """Runs `mngr ARGS…` and returns its exit code."""
    import os
    import signal

    if COMPLETE in os.environ:
        import mngr.cli.completion  # noqa: F401  tells click of it
    try:
        signal.signal(signal.SIGTERM, _interrupted)
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, _interrupted)
        result = command.main(args, prog_name="mngr", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        _show_usage(error, args)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("mngr: interrupted", err=True)
        verb = ALIASES.get(args[0], args[0]) if args else ""
        if verb in _REPEATABLE:
            click.echo(f"  → mngr {verb} may be given again: it goes on from where it was", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        from mngr.model.errors import OF_THE_DISK, MngrError

        if isinstance(error, OSError) and error.errno in OF_THE_DISK:
            where = f" {error.filename}" if error.filename else ""
            error = MngrError(
                f"can't read or write{where}: {error.strerror}",
                hint="run this again when that is mended; `mngr gc` sees to what was begun",
            )
        if not isinstance(error, MngrError):
            return _bug(error)
        show(error)
        return error.exit_code


def _show_usage(error: click.ClickException, args: list[str]) -> None:
    """An error of click's, as our own are shown."""
    from mngr.model.errors import MngrError

    text = error.format_message().strip().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context else " ".join(["mngr", *args[:1]])
    hint = f"`{path} --help` shows what it takes"
    if isinstance(error, click.NoSuchOption):
        text = f"there is no option {error.option_name}"
        if error.possibilities:
            hint = f"did you mean {' or '.join(error.possibilities)}?"
        elif context and context.command.name == "send":
            hint = "a text that begins with - comes by -m TEXT"
    elif text.startswith("No such command") and context and isinstance(context.command, click.Group):
        from mngr.model.guess import did_you_mean

        word = text.split("'")[1]
        text = f"there is no verb {word!r}"
        hint = did_you_mean(word, context.command.list_commands(context)) or hint
    show(MngrError(text[:1].lower() + text[1:], hint=hint))


def show(error: Exception) -> None:
    """An error on standard error: what happened, the details, what to do next."""
    click.echo(f"mngr: {error}", err=True)
    for line in getattr(error, "details", "").strip().splitlines()[-20:]:
        click.echo(f"  | {line}", err=True)
    if hint := getattr(error, "hint", ""):
        click.echo(f"  → {hint}", err=True)


def _bug(error: Exception) -> int:
    import os
    import traceback

    if os.environ.get("MNGR_DEBUG"):
        traceback.print_exc()
    else:
        click.echo(f"mngr: a bug: {type(error).__name__}: {error}", err=True)
        click.echo(
            "  → MNGR_DEBUG=1 shows where; nothing that was made is forgotten: `mngr gc` sees to it", err=True
        )
    return 1


def _interrupted(signum: int, frame: "FrameType | None") -> None:
    """Raises KeyboardInterrupt; if a module is being imported just then, a moment later, as an import may lose an exception
    or make another one of it."""
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _thread.start_new_thread(_interrupt_again, (signum,))
            return
        frame = frame.f_back
    raise KeyboardInterrupt


def _interrupt_again(signum: int) -> None:
    import signal

    time.sleep(0.005)
    _thread.interrupt_main(signal.Signals(signum))
