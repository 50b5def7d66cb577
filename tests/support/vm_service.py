"""`mngr vm serve` as a process over a rig of fake machines, and what a client of it is told."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mngr.testing.cli import COMMAND
from mngr.testing.libvirt import Rig
from mngr.testing.local import clean_environment
from support.shop import open_shop

PREFIX = "MNGR__PROVIDERS__LIBVIRT__"


@contextmanager
def served(rig: Rig, folder: Path) -> Iterator[Mapping[str, str]]:
    """Settings of `--provider libvirt` for the service, which fetches the rig's image from loopback."""
    env = {
        **clean_environment(), "MNGR_HOME": str(folder), "SSH_KEY_DIR": str(folder / "keys"),
        "LIBVIRT_URI": rig.env[f"{PREFIX}URI"], "LIBVIRT_STORAGE_PATH": str(rig.disks),
        "VM_PROVISIONER_PRIVATE_IMAGES": "true", "VM_PROVISIONER_RATE": "0",
    }  # fmt: skip
    words = ("vm", "token", "create", "tests", "--scope", "destructive", "--format", "json")
    made = subprocess.run([*COMMAND, *words], env=env, check=True, capture_output=True)
    image = rig.image.read_bytes()
    with open_shop() as shop:
        shop.files["/image"] = (image, '"1"')
        process = subprocess.Popen(
            [*COMMAND, "vm", "serve", "--port", "0"], env=env, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout
            url = process.stdout.readline().removeprefix("serving at ").strip()
            told = {
                "URL": url, "TOKEN": json.loads(made.stdout)["token"], "URI": "", "STORAGE_PATH": "",
                "IMAGE": shop.url("/image", host="127.0.0.1"), "IMAGE_SHA256": hashlib.sha256(image).hexdigest(),
            }  # fmt: skip
            yield {PREFIX + key: value for key, value in told.items()}
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
