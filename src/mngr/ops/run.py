"""Commands beside an agent, and a terminal on it: both end in a process that the caller runs."""

import contextlib
from collections.abc import Sequence

import msgspec

from mngr.agents import tmux
from mngr.model.errors import (
    Conflict,
    InvalidInput,
    MngrError,
    NotFound,
    NotSupported,
    TimedOut,
    Unreachable,
)
from mngr.model.names import Address, parse_address
from mngr.model.states import DOWN, word
from mngr.ops import memory, names, size
from mngr.ops.context import Mngr
from mngr.ops.names import Target
from mngr.transport import quote
from mngr.transport.base import SSH_FAILED, Completed, Transport, run_local
from mngr.transport.local import Local
from mngr.transport.ssh import Ssh, unreachable


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command beside an agent: the local argv that runs it, and the one that ends it where it runs, which reads its
    `token`. `ssh`: where ssh goes, if that is what runs it ("" else)."""

    argv: list[str]
    end_argv: list[str]
    token: str
    ssh: str = ""


def exec_command(
    mngr: Mngr,
    text: str,
    words: Sequence[str],
    *,
    tty: bool = False,
    fresh: bool = False,
    token: str = "",
    only: str = "",
) -> Command:
    """What runs `words` in the agent's work dir. A remembered agent costs no question (unless `fresh`). Raises
    InvalidInput if they are longer than a command line may be; NotFound if `only` is given and isn't the agent's id. `token`:
    of a command that was begun before."""
    import uuid

    token = token or str(uuid.uuid4())
    size.check_words(words)
    place = None if fresh else memory.seen(mngr, parse_address(text))
    if place and ((not place.ssh and not place.here) or only not in ("", place.agent_id)):
        place = None
    if place:
        host_dir, agent_id, here = place.host_dir, place.agent_id, place.here
        ssh = place.ssh
        transport: Transport = Local()
    else:
        target = reachable(mngr, text)
        assert target.agent
        if only not in ("", target.agent.record.id):
            raise NotFound(f"agent {only} is gone", hint="another one has its name by now")
        record = target.host.record
        memory.remember(mngr, target.host, target.agent)
        host_dir, agent_id = record.host_dir, target.agent.record.id
        here = not mngr.provider(record.provider).abilities.isolated
        transport = mngr.place(record).transport
        ssh = [str(transport.target.config), transport.target.alias] if isinstance(transport, Ssh) else []
    argv = tmux.exec_argv(host_dir, agent_id, token, words, here=here)
    size.check_line(argv, one_line=not here)
    if ssh:
        config, alias = ssh
        first = ["ssh", "-F", config, "-o", "LogLevel=QUIET"]
        asks = ["ssh", "-F", config, alias, "--"]
        return Command(
            argv=[*first, *(["-t"] if tty else []), alias, "--", quote.line(argv)],
            end_argv=[*asks, quote.line(tmux.end_exec_argv())], token=token, ssh=alias,
        )  # fmt: skip
    return Command(
        argv=transport.argv(argv, tty=tty), end_argv=transport.argv(tmux.end_exec_argv()), token=token
    )


def capture(
    mngr: Mngr,
    text: str,
    words: str | Sequence[str],
    *,
    input: bytes = b"",
    timeout: float | None = None,
    agent_id: str = "",
) -> Completed:
    """Runs a command beside an agent (a string is a shell line) and waits for it; what it printed. However that ends, the
    command has ended then, with all its processes, as far as its host can be reached. `agent_id`: of no other agent.

    Raises as `exec_command`, TimedOut after `timeout` seconds, Unreachable if the connection failed or broke."""
    if isinstance(words, str):
        words = [words]
    elif len(words) == 1:
        words = [quote.word(words[0])]  # one word would be a shell line
    if not words:
        raise InvalidInput("there is no command to run")
    if timeout is not None:
        if not 0 < timeout < float("inf"):
            raise InvalidInput(f"a time-out of {timeout:g} s is none", hint="seconds, above 0")
        words = limited(words, timeout)
    command = exec_command(mngr, text, words, only=agent_id)
    since = mngr.clock.monotonic()
    try:
        done = run_local(
            command.argv, place=command.ssh or "the host", what="the command", input=input, apart=True,
            timeout=None if timeout is None else timeout + GRACE_S,
        )  # fmt: skip
    except BaseException:
        with contextlib.suppress(MngrError):
            end_exec(command)
        raise
    if timed_out(done.code, timeout, mngr.clock.monotonic() - since):
        raise TimedOut(f"the command didn't end within {timeout:g} s")
    if done.code < 0:
        done = msgspec.structs.replace(done, code=128 - done.code)
    if done.code == SSH_FAILED and command.ssh:
        check_connection(mngr, text, command)
    return done


#: A command that doesn't end on SIGTERM is killed after so long.
KILL_AFTER_S = 5
#: So long we wait for a command to be ended where it runs.
GRACE_S = KILL_AFTER_S + 10
#: Exit codes of timeout(1), whose command was ended.
TIMED_OUT = (124, 137)


def timed_out(code: int, timeout: float | None, took: float) -> bool:
    """Whether timeout(1) has ended a command that took so long, in seconds; a command may end with its exit codes, too."""
    return timeout is not None and code in TIMED_OUT and took >= timeout


def limited(words: Sequence[str], timeout: float, *, tty: bool = False) -> Sequence[str]:
    """`words` as timeout(1) runs them: where the command is, so that all its processes end, also behind ssh."""
    line = (*tmux.LINE, *words) if len(words) == 1 else words
    return ("timeout", "-k", str(KILL_AFTER_S), *(("--foreground",) if tty else ()), f"{timeout:f}", *line)


def check_connection(mngr: Mngr, text: str, command: Command) -> None:
    """Where ssh ended with 255: returns if that was the command's own exit code. Raises Unreachable if it was ssh's."""
    try:
        found = end_exec(command)
    except Unreachable as error:
        reachable(mngr, text)  # its host may be known to be down
        raise Unreachable(error.message, hint=error.hint or f"`mngr start {text}` sees to its sshd") from None
    if found == str(SSH_FAILED):
        return
    what = "; the command was ended" if found else ""
    raise Unreachable(
        f"the connection to {text} broke while the command ran{what}",
        hint="`mngr list` shows how its host is",
    )


def end_exec(command: Command) -> str:
    """Ends a command that was begun, with all its processes; at most 7 s. What was found: `255` if it had ended with that
    exit code, `ended`, or "" for nothing. Raises Unreachable with ssh's own reason, TimedOut."""
    done = run_local(
        command.end_argv, place=command.ssh or "the host", what="exec-end", input=f"{command.token}\n".encode(), timeout=30,
        apart=True,
    )  # fmt: skip
    if command.ssh and (done.code == SSH_FAILED or done.code < 0):
        raise unreachable(command.ssh, done.error)
    return done.text.strip()


