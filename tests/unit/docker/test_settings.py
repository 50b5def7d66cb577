"""`[providers.docker]`."""

from pathlib import Path

import pytest

from mngr.backends.docker import BACKEND, DockerConfig
from mngr.config.schema import convert
from mngr.model.errors import InvalidInput, Unreachable
from mngr.model.ids import new_host_id
from mngr.providers.contract import Context, HostProvider, HostSnapshots, HostSpec


def build(tmp_path: Path, **settings: object) -> HostProvider:
    return BACKEND.build(DockerConfig(**settings), Context(instance="docker", home=tmp_path, laptop="l"))  # type: ignore[arg-type]


def test_the_seed_s_defaults(tmp_path: Path) -> None:
    config = DockerConfig()
    assert (config.host_dir, config.default_image, config.default_idle_timeout, config.default_idle_mode) == (
        "/mngr", "debian:bookworm-slim", 800, "IO",
    )  # fmt: skip
    assert (config.ssh_connect_timeout, config.default_start_args) == (60.0, ())
    assert isinstance(build(tmp_path), HostSnapshots)


def test_a_daemon_elsewhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="isn't on this computer"):
        build(tmp_path, docker_host="ssh://root@192.0.2.7")
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.7:2375")
    with pytest.raises(InvalidInput, match="isn't on this computer"):
        build(tmp_path)


@pytest.mark.parametrize("folder", ["mngr", "/a b", "/a/../b", "", "/x'y", "/", "/usr", "/proc/x", "/a/./b"])
def test_an_odd_host_dir_is_refused(folder: str) -> None:
    with pytest.raises(InvalidInput, match="host_dir"):
        convert({"host_dir": folder}, DockerConfig, "[providers.docker]")


def test_check_names_mistakes_before_it_asks_the_daemon(tmp_path: Path) -> None:
    provider = build(tmp_path, docker_host="unix:///dev/null/nowhere")
    with pytest.raises(Unreachable, match="can't reach the Docker daemon"):
        provider.check(HostSpec(id=new_host_id(), name="box"))
    for wrong, message in (
        (HostSpec(id="x", name="x", image="No Such"), "isn't an image's name"),
        (HostSpec(id="x", name="x", start_args=["--cpu=1"]), "unknown start argument --cpu=1"),
        (HostSpec(id="x", name="x", build_args=["--vps-plan=x"]), "unknown build argument --vps-plan"),
        (HostSpec(id="x", name="x", snapshot="/dev/null/nowhere"), "neither a snapshot's id nor"),
        (
            HostSpec(id="x", name="x", snapshot="snap-0123456789abcdef", image="debian"),
            "brings its own image",
        ),
    ):
        with pytest.raises(InvalidInput, match=message):
            provider.check(wrong)


def test_no_daemon_is_an_error_row(tmp_path: Path) -> None:
    listing = build(tmp_path, docker_host="unix:///dev/null/nowhere").discover()
    assert listing.hosts == []
    assert "can't reach the Docker daemon" in listing.errors[0].error
