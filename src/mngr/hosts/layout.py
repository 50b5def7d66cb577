"""Where things are on a host, and packing files for it. ARCHITECTURE.md has the table."""

import math
from collections.abc import Mapping

from mngr.hosts import scripts
from mngr.model.idle import MODES
from mngr.model.records import Idle

#: The scripts that a host needs without mngr at hand.
COMMANDS = ("run-agent", "agent-log", "agent-logs", "agent-shell", "watch", "tell-url")

#: The tmux server's label (`tmux -L`) in containers, where it is alone.
TMUX_LABEL = "mngr"


def command_files() -> dict[str, bytes]:
    """`commands/NAME.sh` → text, for a host dir."""
    return {f"commands/{name}.sh": scripts.text(name).encode() for name in COMMANDS}


#: The file with the address that a host tells of its agents; empty, if it tells none.
TELL_URL = "commands/tell_url"


def settings(tmux_config: str, limits: Mapping[str, int], tell_url: str = "") -> dict[str, bytes]:
    """The user's settings that a host's scripts read: what its tmux server reads when it starts, and `limits` (by the names
    that they have in the config): whole numbers. `tell_url`: may hold a token."""
    config = (
        f"set-option -g history-limit 20000\nset-option -g default-terminal screen-256color\n{tmux_config}"
    )
    lines = "".join(f"{name}={value}\n" for name, value in limits.items())
    return {
        "commands/tmux.conf": config.encode(),
        "commands/limits": lines.encode(),
        TELL_URL: f"{tell_url}\n".encode() if tell_url else b"",
    }


def pack(files: dict[str, bytes]) -> bytes:
    """A tar of `files` (path → content), each readable by its owner only."""
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o600
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def idle_conf(idle: Idle, host_stop: str) -> bytes:
    """`idle.conf` for the watcher. `host_stop`: `exit`, `sentinel` or `none`, as in scripts/watch.sh."""
    return (
        f"mode={idle.mode}\ntimeout={math.ceil(idle.timeout_s)}\n"
        f"signals={' '.join(MODES[idle.mode])}\nhost_stop={host_stop}\n"
    ).encode()
