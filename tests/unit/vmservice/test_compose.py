"""compose.yaml, as far as it can be looked at without Docker's plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML isn't installed")
TOP = Path(__file__).resolve().parents[3]


@pytest.fixture
def service() -> dict[str, Any]:
    [(name, one)] = yaml.safe_load((TOP / "compose.yaml").read_text())["services"].items()
    assert name == "vm-provisioner"
    return one


def test_it_is_not_privileged(service: dict[str, Any]) -> None:
    assert "privileged" not in service
    assert service["cap_drop"] == ["ALL"]
    assert set(service["cap_add"]) == {"CHOWN", "DAC_OVERRIDE", "FOWNER"}
    assert "network_mode" not in service


def test_it_has_the_seeds_profiles_and_variables(service: dict[str, Any]) -> None:
    assert service["profiles"] == ["infrastructure", "compute"]
    env = service["environment"]
    assert env["VM_PROVISIONER_PORT"] == "${VM_PROVISIONER_PORT:-8092}"
    assert env["LIBVIRT_URI"] == "${LIBVIRT_URI:-qemu:///system}"
    assert env["SSH_KEY_DIR"] == "/app/ssh_keys"


def test_three_mounts_and_disks_at_the_hosts_own_path(service: dict[str, Any]) -> None:
    mounts = [one.rsplit(":", 1) for one in service["volumes"]]
    assert len(mounts) == 3
    (socket, same), (keys, there), (disks, inside) = mounts
    assert socket == same == "/var/run/libvirt/libvirt-sock"
    assert (keys, there) == ("${VOLUMES_ROOT}/vm-provisioner/ssh_keys", "/app/ssh_keys")
    assert disks == inside == "${VOLUMES_ROOT}/vm-provisioner/vms"
    assert service["environment"]["LIBVIRT_STORAGE_PATH"].endswith("/vm-provisioner/vms")


def test_the_image_names_no_registry(service: dict[str, Any]) -> None:
    text = (TOP / "Dockerfile").read_text()
    assert "ARG BASE=debian:bookworm-slim\nFROM ${BASE}\n" in text
    assert "/healthz" in text.partition("HEALTHCHECK")[2]
    assert "http://127.0.0.1" in text
    assert "https://" not in text
