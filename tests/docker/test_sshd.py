"""What a host's container is like inside."""

import subprocess

from mngr.model.records import HostRecord

from .conftest import Bench, docker


def test_sshd_is_the_host_s_own(box: tuple[Bench, HostRecord]) -> None:
    bench, record = box
    scan = subprocess.run(
        ["ssh-keyscan", "-p", str(record.ssh_port), "127.0.0.1"], capture_output=True, text=True, timeout=20, check=False
    )  # fmt: skip
    shown = {" ".join(line.split()[1:]) for line in scan.stdout.splitlines() if not line.startswith("#")}
    assert shown == {record.host_key}
    assert bench.inside(record, "ls /etc/ssh/ssh_host_* 2>/dev/null || true") == ""
    settings = bench.inside(record, "/usr/sbin/sshd -T -f /mngr/ssh/sshd_config").splitlines()
    assert {
        "maxsessions 100", "maxstartups 100:30:200", "permitrootlogin without-password",
        "passwordauthentication no", "kbdinteractiveauthentication no", "usedns no",
    } <= set(settings)  # fmt: skip


def test_no_other_key_gets_in(box: tuple[Bench, HostRecord], tmp_path: object) -> None:
    _, record = box
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{tmp_path}/key"], check=True)
    done = subprocess.run(
        ["ssh", "-F", "none", "-i", f"{tmp_path}/key", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
         "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-p", str(record.ssh_port), "root@127.0.0.1", "id"],
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_the_container_s_environment_is_there_over_ssh(box: tuple[Bench, HostRecord]) -> None:
    bench, record = box
    assert bench.run(record, 'printf %s "$ODD"') == "a\"b $x 'y' \\ ☃"
    assert bench.run(record, 'printf %s "$PATH"').startswith("/usr/local/sbin:/usr/local/bin:")
    assert bench.run(record, 'printf "%s" "$HOME"') == "/root"


def test_files_and_hostname(box: tuple[Bench, HostRecord]) -> None:
    bench, record = box
    assert bench.run(record, "hostname") == "shared-box"
    assert bench.run(record, "stat -c '%a %U' /mngr/ssh /mngr/ssh/ssh_host_ed25519_key /mngr/host.json") == (
        "700 root\n600 root\n600 root"
    )
    assert f'"id": "{record.id}"' in bench.run(record, "cat /mngr/host.json")
    assert "host_stop=exit" in bench.run(record, "cat /mngr/idle.conf")


def test_orphans_are_reaped(box: tuple[Bench, HostRecord]) -> None:
    bench, record = box
    bench.inside(record, "for i in 1 2 3; do (sh -c 'sleep 0.2' &) ; done; sleep 1")
    assert "Z" not in bench.inside(record, "ps -e -o stat=")


def test_published_on_loopback_only(box: tuple[Bench, HostRecord]) -> None:
    _, record = box
    assert docker("port", f"mngr-{record.id}") == f"22/tcp -> 127.0.0.1:{record.ssh_port}"


def test_labels_name_the_owner(box: tuple[Bench, HostRecord]) -> None:
    bench, record = box
    labels = docker("inspect", "-f", "{{json .Config.Labels}}", f"mngr-{record.id}")
    for key, value in (
        ("mngr.provider", bench.provider.name), ("mngr.host-id", record.id), ("mngr.host-name", record.name),
        ("mngr.laptop", record.builder), ("mngr.publish", f"127.0.0.1:{record.ssh_port}"),
    ):  # fmt: skip
        assert f'"{key}":"{value}"' in labels
