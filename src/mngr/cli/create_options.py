"""What `mngr create` takes on the command line, and the request that this is."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from mngr.model.errors import InvalidInput

if TYPE_CHECKING:
    from mngr.ops.request import CreateRequest
    from mngr.providers.contract import IdleRequest


class Options(TypedDict):
    """The options and arguments of `mngr create`, as click hands them over."""

    address: str | None
    kind: str | None
    provider: str | None
    build_args: tuple[str, ...]
    start_args: tuple[str, ...]
    image: str | None
    user: str | None
    env: tuple[str, ...]
    env_file: tuple[str, ...]
    pass_env: tuple[str, ...]
    label: tuple[str, ...]
    idle_timeout: str | None
    idle_mode: str | None
    max_lifetime: str | None
    snapshot: str | None
    workdir: str | None
    source: str | None
    no_code: bool
    worktree: bool
    message: str | None
    connect: bool | None
    dry_run: bool
    yes: bool
    trust_first_contact: bool
    form: str
    quiet: bool


def request(words: list[str] | None, options: Options, *, agreed: bool) -> "CreateRequest":
    """`words`: what followed a bare `--`. `agreed`: also without --yes. Raises InvalidInput."""
    from mngr.model import names
    from mngr.ops.request import CreateRequest

    _refuse_empty(options)
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
    if options["no_code"] and (options["source"] or options["worktree"]):
        raise InvalidInput(
            f"{'--from' if options['source'] else '--worktree'} and --no-code exclude each other"
        )
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
        source_implied=not (options["source"] or options["no_code"] or options["snapshot"]), trust_first_contact=options["trust_first_contact"],
        agreed=agreed or options["yes"], worktree=options["worktree"],
    )  # fmt: skip


def _refuse_empty(options: Options) -> None:
    """An empty value is most often a variable that isn't set: it isn't taken for "not given"."""
    values = {
        "--provider": options["provider"], "--image": options["image"], "--user": options["user"],
        "--idle-timeout": options["idle_timeout"], "--idle-mode": options["idle_mode"],
        "--max-lifetime": options["max_lifetime"], "--snapshot": options["snapshot"], "--workdir": options["workdir"],
        "--from": options["source"],
    }  # fmt: skip
    for option, value in values.items():
        if value == "":
            raise InvalidInput(f"{option} has an empty value", hint="give it one, or leave it out")
    if options["kind"] == "":
        raise InvalidInput("the agent's type is empty", hint="leave it out for the default one")


def first_message(given: str | None) -> str | bytes | None:
    """The first message: `-` is standard input, `@FILE` (a word without blanks) a file, all else the text. Raises InvalidInput, also
    if it can't be sent."""
    if given is None:
        return None
    from mngr.ops import talk

    text: str | bytes = given
    if given == "-":
        import sys

        text = sys.stdin.buffer.read()
    elif given[:1] == "@" and len(given.split()) == 1:
        try:
            text = Path(given[1:]).expanduser().read_bytes()
        except OSError as error:
            raise InvalidInput(
                f"--message {given}: {given[1:]} can't be read: {error.strerror}",
                hint="a text that is one word and begins with @ goes by standard input: --message -",
            ) from None
    talk.message(text)
    return text


def _env(options: Options) -> dict[str, str]:
    from mngr.model import environment

    env: dict[str, str] = {}
    for path in options["env_file"]:
        env |= environment.read_file(path)
    env |= {key: environment.passed_on(key, os.environ) for key in options["pass_env"]}
    return env | dict(environment.parse(text) for text in options["env"])


def _idle(options: Options) -> "IdleRequest | None":
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


def _source(options: Options) -> tuple[Path | None, str]:
    """The directory whose code comes along, and where in it the agent begins. Without --from the whole repository comes."""
    if options["no_code"] or (options["snapshot"] and not options["source"]):
        return None, ""  # a snapshot has its code
    if options["source"]:
        return Path(options["source"]).absolute(), ""
    from mngr.ops.git import repository

    top = repository(Path.cwd())
    begin = os.path.relpath(os.path.realpath(Path.cwd()), os.path.realpath(top)) if top else "."
    return top, "" if begin.split(os.sep)[0] in (".", "..") else begin


def _fresh_name() -> str:
    import random

    first = "amber brisk calm clear deft eager fair keen light merry neat quick quiet sunny swift warm"
    second = "ant bee crane deer finch hare heron lark lynx mole otter owl robin seal swan wren"
    return f"{random.choice(first.split())}-{random.choice(second.split())}-{random.randrange(100):02}"
