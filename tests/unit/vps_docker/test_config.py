"""The settings that all rented machines share: the README's table, and where an API key may be sent."""

import msgspec
import pytest

from mngr.model.errors import InvalidInput
from mngr.model.records import Idle
from mngr.vps_docker.config import VpsDockerProviderConfig
from mngr.vps_docker.credentials import check_api_url


def test_defaults() -> None:
    expected = {
        "host_dir": "/mngr",
        "default_image": "debian:bookworm-slim",
        "default_idle_timeout": 800,
        "default_idle_mode": "IO",
        "ssh_connect_timeout": 60.0,
        "vps_boot_timeout": 300.0,
        "docker_install_timeout": 300.0,
        "container_ssh_port": 2222,
        "default_region": "ewr",
        "default_plan": "vc2-1c-1gb",
        "default_os_id": 2136,
        "default_start_args": (),
    }
    found = msgspec.structs.asdict(VpsDockerProviderConfig())
    assert {key: found[key] for key in expected} == expected


def test_idle_defaults() -> None:
    assert VpsDockerProviderConfig().idle() == Idle(mode="io", timeout_s=800, max_lifetime_s=0)
    with pytest.raises(InvalidInput, match="unknown idle mode"):
        VpsDockerProviderConfig(default_idle_mode="never").idle()


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="default_plna"):
        msgspec.convert({"default_plna": "x"}, VpsDockerProviderConfig)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.vultr.com/v2",
        "https://api.vultr.com/v2/",
        "http://127.0.0.1:8080/v2",
        "http://localhost:1",
        "http://[::1]:80",
    ],
)
def test_addresses_that_may_have_the_key(url: str) -> None:
    assert check_api_url(url, "here") == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://api.vultr.com", "http://127.evil.example", "http://10.0.0.1"])
def test_no_key_in_the_clear_on_a_network(url: str) -> None:
    with pytest.raises(InvalidInput, match="in the clear"):
        check_api_url(url, "here")


@pytest.mark.parametrize(
    "url", ["", "api.vultr.com", "ftp://127.0.0.1", "https://u:p@x.example", "file:///etc/passwd"]
)
def test_what_isnt_an_address(url: str) -> None:
    with pytest.raises(InvalidInput, match="isn't an API address"):
        check_api_url(url, "[providers.vultr] api_url")
