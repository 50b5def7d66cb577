"""What the service is told by its environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mngr.config.home import home
from mngr.model.errors import InvalidInput
from mngr.vms.urls import Allowed
from mngr.vmservice.rate import DEFAULT_RATE

DEFAULT_PORT = 8092
DEFAULT_URI = "qemu:///system"
DEFAULT_KEY_DIR = "/app/ssh_keys"
STDERR = "stderr"


@dataclass(frozen=True)
class Settings:
    """`libvirt_env`: LIBVIRT_URI, _STORAGE_POOL and _STORAGE_PATH, as `vms.hypervisor.connect` reads them. `tokens`: the file of
    access tokens. `images`: where images may be fetched from. `audit`: a file, `stderr`, or "" for audit.jsonl beside the tokens.
    `rate`: calls a second of each token, 0 for any number. `open_metrics`: /metrics takes no token.
    `hosts`: names, in lower case, by which /mcp may be asked, beside loopback and the address that a request came to."""

    port: int
    libvirt_env: Mapping[str, str]
    key_dir: Path
    tokens: Path
    images: Allowed
    audit: str = ""
    rate: float = DEFAULT_RATE
    open_metrics: bool = False
    hosts: tuple[str, ...] = ()

    @property
    def audit_file(self) -> Path | None:
        """None: standard error."""
        if self.audit == STDERR:
            return None
        return Path(self.audit) if self.audit else self.tokens.with_name("audit.jsonl")

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
        audit=_audit(environ.get("VM_PROVISIONER_AUDIT", "")),
        rate=_number(environ, "VM_PROVISIONER_RATE", int(DEFAULT_RATE), 0, 1_000_000),
        open_metrics=_flag(environ, "VM_PROVISIONER_OPEN_METRICS"),
        hosts=_hosts(environ.get("VM_PROVISIONER_HOSTS", "")),
    )


def _hosts(text: str) -> tuple[str, ...]:
    """Names with commas between, without ports."""
    names = tuple(one.strip().lower() for one in text.split(",") if one.strip())
    if wrong := [one for one in names if not re.fullmatch(r"[a-z0-9_.:-]+", one) or one.count(":") == 1]:
        raise InvalidInput(
            f"VM_PROVISIONER_HOSTS has {wrong[0][:80]!r}",
            hint="give names or addresses, without ports, with commas between",
        )
    return names


def _audit(text: str) -> str:
    if text and text != STDERR and not (Path(text).is_absolute() and text.isprintable()):
        raise InvalidInput(
            f"VM_PROVISIONER_AUDIT is {text[:80]!r}", hint=f"give an absolute path, or {STDERR}"
        )
    return text


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
