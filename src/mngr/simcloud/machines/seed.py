"""A machine's NoCloud seed, with what a fault breaks of it."""

from __future__ import annotations

from pathlib import Path

from mngr.qemu import seed
from mngr.simcloud.machines.base import MachineSpec


def write_seed(folder: Path, spec: MachineSpec) -> None:
    """May be repeated. The root password is the one the API shows for a while."""
    files = seed.files(
        spec.id,
        spec.hostname,
        spec.ssh_keys,
        spec.user_data,
        root_password=spec.root_password,
        user=spec.user,
    )
    if spec.cloud_init_fail == "user_data":
        whole = files["user-data"]
        files["user-data"] = whole[: len(whole) // 2] + b"\n{unclosed: [\n"
    seed.write(folder, files)
