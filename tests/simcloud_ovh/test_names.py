"""Service names resolve, for who asks, by a hosts file of the run's own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mngr.simcloud.hosts import ALWAYS, Hosts
from support.ovh import Account
from support.simcloud import Simcloud


def lines(path: Path) -> list[str]:
    return path.read_text().removeprefix(ALWAYS).splitlines()


def test_a_service_name_resolves_from_delivery_to_its_end(account: Account, tmp_path: Path) -> None:
    hosts = account.cloud.core.hosts = Hosts(tmp_path / "hosts")
    assert hosts.path
    before = hosts.path.stat().st_ino
    order = account.order()
    assert lines(hosts.path) == []
    service = account.delivered(order)
    address = account.get(f"/vps/{service}/ips")[1]
    assert lines(hosts.path) == [f"{address} {service}"]
    (old,) = account.cloud.ask("POST", "/seed_vps", {})["services"]
    assert [line.split()[1] for line in lines(hosts.path)] == [service, old]
    account.cloud.advance(300)
    account.rebuild(service)
    account.cloud.advance(100)
    account.cloud.settle()
    (again,) = (ip for ip in account.get(f"/vps/{service}/ips") if ":" not in ip)
    assert f"{again} {service}" in lines(hosts.path)
    for one in (service, old):
        account.renew(one, deleteAtExpiration=True)
    account.cloud.advance(40 * 86400)
    assert hosts.path.read_text() == ALWAYS
    assert hosts.path.stat().st_ino == before, "it may be mounted somewhere"


def test_a_command_can_have_them_resolved_while_etc_hosts_is_as_it_was() -> None:
    untouched = Path("/etc/hosts").read_bytes()
    with Simcloud("ovh", "--machines", "fake", "--speed", "1000") as cloud:
        account, hosts = Account(cloud), cloud.ready["hosts"]
        service = account.buy()
        (address,) = (ip for ip in account.get(f"/vps/{service}/ips") if ":" not in ip)
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        apart = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-rm"]
        argv = [*apart, "sh", "-c", script, hosts, "getent", "ahostsv4", service]
        if subprocess.run([*apart, "true"], capture_output=True).returncode:
            pytest.skip("no mount namespace can be made here")
        said = subprocess.run(argv, capture_output=True, text=True, timeout=30)
        assert said.stdout.split()[0] == address, said
        assert subprocess.run(["getent", "hosts", service], capture_output=True, timeout=30).stdout == b""
    assert Path("/etc/hosts").read_bytes() == untouched
    assert not Path(hosts).exists()