def attach_argv(mngr: Mngr, text: str) -> list[str]:
    """The local argv that puts this terminal on the agent's session."""
    target = reachable(mngr, text)
    assert target.agent
    if target.agent.state == "stopped":
        raise Conflict(f"agent {text} is stopped", hint=f"`mngr start {text}` starts it")
    memory.remember(mngr, target.host, target.agent)
    record, agent = target.host.record, target.agent.record
    argv = tmux.attach_argv(record.host_dir, agent.id, record.tmux_label, agent.name)
    return mngr.place(record).transport.argv(argv, tty=True)


def reachable(mngr: Mngr, text: str) -> Target:
    """The agent, on a host that runs. Raises NotFound, Conflict."""
    target = agent_of(mngr, text)
    if not target.host.up:
        raise _down(text, target)
    return target


def agent_of(mngr: Mngr, text: str) -> Target:
    """The agent, whether its host runs or not. Raises NotFound."""
    [target] = names.resolve(mngr, [text])
    if target.agent is None:
        raise no_agent(target, text)
    return target


def no_agent(target: Target, text: str) -> NotFound:
    """`text` is a host's name."""
    record = target.host.record
    there = [f"{one.record.name}@{record.name}.{record.provider}" for one in target.host.agents]
    return NotFound(f"{text} is a host, not an agent", hint=f"its agents: {', '.join(there) or 'none'}")


