"""What Python asks of a create: its arguments, and the request that they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from mngr.model.errors import InvalidInput
from mngr.model.idle import parse_mode
from mngr.model.names import check_labels, parse_address
from mngr.ops.request import CreateRequest
from mngr.providers.contract import IdleRequest


class Asked(TypedDict, total=False):
    """What `Mngr.create` and `Mngr.plan` may be asked for; `mngr create --help` has more on each.

    `command`: what the agent runs, or words after its type's command; a string is a shell line. `provider`: its instance.
    `image`, `user`, `build_args`, `start_args`, `snapshot`: of a new host. `env`, `labels`: of the agent.
    `idle_timeout_s`, `max_lifetime_s`: in seconds, 0 is never; `idle_mode`: io, user, agent, … `source`: the directory whose
    code comes along (None: none), `subdirectory`: where in it the agent begins. `work_dir`: on the host.
    `trust_first_contact`: secrets go to a host that nobody has verified, too. `worktree`: here, a git worktree of its own.

    >>> asked: Asked = {"provider": "docker", "image": "python:3.12", "idle_timeout_s": 900}
    >>> Mngr().create("web", **asked)  # doctest: +SKIP
    """

    command: str | Sequence[str]
    provider: str
    image: str
    user: str
    build_args: Sequence[str]
    start_args: Sequence[str]
    env: Mapping[str, str] | None
    labels: Mapping[str, str] | None
    idle_timeout_s: float | None
    idle_mode: str
    max_lifetime_s: float | None
    source: str | Path | None
    subdirectory: str
    work_dir: str
    snapshot: str
    trust_first_contact: bool
    worktree: bool


def request(name: str, type: str, asked: Asked) -> CreateRequest:
    """Raises InvalidInput; TypeError on an argument that there isn't, as a signature would."""
    if unknown := asked.keys() - Asked.__annotations__.keys():
        raise TypeError(
            f"no such argument: {', '.join(sorted(unknown))}; there are {', '.join(Asked.__annotations__)}"
        )
    address, provider = parse_address(name), asked.get("provider", "")
    if not address.name:
        raise InvalidInput("create needs a name for the agent before the @")
    if provider and address.provider not in ("", provider):
        raise InvalidInput(f"two providers: .{address.provider} and {provider}", hint="give one")
    command, source = asked.get("command", ()), asked.get("source")
    return CreateRequest(
        name=address.name, host=address.host, provider=provider or address.provider,
        type=type or ("command" if command else ""),
        command=["sh", "-c", command] if isinstance(command, str) else list(command),
        build_args=several(asked.get("build_args", ()), "build_args"),
        start_args=several(asked.get("start_args", ()), "start_args"),
        image=asked.get("image", ""), user=asked.get("user", ""), env=dict(asked.get("env") or {}),
        labels=check_labels(asked.get("labels") or {}), idle=_idle(asked), snapshot=asked.get("snapshot", ""),
        work_dir=asked.get("work_dir", ""), source=None if source is None else Path(source).absolute(),
        subdirectory=_subdirectory(source, asked.get("subdirectory", "")),
        trust_first_contact=asked.get("trust_first_contact", False), worktree=asked.get("worktree", False),
    )  # fmt: skip


def several(given: Sequence[str], what: str) -> list[str]:
    """Raises InvalidInput on a string, which Python would take for a list of letters."""
    if isinstance(given, str):
        raise InvalidInput(f"{what} is a list of texts, not {given!r}", hint=f"write [{given!r}]")
    return list(given)


def _subdirectory(source: str | Path | None, given: str) -> str:
    if given and source is None:
        raise InvalidInput(f"subdirectory {given!r} is in no source", hint="give source, too")
    inside = Path(given)
    if inside.is_absolute() or ".." in inside.parts:
        raise InvalidInput(f"subdirectory {given!r} isn't below the source", hint="name it from there")
    if source is not None and not Path(source, inside).is_dir():
        raise InvalidInput(f"{Path(source, inside)}: there is no such directory")
    return "" if inside == Path() else str(inside)


def _idle(asked: Asked) -> IdleRequest | None:
    mode, timeout_s, max_lifetime_s = (
        asked.get("idle_mode", ""),
        asked.get("idle_timeout_s"),
        asked.get("max_lifetime_s"),
    )
    for seconds in (timeout_s, max_lifetime_s):
        if seconds is not None and not 0 <= seconds < float("inf"):
            raise InvalidInput(f"{seconds!r} is no time in seconds", hint="0 means never")
    found = IdleRequest(
        mode=parse_mode(mode) if mode else None, timeout_s=timeout_s, max_lifetime_s=max_lifetime_s
    )
    return None if found == IdleRequest() else found
