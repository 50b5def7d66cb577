"""The ssh_config block by which a user's own ssh reaches a host, whatever else the user's configuration says.

ssh_config(5): the first value of an option counts, so whatever a later `Host *` could set is set here. Forwards
are added up instead, and only ClearAllForwardings takes them away: those of the command line (`ssh -L`, an editor's
`-D`), too. So it is said where the command line has none.
"""

from collections.abc import Collection, Sequence

from mngr.transport.base import run_local
from mngr.transport.ssh import SshTarget, config_text

#: What a `Host *` may say and a host of ours doesn't need, with the value that ssh has by itself. "-NAME" of algorithms
#: is ssh's default list without that.
_PLAIN = """\
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

#: Whether the command line of the ssh that reads this (the parent, or the parent of the user's shell) forwards anything.
_FORWARDS = (
    "sh -c 'set -f; p=$PPID; read -r c </proc/$p/comm || c=$(ps -o comm= -p $p); "
    "case $c in *ssh*) ;; *) read -r a b c p d </proc/$p/stat || p=$(ps -o ppid= -p $p) ;; esac; IFS=,; "
    "for word in $(tr -c !-~ , </proc/$p/cmdline || ps -o args= -p $p | tr -c !-~ ,); do case $word in "
    "%n|*@%n|ssh://*) exit 1 ;; "
    "-o*Forward*|-[!o-]*[LRDWw]*|-[LRDWw]*|*Forward=*) exit 0 ;; "
    "esac; done; exit 1' >/dev/null 2>&1"
)


def options_known() -> frozenset[str]:
    """The options that this computer's ssh knows, of those that `ssh -G` shows; none if there is no ssh."""
    done = run_local(
        ["ssh", "-F", "none", "-G", "mngr"], place="this computer", what="ssh", input=b"", timeout=10
    )
    return frozenset(line.split(" ")[0] for line in done.stdout.decode(errors="replace").splitlines())


def block(target: SshTarget, names: Sequence[str], known: Collection[str]) -> str:
    """The lines by which `ssh NAME` is a login on `target`. `known`: as options_known."""
    place = target.address if target.port == 22 else f"[{target.address}]:{target.port}"
    own = f'HostKeyAlias "{place}"\nBindAddress {"::" if ":" in target.address else "0.0.0.0"}\n'
    more = _PLAIN + own + "".join(lines for option, lines in _NEWER.items() if option in known)
    text = config_text(target).replace(f"Host {target.alias}\n", f"Host {' '.join(names)}\n", 1)
    if "KexAlgorithms" in text:
        more = "".join(line for line in more.splitlines(True) if not line.startswith("KexAlgorithms"))
    indented = "".join(f"  {line}\n" for line in more.splitlines())
    return f'{text}{indented}Match originalhost {",".join(names)} !exec "{_FORWARDS}"\n  ClearAllForwardings yes\n'
