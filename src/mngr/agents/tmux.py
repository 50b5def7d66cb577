"""Agents on a host: starting, stopping, running a command beside them. Each is one round trip."""

from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from mngr.hosts import layout
from mngr.hosts.scripts import script
from mngr.model.errors import Conflict, MngrError, NotFound, Unreachable
from mngr.model.numbers import exit_code
from mngr.model.records import AgentRecord, encode
from mngr.transport import quote
from mngr.transport.base import CommandFailed, Transport
from mngr.transport.prefixed import Prefixed

#: Runs the word that comes after it as a shell line, as scripts/agent-exec.sh does.
LINE = ("sh", "-c", 'if command -v bash >/dev/null; then exec bash -c "$1"; else exec sh -c "$1"; fi', "sh")


#: A start waits so long, in seconds, for what is installed before an agent's command.
READY_S = 900


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent's start went. `code`: the exit code of one that has ended. `readying`: what its type wants is still being
    installed. `said`: what that had to say."""

    code: int | None = None
    readying: bool = False
    said: list[str] = []


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A host as agents see it: how commands get there, its folder, its tmux server. `user`: whom agents run as, if that
    isn't who logs in. `watch`: whether starting
    an agent also starts the watcher (in a container the entrypoint does)."""

    transport: Transport
    host_dir: str
    label: str = layout.TMUX_LABEL
    watch: bool = False
    user: str = ""


def as_user(place: Place, made: str = "") -> Transport:
    """How commands get there that work on agents' files, as the user that they run as. `made`: a directory that such a
    command finds there, and theirs."""
    if not place.user:
        return place.transport
    from mngr.hosts import scripts

    return Prefixed(place.transport, ["sh", "-c", scripts.text("as-user"), "as-user", place.host_dir, made])


def start(
    place: Place,
    record: AgentRecord,
    files: dict[str, bytes] | None = None,
    *,
    after: Callable[[], object] | None = None,
    fresh: bool = False,
) -> Begun:
    """Starts an agent's session, unless it runs; `files` (from `agent_files` and `layout.settings`, and `host/…` for
    the host dir itself) are put there first; of an agent that is there only its `rules`. Repeatable. `after`: called once the command is on its way; nothing happens there before it returns.
    `fresh`: it begins anew, where it could go on with its last conversation.

    Returns once the agent's command was seen alive, or has ended; before that what its type wants is installed. Raises Conflict if another agent has its name on this host, NotFound if it isn't there, Unreachable if the host is
    about to stop itself.
    """
    # `whole` comes last: where it is missing, only a part was sent.
    tar = layout.pack({**layout.command_files(), **(files or {}), "whole": b""})

    def input() -> bytes:
        if after:
            after()
        return tar

    try:
        done = script(
            place.transport, "agent-start", place.host_dir, record.id, place.label, record.name,
            "1" if place.watch else "0", "1" if fresh else "0", input=input,
        )  # fmt: skip
    except CommandFailed as failed:
        if failed.completed.code == 6:
            raise Unreachable(
                f"{place.transport.place} is stopping itself", hint="run the command again"
            ) from None
        raise _refused(failed, place, record) or failed from None
    if done.text.startswith("readying"):
        done = script(
            place.transport, "agent-ready", place.host_dir, record.id, place.label, str(READY_S), timeout=READY_S + 30
        )  # fmt: skip
    word, *said = done.text.splitlines() or [""]
    word, _, code = word.partition(" ")
    return Begun(code=exit_code(code) if word == "exit" else None, readying=word == "readying", said=said)


def agent_files(
    record: AgentRecord, env: dict[str, str], of_type: Mapping[str, str], drop: Collection[str] = ()
) -> dict[str, bytes]:
    """The files that make an agent, by path in the host dir. Environment values go into a file of mode 600. `of_type`: from
    `type_files`. `drop`: variables of whoever starts it that it doesn't get."""
    base = f"agents/{record.id}"
    own = {
        "MNGR_AGENT_ID": record.id,
        "MNGR_AGENT_NAME": record.name,
        "MNGR_WORK_DIR": record.work_dir,
    }
    return {
        f"{base}/agent.json": encode(record),
        f"{base}/session": record.name.encode() + b"\n",
        f"{base}/env.sh": (
            (f"unset {' '.join(sorted(drop))}\n" if drop else "") + quote.assignments({**env, **own})
        ).encode(),
        **{f"{base}/{name}": text.encode() for name, text in of_type.items()},
        f"{base}/half-made": b"",  # until its session is there
    }


