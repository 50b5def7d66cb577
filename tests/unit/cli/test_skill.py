"""`mngr skill`: a SKILL.md that has each verb, with lines that are commands."""

from __future__ import annotations

import re

import click
from click.testing import CliRunner

from mngr.cli.main import VERBS, command
from mngr.cli.skill import LEFT_OUT


def test_it_has_every_verb_and_its_examples() -> None:
    done = CliRunner().invoke(command, ["skill"])
    assert done.exit_code == 0, done.output
    _, head, body = done.output.split("---\n", 2)
    assert re.fullmatch(r"name: [a-z0-9-]{1,64}\ndescription: .{1,1024}\n", head)
    assert re.findall(r"^### mngr (\S+)$", body, re.M) == [one for one in VERBS if one not in LEFT_OUT]
    assert body.count("```") % 2 == 0
    shown = re.findall(r"^```\n(.*?)\n```$", body, re.M | re.S)
    assert len(shown) == body.count("### mngr ")
    assert isinstance(command, click.Group)
    for line in "\n".join(shown).splitlines():
        if found := re.match(r"mngr ([a-z-]+)", line):
            assert command.get_command(click.Context(command), found[1]), line
