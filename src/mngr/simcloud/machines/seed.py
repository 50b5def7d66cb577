"""The NoCloud seed: how cloud-init in a machine gets what the API was given.

https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from mngr.simcloud.machines.base import MachineSpec


def write_seed(folder: Path, spec: MachineSpec) -> None:
    """Write user-data, meta-data and vendor-data, readable by their owner only. May be repeated."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    user_data = spec.user_data or b"#cloud-config\n{}\n"
    if spec.cloud_init_fail == "user_data":
        user_data = user_data[: len(user_data) // 2] + b"\n{unclosed: [\n"
    _write(folder / "user-data", user_data)
    _write(folder / "meta-data", _json(_meta_data(spec)))
    _write(folder / "vendor-data", b"#cloud-config\n" + _json(_vendor_data(spec)))


def _meta_data(spec: MachineSpec) -> dict[str, object]:
    return {"instance-id": spec.id, "local-hostname": spec.hostname, "public-keys": list(spec.ssh_keys)}


def _vendor_data(spec: MachineSpec) -> dict[str, object]:
    """The root password the API shows for a while, as the vendor's own images take it."""
    if not spec.root_password:
        return {}
    return {
        "chpasswd": {
            "expire": False,
            "users": [{"name": "root", "password": spec.root_password, "type": "text"}],
        }
    }


def _json(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
