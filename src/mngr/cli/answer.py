"""`mngr answer`."""

import click

from mngr.cli.output import check_format, for_programs, format_option, quiet_option
from mngr.model.errors import InvalidInput


@click.command("answer", short_help="Answer what an agent asks: yes, no, a number, words.")
@click.argument("name")
@click.argument("reply", required=False, metavar="yes|no|N|TEXT")
@click.option("-m", "--message", metavar="TEXT", help="This text, also if it is yes, no or a number.")
@format_option
@quiet_option
def command(name: str, reply: str | None, message: str | None, form: str, quiet: bool) -> int:
    """Answer the permission or question that an agent asks, if its screen shows one. `yes` and `no` press the keys that its
    type names, a number its digits; other words are typed, with Enter.

    \b
    mngr answer my-agent yes
    mngr answer my-agent 2
    mngr answer my-agent "the second one, but in Go"
    """
    from mngr.cli.progress import waiting
    from mngr.cli.send import ROW
    from mngr.ops import reached, talk
    from mngr.ops.context import Mngr

    check_format(form, ROW)
    word = message if reply is None else reply
    if word is None or (reply is not None and message is not None):
        raise InvalidInput(
            f"{'there is no answer' if reply is None else 'the answer is given twice'} for {name}",
            hint=f"mngr answer {name} yes, no, a number, or 'some words'",
        )
    mngr = Mngr()
    with waiting("answer", quiet):
        [to] = reached.find(mngr, [name])
        done = talk.answer(mngr, to, word, as_text=reply is None)
    row = {
        "name": done.name, "host": done.host, "provider": done.provider, "delivered": done.delivered,
        "left_out": done.left_out,
    }  # fmt: skip
    if not for_programs(form, quiet, row, [row]):
        more = "" if done.delivered == "proven" else f": it still asks; `mngr screen {done.name}` shows what"
        click.echo(f"answered {done.name} ({done.delivered}){more}")
    return 0
