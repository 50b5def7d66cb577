"""What the service is told by its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mngr.config.home import home
from mngr.model.errors import InvalidInput
from mngr.vms.urls import Allowed

DEFAULT_PORT = 8092
DEFAULT_URI = "qemu:///system"
DEFAULT_KEY_DIR = "/app/ssh_keys"


@dataclass(frozen=True)
class Settings:
    """`libvirt_env`: LIBVIRT_URI, _STORAGE_POOL and _STORAGE_PATH, as `vms.hypervisor.connect` reads them. `tokens`: the file of
    access tokens. `images`: where images may be fetched from."""

    port: int
    libvirt_env: Mapping[str, str]
    key_dir: Path
    tokens: Path
    images: Allowed

    @property
    def operations(self) -> Path:
        """The database of operations."""
        return self.tokens.with_name("operations.sqlite3")


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises InvalidInput, which names the variable."""
    hosts = [one.strip() for one in environ.get("VM_PROVISIONER_IMAGE_HOSTS", "").split(",")]
    most = _number(environ, "VM_PROVISIONER_IMAGE_MAX_GIB", 20, 1, 10_000)
    return Settings(
        port=_number(environ, "VM_PROVISIONER_PORT", DEFAULT_PORT, 0, 65535),
        libvirt_env={"LIBVIRT_URI": DEFAULT_URI, **{key: value for key, value in environ.items() if value}},
        key_dir=Path(environ.get("SSH_KEY_DIR") or DEFAULT_KEY_DIR).absolute(),
        tokens=home() / "vmservice" / "tokens.json",
        images=Allowed(
            hosts=tuple(one for one in hosts if one),
            private=_flag(environ, "VM_PROVISIONER_PRIVATE_IMAGES"),
            most_bytes=most * 1024**3,
        ),
    )


def _number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
        raise InvalidInput(f"{name} is {text[:80]!r}", hint=f"give a number from {least} to {most}")
    return int(text)


def _flag(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").lower()
    if text not in ("", "0", "1", "false", "true"):
        raise InvalidInput(f"{name} is {text[:80]!r}", hint="give true or false")
    return text in ("1", "true")
