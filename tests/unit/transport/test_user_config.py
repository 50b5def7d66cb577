"""What `mngr ssh-config` writes, read by a real ssh under a user's own `Host *`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mngr.transport.ssh import SshTarget
from mngr.transport.user_config import block, options_known

pytestmark = pytest.mark.skipif(not shutil.which("ssh"), reason="ssh isn't installed")

#: Whatever changes where a connection goes, what it runs, what it shows of the user, or what it trusts.
USERS = """
Host *
  ProxyCommand false
  ProxyJump jump
  RemoteCommand tmux attach
  RequestTTY force
  LocalForward 9999 localhost:1
  RemoteForward 9998 localhost:1
  DynamicForward 9997
  SetEnv A=b
  ControlMaster no
  ControlPath ~/theirs
  ControlPersist no
  User joe
  Port 7
  HostName elsewhere
  IdentityFile ~/.ssh/joe
  IdentitiesOnly no
  IdentityAgent /agent
  ForwardAgent yes
  ForwardX11 yes
  PermitLocalCommand yes
  LocalCommand false
  AddKeysToAgent yes
  CanonicalizeHostname always
  CanonicalDomains example.com
  AddressFamily inet6
  BindAddress 10.9.9.9
  BindInterface nope0
  HostKeyAlias other
  HostKeyAlgorithms ssh-rsa
  PubkeyAuthentication no
  PubkeyAcceptedAlgorithms ssh-rsa
  KnownHostsCommand /bin/false
  UserKnownHostsFile /theirs
  StrictHostKeyChecking no
  NoHostAuthenticationForLocalhost yes
  VerifyHostKeyDNS yes
  UpdateHostKeys yes
  RevokedHostKeys /dev/null
  GSSAPIAuthentication yes
  HostbasedAuthentication yes
  PasswordAuthentication yes
  KbdInteractiveAuthentication yes
  PreferredAuthentications password
  BatchMode no
  SessionType none
  StdinNull yes
  ForkAfterAuthentication yes
  Tunnel yes
  EscapeChar none
  VisualHostKey yes
  Ciphers 3des-cbc
  MACs hmac-md5
  KexAlgorithms diffie-hellman-group1-sha1
  RequiredRSASize 16000
  LogLevel DEBUG3
  LogVerbose *
Match all
  ProxyCommand false
  RemoteForward 9996 localhost:2
"""

#: Options that mean nothing beside others that are ours (PermitLocalCommand, BindAddress, IdentitiesOnly …).
HARMLESS = {
    "canonicaldomains",
    "identityfile",
    "setenv",
    "clearallforwardings",
    "bindinterface",
    "localcommand",
}


@pytest.fixture
def target(tmp_path: Path) -> SshTarget:
    return SshTarget(
        alias="host-0123456789abcdef.container", address="192.0.2.7", port=2222, user="root", key=tmp_path / "key",
        known_hosts=tmp_path / "pins", config=tmp_path / "config",
    )  # fmt: skip


NAMES = ("box", "box.docker", "host-0123456789abcdef.container")


def meant(folder: Path, text: str, *words: str) -> dict[str, list[str]]:
    """What ssh makes of a configuration and a command line, by option."""
    (folder / "ssh_config").write_text(text)
    done = subprocess.run(
        ["ssh", "-F", folder / "ssh_config", "-G", *words], capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        option, _, value = line.partition(" ")
        found.setdefault(option, []).append(value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_users_host_star_holds_for_a_host_of_ours(
    target: SshTarget, tmp_path: Path, name: str
) -> None:
    ours = block(target, NAMES, options_known())
    alone = meant(tmp_path, ours, name)
    under = meant(tmp_path, ours + USERS, name)
    bent = {
        key: (alone.get(key), under.get(key))
        for key in alone.keys() | under.keys()
        if alone.get(key) != under.get(key) and key not in HARMLESS
    }
    assert bent == {}
    assert under["identityfile"][0] == str(tmp_path / "key")
    assert (under["identitiesonly"], under["hostname"], under["port"]) == (["yes"], ["192.0.2.7"], ["2222"])
    assert not {"localforward", "remoteforward", "dynamicforward"} & under.keys()


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["-L", "8080:localhost:80", "box"], True),
        (["-L8080:localhost:80", "root@box"], True),
        (["-TND", "1080", "box"], True),
        (["box", "-R", "8080:localhost:80"], False),
        (["-oLocalForward=8080 localhost:80", "box"], True),
        (["-T", "-D", "1080", "box", "bash"], True),
        (["box"], False),
        (["-p", "22", "-l", "root", "box", "ls", "-LR"], False),
        (["-i", "/x/Dir", "box"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_forwards_of_the_command_line_work(
    target: SshTarget, tmp_path: Path, words: list[str], kept: bool
) -> None:
    found = meant(tmp_path, block(target, NAMES, options_known()), *words)
    assert found["clearallforwardings"] == ["no" if kept else "yes"]


def test_a_users_other_hosts_stay_as_they_are(target: SshTarget, tmp_path: Path) -> None:
    ours = block(target, NAMES, options_known())
    assert meant(tmp_path, ours + USERS, "other") == meant(tmp_path, USERS, "other")


def test_an_older_ssh_gets_no_option_that_it_doesnt_know(target: SshTarget) -> None:
    text = block(target, NAMES, frozenset())
    assert "SessionType" not in text
    assert "RequiredRSASize" not in text
