"""OpenSSH as a Transport: one generated config a host, pinned host keys only, one shared connection.

See ssh_config(5): IdentitiesOnly, UserKnownHostsFile, StrictHostKeyChecking, ControlMaster, ControlPersist.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mngr.config.home import write_private
from mngr.model.errors import MngrError, Unreachable
from mngr.transport import quote
from mngr.transport.base import SSH_FAILED, Completed, Input, checked, run_local

#: A connection that nobody uses is kept this long for the next command.
CONTROL_PERSIST_S = 60


class SshTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where to log in and what to check. `known_hosts` holds the pins; nothing else is ever trusted."""

    alias: str
    address: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    config: Path
    connect_timeout: float = 10


def control_dir() -> Path:
    """A folder of ours with a short path for control sockets (a socket's path is limited to 104 bytes).

    Raises MngrError if somebody else made it.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    path = Path(base) / "mngr" if base and len(base) < 40 else Path(f"/tmp/mngr-{os.getuid()}")
    path.mkdir(mode=0o700, exist_ok=True)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise MngrError(
            f"{path} isn't a private folder of yours", hint=f"remove {path} and run the command again"
        )
    return path


def _value(text: object) -> str:
    """A value for ssh_config: quoted, `%` kept from expansion. Raises ValueError where ssh can't express it."""
    value = str(text)
    if '"' in value or "\n" in value:
        raise ValueError(f"ssh_config can't express {value!r}")
    return '"' + value.replace("%", "%%") + '"'


def socket(target: SshTarget) -> Path:
    """Where the shared connection to a host listens, if there is one."""
    import hashlib

    place = f"{target.config}\0{target.alias}\0{target.address}:{target.port}"
    return control_dir() / hashlib.sha256(place.encode()).hexdigest()[:20]


def config_text(target: SshTarget) -> str:
    """The ssh_config of one host. Also what `mngr ssh-config` shows to a user's own ssh."""
    # On loopback nobody records today what a quantum computer could read tomorrow; that key exchange takes 75 ms.
    exchange = "  KexAlgorithms ^curve25519-sha256\n" if target.address.startswith("127.") else ""
    return f"""Host {target.alias}
  HostName {target.address}
  Port {target.port}
  User {target.user}
  IdentityFile {_value(target.key)}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {_value(target.known_hosts)}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  UpdateHostKeys no
  CheckHostIP no
  PreferredAuthentications publickey
  PasswordAuthentication no
  BatchMode yes
  ForwardAgent no
  ForwardX11 no
  PermitLocalCommand no
  ConnectTimeout {max(1, int(target.connect_timeout))}
  ServerAliveInterval 10
  ServerAliveCountMax 3
  ControlMaster auto
  ControlPath {_value(socket(target))}
  ControlPersist {CONTROL_PERSIST_S}
  LogLevel ERROR
{exchange}"""


class Configured:
    """Runs commands on the host `alias` of an ssh config file that an `Ssh` has written before."""

    def __init__(self, config: str, alias: str, place: str = "") -> None:
        self.place = place or alias
        self._config, self._alias = config, alias

    @property
    def command(self) -> list[str]:
        """`ssh -F CONFIG`, to which an alias and a command are added; rsync and git take it as their shell."""
        return ["ssh", "-F", self._config]

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return [*self.command, *(["-t"] if tty else []), self._alias, "--", quote.line(argv)]

    def run(
        self, argv: Sequence[str], *, input: Input = b"", timeout: float = 60, check: bool = True
    ) -> Completed:
        done = run_local(self.argv(argv), place=self.place, what=argv[0], input=input, timeout=timeout)
        if done.code == SSH_FAILED or done.code < 0:  # ssh said so, or was itself ended by a signal
            raise unreachable(self.place, done.error)
        return checked(done, argv[0], self.place) if check else done


class Ssh(Configured):
    """Runs commands on a host over OpenSSH. Writes the host's config file when it changed."""

    def __init__(self, target: SshTarget) -> None:
        super().__init__(str(target.config), target.alias, f"{target.user}@{target.address}:{target.port}")
        self.target = target
        text = config_text(target)
        if not target.config.exists() or target.config.read_text() != text:
            write_private(target.config, text)

    def close(self) -> None:
        """Ends the shared connection, if there is one. Repeatable."""
        run_local(
            [*self.command, "-O", "exit", self.target.alias],
            place=self.place,
            what="ssh",
            input=b"",
            timeout=5,
        )


def unreachable(place: str, error: str) -> Unreachable:
    """What ssh said, as an error with a way on."""
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in error or "Host key verification failed" in error:
        return HostKeyMismatch(
            f"{place} shows another host key than the one that was pinned; nothing was sent to it",
            hint="somebody may stand in between, or the machine was reinstalled; destroy and create it anew if in doubt",
        )
    if "Permission denied" in error:
        return KeyRefused(
            f"{place} refuses our key",
            hint="the machine doesn't know the key of this laptop: was MNGR_HOME moved or lost?",
        )
    return Unreachable(f"can't reach {place}: {error.splitlines()[-1] if error else 'ssh gave no reason'}")


class HostKeyMismatch(Unreachable):
    """The host key isn't the pinned one."""


class KeyRefused(Unreachable):
    """The host is the right one, and doesn't accept our client key."""
