"""`mngr completion`, and what it completes: names from this computer's disk alone, as no network is fast enough."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

SHELLS = ("bash", "zsh", "fish")

#: Whatever else is in a file of ours never reaches a shell.
_SAFE = re.compile(r"[A-Za-z0-9@._:/=+-]+\Z")

#: Given the words before and the unfinished one, what that may become; may yield more than fits.
Known = Callable[[Sequence[str], str], Iterable[str]]


@click.command("completion", short_help="Print what makes your shell complete mngr's words.")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print what makes your shell complete verbs, options, and the names of what there is. It asks nobody: agents and
    hosts are those that a verb has seen last.

    \b
    eval "$(mngr completion bash)"       in ~/.bashrc
    eval "$(mngr completion zsh)"        in ~/.zshrc, after compinit
    mngr completion fish | source        in ~/.config/fish/config.fish
    """
    from mngr.cli.main import COMPLETE
    from mngr.cli.main import command as mngr

    kind = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}[shell]
    click.echo(kind(mngr, {}, "mngr", COMPLETE).source())


class _Completer(ShellComplete):
    """Words are whole: `--provider=do` becomes `--provider=docker`. An error is no completion, and no word of it."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        try:
            return self._found(args, incomplete)
        except Exception:
            return []

    def _found(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        if "--" in args:
            return [CompletionItem(incomplete, type="file")]  # another program's words
        verb = _verb(self.cli, args)
        for param in verb.params:
            if known := KNOWN.get(param.name or ""):
                param.shell_complete = partial(_fitting, known, args, param)
        option = _option(verb, args[-1:])
        name, eq, value = incomplete.partition("=")
        if option:
            found = option.shell_complete(click.Context(verb), incomplete)
        elif eq and (option := _option(verb, [name])):
            found = option.shell_complete(click.Context(verb), value)
            for one in found:
                one.value = f"{name}={one.value}"
        else:
            found = super().get_completions(args, incomplete)
        return [one for one in found if one.type != "plain" or _SAFE.match(one.value)]


def _verb(group: click.Command, words: Sequence[str]) -> click.Command:
    """Raises LookupError if there is none."""
    for word in words:
        if isinstance(group, click.Group) and not word.startswith("-"):
            below = group.get_command(click.Context(group), word)
            if below is None:
                raise LookupError(word)
            group = below
    return group


def _option(verb: click.Command, words: Sequence[str]) -> click.Option | None:
    """The option that the last of `words` is, if it takes a value."""
    options = [one for one in verb.params if isinstance(one, click.Option) and not one.is_flag]
    return next((one for one in options for word in words if word in one.opts), None)


def _fitting(
    known: Known, args: Sequence[str], param: click.Parameter, ctx: click.Context, incomplete: str
) -> list[CompletionItem[str]]:
    typed = args if param.nargs == -1 else ()
    fit = dict.fromkeys(one for one in known(args, incomplete) if one.startswith(incomplete))
    return [CompletionItem(one) for one in fit if one not in typed]


_BASH = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
        dir) compopt -o dirnames ;;
        file) compopt -o default ;;
        plain) COMPREPLY+=("$value") ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD=$2 %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(_Completer, BashComplete):
    """Bash takes words apart (at `=`, `@`, `:`), and wants the part that it asks for: COMP_WORD."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        return (words, "") if line[-1:].isspace() or not words else (words[:-1], words[-1])

    def format_completion(self, item: CompletionItem[str]) -> str:
        begun = len(self.get_completion_args()[1].removesuffix(os.environ["COMP_WORD"]))
        return f"{item.type},{item.value[begun:]}"


class _Zsh(_Completer, ZshComplete):
    pass


class _Fish(_Completer, FishComplete):
    pass


for _kind in (_Bash, _Zsh, _Fish):
    add_completion_class(_kind)


# --- what there is ---


def _names(args: Sequence[str], incomplete: str) -> Iterable[str]:
    """Agents; where a name is several agents', or more than a name is typed, in full. `@…`: hosts."""
    from mngr.config.home import home
    from mngr.ops.memory import places

    for name, some in places(home()).items():
        at = [f"@{one.host_name}.{one.provider}" for one in some]
        if incomplete.startswith("@"):
            yield from at
        elif len(some) > 1 or set(incomplete) & set("@."):
            yield from (f"{name}{one}" for one in at)
            yield from (f"{name}.{one.provider}" for one in some)
        else:
            yield name


def _new_name(args: Sequence[str], incomplete: str) -> Iterable[str]:
    """A new agent's name is nobody's; its host may be there already."""
    name, at, _ = incomplete.partition("@")
    if at:
        return (name + host for host in _names(args, "@"))
    name, dot, _ = incomplete.partition(".")
    return (f"{name}.{provider}" for provider in (_providers(args, "") if dot else ()))


def _providers(args: Sequence[str], incomplete: str) -> Iterable[str]:
    from mngr.config.home import home
    from mngr.config.layers import load
    from mngr.providers.registry import in_tree

    return sorted({*in_tree(), *load(home()).providers})


def _types(args: Sequence[str], incomplete: str) -> Iterable[str]:
    from mngr.agents.types import known
    from mngr.config.home import home
    from mngr.config.layers import load

    return known(load(home()).agent_types)


def _wanted(args: Sequence[str], incomplete: str) -> Iterable[str]:
    from mngr.model.events import REASONS, STATES

    return (*STATES, *REASONS)


def _modes(args: Sequence[str], incomplete: str) -> Iterable[str]:
    from mngr.model.idle import MODES

    return MODES


def _plans(args: Sequence[str], incomplete: str) -> Iterable[str]:
    """Those of the cloud's catalogue when a create has last read it."""
    from mngr.config.home import home
    from mngr.config.layers import load
    from mngr.vps_docker.cache import Cache

    line = " ".join(args).replace("--provider=", "--provider ")
    named = re.findall(r"--provider (\S+)", line) or re.findall(r" create [^-\s]\S*\.(\S+)", f" {line}")
    instance = named[-1] if named else load(home()).default_provider
    return (f"--vps-plan={plan}" for plan in Cache(home(), instance).plans())


def _keys(args: Sequence[str], incomplete: str) -> Iterable[str]:
    from mngr.ops.context import Mngr
    from mngr.ops.settings import settings

    return settings(Mngr())


def _values(args: Sequence[str], incomplete: str) -> Iterable[str]:
    of = {"default_provider": _providers, "default_type": _types, "default_idle_mode": _modes}
    known = of.get(args[-1].rpartition(".")[2])
    return known(args, incomplete) if known else ()


def _verbs(args: Sequence[str], incomplete: str) -> Iterable[str]:
    from mngr.cli.main import VERBS

    return VERBS


def _formats(args: Sequence[str], incomplete: str) -> Iterable[str]:
    return ("human", "json", "jsonl")


#: What an argument or option of this name takes, whatever the verb.
KNOWN: dict[str, Known] = {
    "name": _names, "names": _names, "agent": _names, "forget": _names, "address": _new_name, "kind": _types,
    "provider": _providers, "providers": _providers, "instance": _providers, "build_args": _plans,
    "idle_mode": _modes, "key": _keys, "value": _values, "verbs": _verbs, "form": _formats,
    "wanted": _wanted,
}  # fmt: skip
