"""No machines at all, or a test driver's own: an instance has an address and a record, and that is all."""

from __future__ import annotations

import shutil
import subprocess

from mngr.simcloud.clock import Stop
from mngr.simcloud.machines.addresses import Addresses
from mngr.simcloud.machines.base import MachineSpec, Options, Unavailable
from mngr.simcloud.machines.process import Process
from mngr.simcloud.machines.seed import write_seed

COMMAND_LIMIT_S = 60


class FakeMachines:
    """With `--machines-cmd CMD`, `CMD boot|halt|start|reboot|destroy|snapshot ID ADDRESS SEED_DIR` is run for each.

    For `boot` of a machine made from a snapshot, and for `snapshot`, a further word says which disk. A
    driver may print another address for `boot` to use; an exit code other than 0 is a machine that
    doesn't come up.
    """

    real = False

    def __init__(self, options: Options) -> None:
        self._command = options.command
        if self._command and not shutil.which(self._command):
            raise Unavailable(f"--machines-cmd: {self._command} is no executable")
        self.addresses = Addresses(options.ports if options.command else ())
        self._taken: dict[str, str] = {}
        self._process = Process()
        self._seeds = self._process.folder / "seeds"

    def boot(self, spec: MachineSpec, stop: Stop) -> str:
        address = self._taken[spec.id] = self.addresses.take(spec.address)
        if self._command:
            write_seed(self._seeds / spec.id, spec)
            said = self._run("boot", spec.id, *([spec.disk] if spec.disk else []))
            address = self._taken[spec.id] = said or address
        return address

    def ready(self, id: str, stop: Stop) -> bool:
        return True

    def halt(self, id: str) -> None:
        self._run("halt", id)

    def start(self, id: str) -> None:
        self._run("start", id)

    def reboot(self, id: str) -> None:
        self._run("reboot", id)

    def destroy(self, id: str) -> None:
        address = self._taken.get(id)
        if address is None:
            return
        self._run("destroy", id)
        del self._taken[id]
        self.addresses.give_back(address)
        shutil.rmtree(self._seeds / id, ignore_errors=True)

    def save_disk(self, id: str, disk: str) -> int:
        self._run("snapshot", id, disk)
        return 2 * 1024**3

    def drop_disk(self, disk: str) -> None:
        """Nothing was kept."""

    def close(self) -> None:
        for id in list(self._taken):
            try:
                self.destroy(id)
            except (subprocess.SubprocessError, OSError):
                continue
        self.addresses.close()
        self._process.close()

    def _run(self, verb: str, id: str, *more: str) -> str:
        if not self._command or id not in self._taken:
            return ""
        argv = [self._command, verb, id, self._taken[id], str(self._seeds / id), *more]
        done = subprocess.run(argv, check=True, timeout=COMMAND_LIMIT_S, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()
