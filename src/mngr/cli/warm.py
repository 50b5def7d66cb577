"""The short cut of a warm `mngr exec`: a remembered agent, on a host with an open connection, becomes one ssh.

Starting Python and importing a command line takes longer than ssh's own round trip, so this imports nothing that isn't
there already. Whatever isn't plain (options, addresses, agents here, no open connection) is left to `cli/exec.py`.
"""

import os

from mngr.transport import quote

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_SCRIPT = os.path.join(os.path.dirname(__file__), "..", "hosts", "scripts", "agent-exec.sh")


def exec_(args: list[str]) -> None:
    """Replaces this process by ssh for `mngr exec ARGS`; returns where that can't be."""
    if argv := ssh_argv(args):
        try:
            os.execvp(argv[0], argv)
        except OSError:
            return


def ssh_argv(args: list[str]) -> list[str]:
    """The argv of ssh for `NAME [--] WORDS…`, [] where it takes more than that to know it."""
    if len(args) < 2 or not args[0] or not _PLAIN.issuperset(args[0]) or args[0][0] in "-_":
        return []
    words = args[2:] if args[1] == "--" else args[1:]
    if not words or (args[1] != "--" and words[0].startswith("-")):
        return []
    home = os.path.abspath(os.environ.get("MNGR_HOME") or os.path.expanduser("~/.mngr"))
    try:
        with open(f"{home}/cache/names/{args[0]}.warm", encoding="utf-8", errors="surrogateescape") as file:
            host_dir, agent_id, config, alias, socket = file.read().split("\0")
        os.stat(socket)
        os.stat(config)
        with open(_SCRIPT, encoding="utf-8") as file:
            script = file.read()
        line = quote.line(["sh", "-c", script, "mngr-exec", host_dir, agent_id, *words])
    except (OSError, ValueError):
        return []
    return ["ssh", "-F", config, alias, "--", line]