def _down(text: str, target: Target) -> Conflict:
    return Conflict(
        f"the host of {text} is {word(target.host.state)}"
        + (f": {target.host.problem}" if target.host.problem else ""),
        hint=_start_hint(text, target) if target.host.state in (*DOWN, "crashed") else "",
    )


def _start_hint(text: str, target: Target) -> str:
    """How the host of an agent comes up again: with it, but for one whose command has ended and would run again."""
    if target.agent is None or target.agent.state != "done":
        return f"`mngr start {text}` starts it"
    return (
        f"`mngr start @{target.host.record.name}` starts the host alone; `mngr start {text}` also runs the "
        "agent's command, which has ended, again"
    )


def logs(mngr: Mngr, text: str, lines: int = 0, *, raw: bool = False) -> bytes:
    """The last `lines` (0: all) of what the agent's terminal showed, or (`raw`) was sent, with all control sequences; also
    while its host is down. Raises NotFound, Conflict where that can't be had, Unreachable."""
    return logs_of(mngr, agent_of(mngr, text), lines, raw=raw)


def logs_of(mngr: Mngr, target: Target, lines: int = 0, *, raw: bool = False) -> bytes:
    """As `logs`, of an agent that was looked up."""
    import tempfile
    from pathlib import Path

    from mngr.providers.contract import HostFiles

    assert target.agent
    record, agent_id = target.host.record, target.agent.record.id
    if target.host.up:
        return tmux.logs(mngr.place(record), agent_id, lines, raw=raw)
    provider = mngr.provider(record.provider)
    if not isinstance(provider, HostFiles) or target.host.state not in (*DOWN, "crashed"):
        raise _down(target.agent.record.name, target)
    there = provider.read_files(record.id, [f"{record.host_dir}/{path}" for path in tmux.log_files(agent_id)])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "agents" / agent_id).mkdir(parents=True)
        for path, content in there.items():
            (Path(folder) / path.removeprefix(f"{record.host_dir}/")).write_bytes(content)
        return tmux.logs(tmux.Place(transport=Local(), host_dir=folder), agent_id, lines, raw=raw)


def boot_log(mngr: Mngr, text: str, lines: int = 0) -> str:
    """The last `lines` (0: all) of the end of a machine's boot log; of one that can't be asked, or is gone as its create failed, what was kept then.
    Raises NotSupported where there is no machine, NotFound, Unreachable."""
    from mngr.providers.contract import BootLogs

    address = parse_address(text)
    try:
        [target] = names.resolve(mngr, [text])
        address = Address(address.name, target.host.record.name, target.host.record.provider)
        provider = mngr.provider(target.host.record.provider)
        if not isinstance(provider, BootLogs):
            raise NotSupported(f"hosts of {provider.name} have no machine whose boot could be shown")
        whole = provider.boot_log(target.host.record.id)
    except (NotFound, Unreachable, TimedOut):
        whole = _kept_boot_log(mngr, address)
        if not whole:
            raise
    return "".join(whole.splitlines(True)[-lines:])


def _kept_boot_log(mngr: Mngr, address: Address) -> str:
    from mngr.providers.contract import BootLogs

    for name in [address.provider] if address.provider else mngr.active():
        with contextlib.suppress(MngrError):
            provider = mngr.provider(name)
            kept = isinstance(provider, BootLogs) and provider.kept_boot_log(address.host or address.name)
            if kept:
                return kept
    return ""
