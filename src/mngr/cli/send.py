"""`mngr send`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, for_programs, format_option, quiet_option
from mngr.model.errors import Interrupted, InvalidInput, MngrError

if TYPE_CHECKING:
    from mngr.cli.progress import Progress
    from mngr.model.views import Problem
    from mngr.ops.context import Mngr
    from mngr.ops.reached import Reached
    from mngr.ops.talk import Sent

#: A row of what is shown.
ROW = {"name": "", "host": "", "provider": "", "delivered": "", "left_out": 0}


@click.command("send", short_help="Type a message at agents' prompts.")
@click.argument("names", nargs=-1, metavar="NAME… [TEXT | -]")
@click.option("-m", "--message", metavar="TEXT", help="The text; all other words are names then.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False), help="The text is in this file.")
@click.option("--edit", is_flag=True, help="Write the text in your editor ($VISUAL, $EDITOR).")
@click.option(
    "-a", "--all", "everybody", is_flag=True, help="To all agents that are alive; no names are given."
)
@click.option("--start", is_flag=True, help="Start host and agent first where they aren't up.")
@click.option("--force", is_flag=True, help="Type also where the prompt isn't seen, or holds something.")
@format_option
@quiet_option
def command(
    names: tuple[str, ...],
    message: str | None,
    file: str | None,
    edit: bool,
    everybody: bool,
    start: bool,
    force: bool,
    form: str,
    quiet: bool,
) -> int:
    """Type a message at agents' prompts, press Enter, and see to it that it was taken. It is one message, however many lines it
    has. The last word is the text (`-`: standard input); with -m, --file or --edit all words are names.

    \b
    mngr send my-agent "fix the failing test"
    mngr send web api "pull main, and run the tests"
    git diff | mngr send my-agent -
    mngr list --state waiting -q | mngr send - -m "go on"
    mngr send --all --file task.md

    Nothing is typed where an agent asks for permission (`mngr answer`), has ended (--start), or has something in its prompt.
    What was sent is `proven` (the prompt showed it and is empty again, or the agent turned busy) or `likely` (its terminal
    changed, and no more is known of a program like that: a shell, say).
    """
    from mngr.cli.progress import Progress
    from mngr.ops import reached, talk
    from mngr.ops.context import Mngr

    check_format(form, ROW)
    mngr = Mngr()
    given = [
        name
        for name, value in {"-m": message, "--file": file, "--edit": edit or None}.items()
        if value is not None
    ]
    if len(given) > 1:
        raise InvalidInput(f"{' and '.join(given)}: the text is given twice")
    text, wanted = _text(mngr, list(names), message, file, edit, everybody)
    talk.message(text)  # what can't be sent is told before anybody is looked for
    problems: list[Problem] = []
    code = 1
    try:
        with Progress("send", quiet or not sys.stderr.isatty()) as progress:
            if everybody:
                to, problems = reached.everybody(mngr)
            else:
                to = _found(mngr, wanted, None if given else text)
            sent, code = _each(mngr, to, text, progress, start, force)
    except KeyboardInterrupt:
        raise Interrupted(
            "interrupted; the text may stand in a prompt by now, or be sent all the same",
            hint="`mngr screen NAME` shows an agent's terminal",
        ) from None
    finally:
        if edit and code:
            _keep(mngr, text)
    return _show(sent, problems, code, form, quiet)


def _text(
    mngr: Mngr, words: list[str], message: str | None, file: str | None, edit: bool, everybody: bool
) -> tuple[str | bytes, list[str]]:
    """The text, and the names. Raises InvalidInput."""
    from mngr.cli.targets import read_names

    if message is not None or file is not None or edit:
        if everybody and words:
            raise InvalidInput(f"--all and names ({' '.join(words)}) exclude each other")
        if not everybody and not words:
            raise InvalidInput("nobody is named to send this to", hint="mngr send my-agent …, or --all")
        wanted = read_names(words)
        if message is not None:
            return message, wanted
        if file is not None:
            with open(file, "rb") as opened:
                return opened.read(), wanted
        return _edited(wanted), wanted
    if everybody:
        if len(words) != 1:
            raise InvalidInput("--all takes the text alone", hint="mngr send --all 'go on'")
    elif len(words) < 2:
        name = words[0] if words else "my-agent"
        raise InvalidInput(
            f"there is no text for {name}" if words else "there is neither a name nor a text",
            hint=f"mngr send {name} 'what to do', or `-` for standard input",
        )
    *wanted, text = words
    if text == "-":
        if "-" in wanted:
            raise InvalidInput(
                "names and text can't both come from standard input", hint="-m TEXT, or --file FILE"
            )
        return sys.stdin.buffer.read(), wanted
    if wanted and _is_agent(mngr, text):
        raise InvalidInput(
            f"the last word is the text, and {text} is an agent", hint=f"-m TEXT sends to all of them; -m {text} sends that word"
        )  # fmt: skip
    return text, read_names(wanted)


def _found(mngr: Mngr, wanted: list[str], last: str | bytes | None) -> list[Reached]:
    """Raises NotFound: an unquoted text is the likeliest cause, where the text was the `last` word."""
    from mngr.model.errors import NotFound
    from mngr.ops import reached

    try:
        return reached.find(mngr, wanted)
    except (InvalidInput, NotFound) as error:
        if isinstance(last, str) and len(wanted) > 1:
            whole = " ".join([*wanted[1:], last])
            error.hint = f"a text of several words is quoted: mngr send {wanted[0]} '{whole}'"
        raise


def _is_agent(mngr: Mngr, word: str) -> bool:
    """Whether the word is the name of an agent that was seen before."""
    from mngr.model.names import Address, is_name
    from mngr.ops import memory

    return is_name(word) and (mngr.home / "cache" / "names" / f"{word}.json").exists() and (
        memory.seen(mngr, Address(word)) is not None
    )  # fmt: skip


def _edited(wanted: list[str]) -> str:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput("--edit needs a terminal", hint="--file FILE, or - for standard input")
    text = click.edit("", extension=".md", require_save=True)
    if text is None or not text.strip():
        raise MngrError(
            f"nothing was sent to {' '.join(wanted) or 'anybody'}: the text wasn't saved, or is empty"
        )
    return text


def _keep(mngr: Mngr, text: str | bytes) -> None:
    """What was written in an editor isn't lost where it wasn't sent."""
    from mngr.config.home import write_private

    path = mngr.home / "unsent.md"
    write_private(path, text if isinstance(text, str) else text.decode())
    click.echo(f"mngr: the text is in {path}, until the next one isn't sent: --file {path}", err=True)


def _each(
    mngr: Mngr, to: list[Reached], text: str | bytes, progress: Progress, start: bool, force: bool
) -> tuple[list[Sent], int]:
    """Sends to all, side by side; errors are shown at the end. The exit code is the worst."""
    from mngr.cli.main import show
    from mngr.model.background import each
    from mngr.ops import talk
    from mngr.ops.context import Phases

    def one(agent: Reached) -> Sent | MngrError:
        with progress.part(agent.text) as told:
            try:
                return talk.send(mngr, agent, text, start=start, force=force, phases=Phases(mngr.clock, told))
            except MngrError as error:
                return error

    outcomes = each(one, to, 16)
    errors = [one for one in outcomes if isinstance(one, MngrError)]
    if len(to) == 1 and errors:
        raise errors[0]
    for error in errors:
        show(error)
    return [one for one in outcomes if not isinstance(one, MngrError)], max(
        (one.exit_code for one in errors), default=0
    )


def _show(sent: list[Sent], problems: list[Problem], code: int, form: str, quiet: bool) -> int:
    from mngr.cli.output import show_problems

    rows = [
        {
            "name": one.name,
            "host": one.host,
            "provider": one.provider,
            "delivered": one.delivered,
            "left_out": one.left_out,
        }
        for one in sent
    ]
    if not for_programs(form, quiet, {"sent": rows}, rows):
        for row in rows:
            click.echo(f"sent to {row['name']} ({row['delivered']})")
    if left_out := max((one.left_out for one in sent), default=0):
        click.echo(f"mngr: {left_out} control characters were left out of the message", err=True)
    if not sent and not code and not problems:
        click.echo("mngr: nothing was sent: no agent is alive, or none was named", err=True)
    show_problems(problems)
    return max(code, 5 if problems else 0)
