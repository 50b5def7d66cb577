"""A VPS that is really there: delivered, rebuilt with a key, opened as its facts say, and gone when its month is over."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ovh.exceptions import BadParametersError

from support.ovh import Account
from support.simcloud import until

pytestmark = pytest.mark.docker


class Ssh:
    """One client key; a known_hosts file for each host key that is to be met."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tests", "-f", folder / "key"]
        subprocess.run(make, check=True)
        self.public = (folder / "key.pub").read_text().strip()

    def run(self, who: str, pins: str, *argv: str, check: str = "yes") -> subprocess.CompletedProcess[str]:
        options = [
            f"UserKnownHostsFile={self.folder / pins}",
            f"StrictHostKeyChecking={check}",
            *("BatchMode=yes", "ConnectTimeout=5", "IdentitiesOnly=yes"),
        ]
        flags = [word for option in options for word in ("-o", option)]
        command = ["ssh", "-F", "none", "-i", str(self.folder / "key"), *flags, who, *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture
def ssh(tmp_path: Path) -> Ssh:
    return Ssh(tmp_path)


def test_a_vps_on_a_real_machine(real_account: Account, ssh: Ssh) -> None:
    account = real_account
    service = account.delivered(account.order())
    address = account.get(f"/vps/{service}/ips")[1]
    until(lambda: account.get(f"/vps/{service}")["state"] == "running", "the machine", 60)

    refused = ssh.run(f"debian@{address}", "before", "true", check="accept-new")
    assert "Permission denied" in refused.stderr
    assert "Permanently added" in refused.stderr

    account.cloud.advance(60)
    _rebuild(account, service, ssh.public)
    assert account.get(f"/vps/{service}/ips")[1] == address

    changed = ssh.run(f"debian@{address}", "before", "true")
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in changed.stderr
    until(lambda: _lets_in(ssh, f"debian@{address}"), "debian to be let in", 60)
    root = ssh.run(f"root@{address}", "after", "true")
    assert (root.returncode, 'Please login as the user "debian"' in root.stdout + root.stderr) == (142, True)

    def as_debian(command: str) -> str:
        done = ssh.run(f"debian@{address}", "after", command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert as_debian("hostname; whoami").split() == [service.split(".")[0], "debian"]
    assert as_debian("sudo -n id -u") == "0"
    assert as_debian("command -v rsync || echo none") == "none"
    assert as_debian("sudo -n docker version --format '{{.Server.Version}}'")
    assert as_debian("systemctl is-active qemu-guest-agent") == "active"
    as_debian("sudo -n DEBIAN_FRONTEND=noninteractive apt-get purge -y --auto-remove 'qemu*'")
    assert (
        as_debian(
            "dpkg-query -W -f '${Package} ${Status}\\n' 'qemu*' 2>/dev/null | grep -c ' installed' || true"
        )
        == "0"
    )
    assert as_debian("systemctl is-active qemu-guest-agent || true") == "inactive"
    assert as_debian("sudo -n docker images -q | wc -l") != "0"

    as_debian("sudo -n cp /home/debian/.ssh/authorized_keys /root/.ssh/authorized_keys")
    assert ssh.run(f"root@{address}", "after", "touch /root/kept").returncode == 0

    account.post(f"/vps/{service}/stop")
    until(lambda: account.get(f"/vps/{service}")["state"] == "stopped", "the stop", 60)
    assert ssh.run(f"root@{address}", "after", "true").returncode == 255
    account.post(f"/vps/{service}/start")
    until(lambda: ssh.run(f"root@{address}", "after", "test -e /root/kept").returncode == 0, "the start", 60)

    account.renew(service, deleteAtExpiration=True)
    account.cloud.advance(32 * 86400)
    account.cloud.settle(60)
    assert account.cloud.resources() == []
    listed = ["docker", "ps", "-aq", "--filter", f"label=mngr.simcloud={account.cloud.run}"]
    names = subprocess.run(
        [*listed, "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    ).stdout
    assert service not in names


def _rebuild(account: Account, service: str, key: str) -> None:
    def accepted() -> bool:
        try:
            account.rebuild(service, key)
        except BadParametersError:
            return False
        return True

    until(accepted, "the rebuild to be taken", 60)
    until(lambda: account.get(f"/vps/{service}")["state"] == "running", "the rebuild", 60)


def _lets_in(ssh: Ssh, who: str) -> bool:
    return ssh.run(who, "after", "true", check="accept-new").returncode == 0
