"""User data: valid YAML whatever is in it, the host key in place before sshd runs, the lifetime cap first."""

import pytest
import yaml

from mngr.vps_docker import cloud_init, guard

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKk"
CLIENT = 'ssh-ed25519 AAAAC3Nza mngr"vps: #\n'


def made(**changes: object) -> tuple[str, dict]:
    text = cloud_init.user_data(
        host_private_key=PRIVATE,
        host_public_key=PUBLIC,
        authorized_keys=[CLIENT],
        **changes,  # type: ignore[arg-type]
    )
    return text, yaml.safe_load(text)


def test_it_is_cloud_config_and_yaml_reads_back_every_byte() -> None:
    text, config = made()
    assert text.startswith("#cloud-config\n")
    assert config["ssh_keys"] == {"ed25519_private": PRIVATE, "ed25519_public": PUBLIC}
    assert config["ssh_authorized_keys"] == [CLIENT]


def test_only_our_host_key_only_our_login() -> None:
    _, config = made()
    assert config["ssh_deletekeys"] is True
    assert config["ssh_pwauth"] is False
    assert config["disable_root"] is False
    assert config["users"] == []


def test_the_boot_script_comes_as_a_file_and_is_run() -> None:
    from mngr.hosts import scripts

    _, config = made()
    files = {file["path"]: file for file in config["write_files"]}
    assert files[cloud_init.BOOT_SCRIPT]["content"] == scripts.text("machine-boot")
    assert {file["permissions"] for file in files.values()} == {"0600"}
    assert config["runcmd"] == [["sh", cloud_init.BOOT_SCRIPT]]


def test_the_lifetime_cap_comes_before_anything_that_may_fail() -> None:
    _, config = made(guard=guard.files(ends_at=1_800_000_000.7))
    assert config["runcmd"][0] == ["systemctl", "enable", "--now", "mngr-guard.timer"]
    files = {file["path"]: file["content"] for file in config["write_files"]}
    assert files["/var/lib/mngr/guard/ends_at"] == "1800000000\n"
    assert "machine-guard.sh" in files["/etc/systemd/system/mngr-guard.service"]


def test_no_secret_but_the_short_lived_host_key() -> None:
    text, _ = made(guard=guard.files())
    assert text.count("PRIVATE KEY") == 2


def test_it_stays_below_what_clouds_take() -> None:
    text, _ = made(guard=guard.files(ends_at=1))
    assert len(text) < cloud_init.MAX_BYTES
    with pytest.raises(ValueError, match="more than"):
        made(guard={"/x": "x" * cloud_init.MAX_BYTES})
