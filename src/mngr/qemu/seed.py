"""The NoCloud seed: how cloud-init in a machine gets its name, its keys and its user data.

https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

HEAD = b"#cloud-config\n"
BOUNDARY = "==mngr=vendor-data=="
LABEL = "CIDATA"
"""Of the file system that a seed is on, as cloud-init looks for it."""


def files(
    instance_id: str,
    hostname: str,
    keys: Sequence[str] = (),
    user_data: bytes = b"",
    *,
    root_password: str = "",
    user: str = "",
    boothook: bytes = b"",
    before_network: bool = False,
) -> dict[str, bytes]:
    """A seed's files by name. `keys` are public ones, of `user`, who may sudo; by default of the image's own.

    `boothook`: a script that the vendor has cloud-init run at each boot, whatever the user data is. `before_network`: that, and
    what else cloud-init does for a new machine, comes before the network is up.

    Keep `instance_id` for a machine's life: with another one cloud-init starts over, and deletes the host keys.
    """
    meta = {"instance-id": instance_id, "local-hostname": hostname, "public-keys": list(keys)}
    if before_network:
        meta["dsmode"] = "local"
    vendor: dict[str, object] = {}
    if user:
        may = {"sudo": "ALL=(ALL) NOPASSWD:ALL", "shell": "/bin/bash", "lock_passwd": True}
        vendor = {"user": {"name": user, **may}, "disable_root": True}
    if root_password:
        users = [{"name": "root", "password": root_password, "type": "text"}]
        vendor["chpasswd"] = {"expire": False, "users": users}
    return {
        "user-data": user_data or HEAD + b"{}\n",
        "meta-data": _json(meta),
        "vendor-data": _with_boothook(HEAD + _json(vendor), boothook) if boothook else HEAD + _json(vendor),
    }


def _with_boothook(config: bytes, boothook: bytes) -> bytes:
    """MIME, of two parts. https://cloudinit.readthedocs.io/en/latest/explanation/format.html"""
    from email.mime.multipart import MIMEMultipart
    from email.mime.text import MIMEText

    whole = MIMEMultipart(boundary=BOUNDARY)
    for text, kind, name in ((config, "cloud-config", "vendor"), (boothook, "cloud-boothook", "mngr")):
        part = MIMEText(text.decode("ascii"), kind, "us-ascii")
        part.add_header("Content-Disposition", "attachment", filename=name)
        whole.attach(part)
    return whole.as_bytes()


def write(folder: Path, seed: Mapping[str, bytes]) -> None:
    """Write a seed's files into a folder, readable by their owner only. May be repeated."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, data in seed.items():
        handle = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)


def _json(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
