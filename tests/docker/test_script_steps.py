"""Remote scripts in a real system that fails them: a read-only or full disk, missing and silent commands."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from mngr.hosts.scripts import script
from mngr.transport.base import CommandFailed
from mngr.transport.docker_exec import DockerExec
from mngr.transport.local import Local

from .conftest import RUN, docker

READ_ONLY = "Read-only file system"
FULL = "No space left on device"
LONG = b"x" * 1_000_000


def tar(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def container(image: str, *options: str) -> str:
    label = f"mngr.test-run={RUN}"
    return docker(
        "run", "-d", "--init", "--network", "none", "--label", label, *options, "--entrypoint", "sleep", image, "999"
    )  # fmt: skip


@pytest.fixture(scope="module")
def broken(image: str) -> Iterator[DockerExec]:
    """A system whose disk is read-only, with small places that are full soon, and no `docker`."""
    small = ("/full", "/state", "/state/hosts/busy", "/full/.volumes")
    options = [word for path in small for word in ("--tmpfs", f"{path}:size=64k")]
    name = container(image, "--read-only", "--tmpfs", "/tmp", *options)
    docker("exec", name, "sh", "-c", "echo /data >/full/.volumes/list")
    yield DockerExec(name, Local())
    docker("rm", "-f", "-v", name)


@pytest.mark.parametrize(
    ("name", "args", "input", "step", "reason"),
    [
        ("machine-setup", ("box", "box", ""), b"", "make /var/lib/mngr/guard", READ_ONLY),
        ("machine-start", ("",), b"", "make /var/lib/mngr/guard", READ_ONLY),
        ("host-key", ("make",), b"", "make /var/lib/mngr/host-key", READ_ONLY),
        ("host-files", ("/nowhere",), b"", "enter /nowhere", "can't cd to /nowhere"),
        ("host-files", ("/usr",), b"", "make /usr/.new-host-", READ_ONLY),
        ("host-files", ("/full",), tar("host.json", LONG), "unpack the files (tar)", ""),
        ("code-receive", ("/work/x", ""), b"", "make and enter /work/x", READ_ONLY),
        ("code-receive", ("/full/x", ""), b"no tar", "unpack what was sent (tar)", ""),
        ("store-put", (), b"\n1000000 hosts/x.json\n\n" + LONG, "write the content to /state", FULL),
        ("store-drop", ("hosts/busy",), b"", "remove /state/hosts/busy", "Device or resource busy"),
        ("agent-start", ("/mngr", "agent-1", "m", "a", "0"), b"", "make the folders of /mngr", READ_ONLY),
        ("agent-start", ("/full", "agent-1", "m", "a", "0"), b"no tar", "lay the agent's files into /full", ""),
        ("agent-stop", ("/mngr", "agent-1", "m", "a", "remove"), b"", "make /mngr/agents", READ_ONLY),
        ("snapshot-create", ("a", "b", "c", "d"), b"", "look at the container", "docker: not found"),
        ("snapshot-volumes", ("/full",), b"", "keep /root/.ssh/environment", "No such file"),
    ],
)  # fmt: skip
def test_it_says_at_which_step_and_why(
    broken: DockerExec, name: str, args: tuple[str, ...], input: bytes, step: str, reason: str
) -> None:
    with pytest.raises(CommandFailed) as failed:
        script(broken, name, *args, input=input, timeout=20)
    said = str(failed.value)
    assert f"{name} failed on {broken.place}: {step}" in said
    assert reason in said
    assert "exit code" not in said, "a command said nothing, and another reason wasn't found"


def test_a_command_that_fails_in_silence_is_named(image: str) -> None:
    name = container(image)
    place = DockerExec(name, Local())
    try:
        lines = "case $0 in *docker) echo /volume ;; *) exit 1 ;; esac"
        fake = f"printf '#!/bin/sh\\n%s\\n' '{lines}'"
        docker(
            "exec",
            name,
            "sh",
            "-c",
            f"cd /usr/local/bin; {fake} | tee docker systemctl; chmod +x docker systemctl",
        )
        docker("exec", name, "sh", "-c", "mkdir -p /etc/systemd/system")
        guard = tar("var/lib/mngr/guard/mngr-guard.path", b"PathExists=@REQUEST@\n")
        with pytest.raises(
            CommandFailed, match=r"systemctl daemon-reload\): exit code 1, and it said nothing"
        ):
            script(place, "machine-setup", "box", "box", "", input=guard)
    finally:
        docker("rm", "-f", "-v", name)


def test_a_reload_that_fails_says_what_the_first_unit_said(image: str) -> None:
    name = container(image)
    place = DockerExec(name, Local())
    try:
        docker(
            "exec", name, "sh", "-c",
            "ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key <<E\ny\nE\n"
            "cd /usr/local/bin; printf '#!/bin/sh\\necho \"no $2\" >&2; exit 5\\n' >systemctl; chmod +x systemctl",
        )  # fmt: skip
        key = script(place, "host-key", "make").text.strip()
        with pytest.raises(
            CommandFailed, match=r"have sshd take the key \(systemctl reload\): no ssh.service"
        ):
            script(place, "host-key", "install", key)
    finally:
        docker("rm", "-f", "-v", name)


def test_a_script_that_is_killed_says_so(image: str) -> None:
    name = container(image)
    try:
        place = DockerExec(name, Local())
        with pytest.raises(CommandFailed, match="ended by signal 9, and it said nothing"):
            place.run(["sh", "-c", "kill -9 $$"])
    finally:
        docker("rm", "-f", "-v", name)
