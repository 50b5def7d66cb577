"""What is in the images. A change here, or in `files/`, changes their keys, and they are made anew."""

from __future__ import annotations

from importlib import resources

SUITE = "bookworm"

AGENT_PACKAGES = ("openssh-server", "tmux", "git", "rsync", "procps", "ca-certificates", "curl")
"""On top of `debian:bookworm-slim` in `mngr/agent:bookworm`: what an agent's container would have to install first."""

MACHINE_PACKAGES = (
    "systemd-sysv",
    "dbus",
    "libpam-systemd",
    "openssh-server",
    "cloud-init",
    "sudo",
    "iproute2",
    "iptables",
    "procps",
    "ca-certificates",
    "curl",
    "cron",
    "kmod",
    "netbase",
    "iputils-ping",
    "less",
    "nano",
)
"""A Debian 12 as rented ones come: no Docker, git or rsync; who needs them installs them."""

DOCKER_PACKAGES = ("docker.io",)
"""On top of that in the `baked` machine."""

LEFT_OUT = (
    "/usr/share/man/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/groff/*",
    "/usr/share/lintian/*",
)
"""As in Docker Hub's slim images."""


def file(name: str) -> str:
    """A file that goes into an image or makes one."""
    return (resources.files("mngr.simcloud.images") / "files" / name).read_text()
