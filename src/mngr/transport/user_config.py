"""The ssh_config block by which a user's own ssh reaches a host, whatever else the user's configuration says.

ssh_config(5): the first value of an option counts, so whatever a later `Host *` could set is set here. Forwards
are added up instead, and only ClearAllForwardings takes them away: those of the command line (`ssh -L`, an editor's
`-D`), too. So it is said where the command line has none.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from mngr.transport.base import run_local
from mngr.transport.ssh import SshTarget, config_text

#: What a `Host *` may say and a host of ours doesn't need, with the value that ssh has by itself. "-NAME" of algorithms
#: is ssh's default list without that.
_PLAIN = """\
ControlMaster no
ControlPath none
ControlPersist no
ProxyCommand none
ProxyJump none
RemoteCommand none
RequestTTY auto
Tunnel no
AddKeysToAgent no
CanonicalizeHostname no
AddressFamily any
PubkeyAuthentication yes
KbdInteractiveAuthentication no
HostbasedAuthentication no
VerifyHostKeyDNS no
NoHostAuthenticationForLocalhost no
RevokedHostKeys none
VisualHostKey no
EscapeChar ~
Ciphers -3des-cbc
MACs -hmac-md5
KexAlgorithms -diffie-hellman-group1-sha1
HostKeyAlgorithms -ssh-dss
PubkeyAcceptedKeyTypes -ssh-dss
"""

#: The same, for ssh programs that know the option (an unknown one ends every use of the user's configuration).
_NEWER = {
    "sessiontype": "SessionType default\nKnownHostsCommand none\n",
    "stdinnull": "StdinNull no\n",
    "forkafterauthentication": "ForkAfterAuthentication no\n",
    "gssapiauthentication": "GSSAPIAuthentication no\n",
    "requiredrsasize": "RequiredRSASize 1024\n",
    "logverbose": "LogVerbose none\n",
}

#: Says HINT where no sshd answers at the host within 3 s (`ssh -G` asks for no connection). Then: whether the command line of
#: the ssh that reads this (the parent, or the parent of the user's shell) forwards anything. ssh_config's quotes can hold no
#: other ones.
_LOOK = (
    "sh -c 'exec 3>&2 >/dev/null 2>&1; set -f; p=$PPID; read -r c </proc/$p/comm || c=$(ps -o comm= -p $p); "
    "case $c in *ssh*) ;; *) read -r a b c p d </proc/$p/stat || p=$(ps -o ppid= -p $p) ;; esac; IFS=,; forwards=1; "
    "for word in $(tr -c !-~ , </proc/$p/cmdline || ps -o args= -p $p | tr -c !-~ ,); do case $word in "
    "%n|*@%n|ssh://*) break ;; -G*) look=no ;; "
    "-o*Forward*|-[!o-]*[LRDWw]*|-[LRDWw]*|*Forward=*) forwards=0 ;; "
    "esac; done; unset IFS; [ x$look = xno ] || ! command -v bash || bash -c PROBE 3>&- || echo HINT >&3; exit $forwards'"
)
_PROBE = "(sleep 3; kill $$) & read l </dev/tcp/%h/%p; r=$?; kill $!; exit $r"


def options_known() -> frozenset[str]:
    """The options that this computer's ssh knows, of those that `ssh -G` shows; none if there is no ssh."""
    done = run_local(
        ["ssh", "-F", "none", "-G", "mngr"], place="this computer", what="ssh", input=b"", timeout=10
    )
    return frozenset(line.split(" ")[0] for line in done.stdout.decode(errors="replace").splitlines())


def block(
    target: SshTarget,
    names: Sequence[str],
    known: Collection[str],
    users: Mapping[str, Sequence[str]] = {},
    host: str = "",
) -> str:
    """The lines by which `ssh NAME` is a login on `target`. `users`: whom else there are names for, with these. `known`: as
    options_known. `host`: what the mngr that is named where nobody answers calls it.

    Nothing is shared with our own connection: its process would go to the background, and keep forwards that the ssh which
    asked for them should end."""
    place = target.address if target.port == 22 else f"[{target.address}]:{target.port}"
    own = f'HostKeyAlias "{place}"\nBindAddress {"::" if ":" in target.address else "0.0.0.0"}\n'
    more = _PLAIN + own + "".join(lines for option, lines in _NEWER.items() if option in known)
    every = [*names, *(name for some in users.values() for name in some)]
    text = "".join(line for line in config_text(target).splitlines(True) if not line.startswith("  Control"))
    text = text.replace(f"Host {target.alias}\n", f"Host {' '.join(every)}\n", 1)
    if "KexAlgorithms" in text:
        more = "".join(line for line in more.splitlines(True) if not line.startswith("KexAlgorithms"))
    indented = "".join(f"  {line}\n" for line in more.splitlines())
    logins = "".join(f"Host {' '.join(some)}\n  User {user}\n" for user, some in users.items())
    hint = f"mngr: nobody answers at {host}; if it is stopped: mngr start @{host}"
    look = _LOOK.replace("PROBE", _escaped(_PROBE)).replace("HINT", _escaped(hint))
    return f'{logins}{text}{indented}Match originalhost {",".join(every)} !exec "{look}"\n  ClearAllForwardings yes\n'


def _escaped(text: str) -> str:
    """One word for sh, where no quotes can be."""
    return re.sub(r"([^\w/%])", r"\\\1", text)