def amend(place: Place, record: AgentRecord, former: str, read: bytes) -> bytes | None:
    """Writes an agent's record anew; its name may be another one than `former`, and its session is then called so. What
    runs goes on. Where the record isn't `read` any more nothing is done, and the present one returned. Repeatable. Raises
    Conflict if another agent has the name on this host, NotFound if it isn't there."""
    import hashlib

    data = encode(record)
    try:
        script(
            place.transport, "agent-amend", place.host_dir, record.id, place.label, record.name, former, str(len(data)),
            hashlib.sha256(read).hexdigest(), input=data,
        )  # fmt: skip
    except CommandFailed as failed:
        if failed.completed.code == 5:
            return failed.completed.stdout
        raise _refused(failed, place, record) or failed from None


def _refused(failed: CommandFailed, place: Place, record: AgentRecord) -> MngrError | None:
    """What scripts mean that look for an agent and take its name, by their exit code."""
    if failed.completed.code == 4:
        return Conflict(f"an agent called {record.name} is on {place.transport.place} already")
    if failed.completed.code == 3:
        return NotFound(f"agent {record.name} is no longer on {place.transport.place}")
    return None


def stop(place: Place, record: AgentRecord) -> None:
    """Ends an agent's processes and session; its files stay. An agent that isn't running is success."""
    script(place.transport, "agent-stop", place.host_dir, record.id, place.label, record.name, timeout=60)


def remove(place: Place, record: AgentRecord, *, half_made: bool = False) -> None:
    """Ends an agent and removes its files, for good: a start of it that comes later is refused. Repeatable.

    `half_made`: only while its create hasn't come to its end; raises Conflict if it has.
    """
    then = "withdraw" if half_made else "remove"
    try:
        script(
            place.transport,
            "agent-stop",
            place.host_dir,
            record.id,
            place.label,
            record.name,
            then,
            timeout=60,
        )
    except CommandFailed as failed:
        if failed.completed.code == 5:
            raise Conflict(
                f"agent {record.name} has come up on {place.transport.place} meanwhile",
                hint="a create of it that was killed has come to its end after all; `mngr list` shows it",
            ) from None
        raise


def exec_argv(
    host_dir: str, agent_id: str, token: str, words: Sequence[str], *, here: bool = False
) -> list[str]:
    """The argv that runs `words` in the agent's work dir with its environment, on its host. `here`: its process is ours,
    and gets our signals; else a shell stays beside it, which can tell of a signal that ended it. `token`: of this run
    alone; `end_exec_argv` finds its processes by it."""
    return [*exec_prefix(host_dir, agent_id, here=here), token, *words]


def exec_prefix(host_dir: str, agent_id: str, *, here: bool = False) -> list[str]:
    """What `exec_argv` gives, up to the token."""
    from mngr.hosts import scripts

    where = "here" if here else "there"
    return ["sh", "-c", scripts.text("agent-exec"), "mngr-exec", host_dir, agent_id, where]


def end_exec_argv() -> list[str]:
    """The argv that ends the command of an exec whose token it reads, on its host. What it prints: scripts/exec-end.sh."""
    from mngr.hosts import scripts

    return ["sh", "-c", scripts.text("exec-end"), "exec-end"]


def attach_argv(host_dir: str, agent_id: str, label: str, name: str) -> list[str]:
    """The argv that attaches a terminal to the agent's own pane, on its host."""
    from mngr.hosts import scripts

    return ["sh", "-c", scripts.text("agent-attach"), "agent-attach", host_dir, agent_id, label, name]


def logs(place: Place, agent_id: str, lines: int, *, raw: bool = False) -> bytes:
    """The last `lines` (0: all) of what the agent's terminal showed, or (`raw`) was sent. Raises CommandFailed."""
    args = [place.host_dir, agent_id, place.label, str(lines), *(["raw"] if raw else [])]
    return script(place.transport, "agent-logs", *args).stdout


#: The files below the host dir from which `logs` can be told of an agent whose host is down.
def log_files(agent_id: str) -> list[str]:
    return [f"agents/{agent_id}/{name}" for name in ("shown", "log.1", "log")]
