"""Every argument and option that takes a value is completed, or is free text."""

from collections.abc import Iterator

import click

from mngr.cli.completion import KNOWN
from mngr.cli.main import VERBS, command

#: What nobody but its user can know.
FREE = {
    "since",
    "cidr",
    "append", "branch", "columns", "comment", "disk", "env", "host", "image", "interrupted", "idle_timeout", "label", "labels", "lines", "lost",
    "max_lifetime", "gpus", "memory", "message", "client", "pool", "network", "new", "output", "pass_env", "port", "reply", "size", "snapshot", "sort", "start_args", "timeout",
    "sha256", "template", "user", "vcpus", "vm", "words", "workdir",
}  # fmt: skip


def verbs(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        one = group.get_command(click.Context(group), name)
        assert one is not None
        yield name, one
        if isinstance(one, click.Group):
            yield from verbs(one)


def test_what_takes_a_value_is_completed_or_free() -> None:
    assert isinstance(command, click.Group)
    found = [*verbs(command)]
    assert {name for name, _ in found} >= set(VERBS)
    missing = {
        (verb, param.name)
        for verb, one in found
        for param in one.params
        if not (isinstance(param, click.Option) and param.is_flag)
        and not isinstance(param.type, click.Choice | click.Path)
        and param.name not in {*KNOWN, *FREE}
    }
    assert not missing, "name what it takes in KNOWN (cli/completion.py), or FREE here"
