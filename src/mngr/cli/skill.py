"""`mngr skill`: what an agents' program is told of mngr, made of the verbs' own help."""

from __future__ import annotations

import click

NAME = "mngr"
#: What isn't for an agent: it would need its user's terminal, or is about mngr itself.
LEFT_OUT = ("connect", "completion", "help", "skill", "mcp")


@click.command("skill")
def command() -> None:
    """Print a SKILL.md by which coding agents' programs learn to use mngr.

    \b
    mkdir -p ~/.claude/skills/mngr && mngr skill > ~/.claude/skills/mngr/SKILL.md
    """
    from mngr.cli.main import VERBS
    from mngr.cli.main import command as whole

    assert isinstance(whole, click.Group)
    lines = [
        "---",
        f"name: {NAME}",
        "description: Runs coding agents (any command in a terminal) in containers on machines that the user owns or rents, "
        "and makes VMs, with the command mngr. Use it to start, watch, talk to, stop and remove such agents.",
        "---",
        "",
        "# mngr",
        "",
        _RULES,
        "",
        "## Verbs",
        "",
    ]
    context = click.Context(whole)
    for name, about in VERBS.items():
        if name not in LEFT_OUT and (verb := whole.get_command(context, name)):
            lines += [f"### mngr {name}", "", about, "", *_examples(verb), ""]
    click.echo("\n".join(lines).rstrip())


_RULES = """- `mngr VERB --help` has each verb's options. `--format json` prints for programs: results on standard output, all else on standard error.
- Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 something couldn't be reached or only a part is known, 130 interrupted.
- An error says what to do next after `→`.
- A new host may cost money: `mngr create … --dry-run` shows what and how much, and makes nothing. Ask the user before you make it.
- Destroy only what you made yourself, and look first at what would be lost: `mngr destroy NAME --dry-run`.
- A command that was killed is given again: it goes on from where it was."""


def _examples(verb: click.Command) -> list[str]:
    """The lines below `\\b` in its help, as they are typed."""
    _, _, below = (verb.help or "").partition("\b\n")
    shown = [line.strip() for line in below.partition("\n\n")[0].splitlines() if line.strip()]
    return ["```", *shown, "```"] if shown else []
