"""The names that authors of providers know this library by."""

from importlib import import_module

import pytest

NAMES = {
    "mngr.vps_docker.vps_client": ["VpsClientInterface"],
    "mngr.vps_docker.instance": ["VpsDockerProvider"],
    "mngr.vps_docker.docker_over_ssh": ["DockerOverSsh"],
    "mngr.vps_docker.host_store": ["VpsDockerHostStore"],
    "mngr.vps_docker.cloud_init": ["user_data"],
    "mngr.vps_docker.config": ["VpsDockerProviderConfig"],
    "mngr.vps_docker.errors": ["VpsDockerError", "VpsProvisioningError"],
    "mngr.vps_docker.primitives": ["VpsInstanceId", "VpsInstanceStatus"],
    "mngr.providers.contract": ["ProviderBackendInterface"],
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module in NAMES for name in NAMES[module]])
def test_is_there(module: str, name: str) -> None:
    assert hasattr(import_module(module), name)


def test_a_provider_may_override_how_hosts_are_found() -> None:
    from mngr.vps_docker.instance import VpsDockerProvider

    assert callable(VpsDockerProvider._discover_host_records)
    assert callable(VpsDockerProvider._find_host_record)
