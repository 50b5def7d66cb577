"""The guard on a rented machine: stops its container when that is idle or its time is up.

The guard is a script of root's that systemd runs: at once when the container's watcher leaves `stop/request` on
its volume (a path unit), and every 30 s (a timer), which also keeps an absolute deadline. Both are out of the
container's reach, survive a reboot, and act again until the stop succeeded. See scripts/machine-guard.sh.
"""

from mngr.containers.container import name_of
from mngr.hosts import scripts
from mngr.hosts.layout import pack
from mngr.hosts.probe import describe_reason
from mngr.hosts.scripts import script
from mngr.transport.base import Transport

GUARD = "/var/lib/mngr/guard"

_SERVICE = f"""[Unit]
Description=mngr: stops this host's container when it is idle or its lifetime is over
After=docker.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/bin/sh {GUARD}/machine-guard.sh
TimeoutStartSec=300
"""

_TIMER = """[Unit]
Description=mngr: looks every half minute whether this host's container is to stop

[Timer]
OnBootSec=30
OnUnitInactiveSec=30
AccuracySec=5
Unit=mngr-guard.service

[Install]
WantedBy=timers.target
"""

# machine-setup.sh writes it to /etc/systemd/system with the volume's path in place of @REQUEST@.
_PATH = """[Unit]
Description=mngr: this host's container asks to be stopped
StartLimitIntervalSec=0

[Path]
PathExists=@REQUEST@
Unit=mngr-guard.service

[Install]
WantedBy=multi-user.target
"""


def files(self_stop: str = "", ends_at: float | None = None) -> dict[str, str]:
    """Absolute path → text of the guard's files. `self_stop`: Caps's."""
    files = {
        f"{GUARD}/machine-guard.sh": scripts.text("machine-guard"),
        f"{GUARD}/mngr-guard.path": _PATH,
        f"{GUARD}/then": self_stop,
        "/etc/systemd/system/mngr-guard.service": _SERVICE,
        "/etc/systemd/system/mngr-guard.timer": _TIMER,
    }
    if ends_at is not None:
        files[f"{GUARD}/ends_at"] = f"{int(ends_at)}\n"
    return files


def set_up(machine: Transport, host_id: str, ends_at: float | None, self_stop: str = "") -> None:
    """Puts the guard on `machine` for the container of `host_id`, whose volume must be there. Repeatable.

    `ends_at`: when the container's lifetime is over, in epoch seconds of the machine's clock.
    """
    packed = pack({path.removeprefix("/"): text.encode() for path, text in files(self_stop).items()})
    name = name_of(host_id)
    script(machine, "machine-setup", name, name, _epoch(ends_at), input=packed, timeout=60)


def before_start(machine: Transport, ends_at: float | None) -> str:
    """Clears why the container stopped, and gives it a lifetime anew. Returns that why, in words, if it had stopped itself.
    Repeatable."""
    line = (
        script(machine, "machine-start", _epoch(ends_at), timeout=60).stdout.decode(errors="replace").strip()
    )
    why = describe_reason(line) if line else ""
    return "".join(one for one in why if one.isprintable())  # agents can write there


def _epoch(at: float | None) -> str:
    return "" if at is None else str(int(at))
