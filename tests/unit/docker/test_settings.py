"""`[providers.docker]`."""

import hashlib
import json
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


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of docker's with the contexts `far`, `near` and `odd`, as `docker context create` writes them."""
    folder = tmp_path / "docker"
    for name, host in (("far", "ssh://root@192.0.2.7"), ("near", "unix:///run/user/1000/docker.sock")):
        meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        meta.mkdir(parents=True)
        endpoint = {"Host": host, "SkipTLSVerify": False}
        (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": endpoint}}))
    odd = folder / "contexts" / "meta" / hashlib.sha256(b"odd").hexdigest()
    odd.mkdir()
    (odd / "meta.json").write_text("junk")
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return folder


ELSEWHERE = "isn't on this computer"


@pytest.mark.parametrize(
    ("setting", "variables", "current", "message"),
    [
        ("ssh://root@192.0.2.7", {}, "", ELSEWHERE),
        ("", {"DOCKER_HOST": "tcp://192.0.2.7:2375"}, "", ELSEWHERE),
        ("", {"DOCKER_HOST": "192.0.2.7:2375"}, "", ELSEWHERE),
        ("", {"DOCKER_CONTEXT": "far"}, "", r"ssh://root@192.0.2.7 \(DOCKER_CONTEXT=far\) isn't on this"),
        ("", {}, "far", r"the current Docker context far of .*\) isn't on this computer"),
        ("", {"DOCKER_HOST": "", "DOCKER_CONTEXT": ""}, "far", ELSEWHERE),
        ("", {"DOCKER_CONTEXT": "far"}, "near", ELSEWHERE),
        ("", {"DOCKER_CONTEXT": "nosuch"}, "", "there is no Docker context nosuch"),
        ("", {}, "gone", "there is no Docker context gone"),
        ("", {"DOCKER_CONTEXT": "odd"}, "", "where the Docker context odd leads can't be read"),
    ],
)
def test_a_daemon_elsewhere_is_refused_however_it_is_named(
    contexts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    setting: str, variables: dict[str, str], current: str, message: str,
) -> None:  # fmt: skip
    choose(contexts, monkeypatch, variables, current)
    with pytest.raises(InvalidInput, match=message):
        build(tmp_path, docker_host=setting)


@pytest.mark.parametrize(
    ("setting", "variables", "current"),
    [
        ("", {}, ""),
        ("", {}, "near"),
        ("", {}, "default"),
        ("", {"DOCKER_CONTEXT": "near"}, "far"),
        ("", {"DOCKER_CONTEXT": "default"}, "far"),
        ("", {"DOCKER_HOST": "unix:///run/docker.sock"}, "far"),
        ("unix:///run/docker.sock", {"DOCKER_HOST": "tcp://192.0.2.7:2375", "DOCKER_CONTEXT": "far"}, "far"),
    ],
)
def test_a_daemon_here_is_used_however_it_is_named(
    contexts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    setting: str, variables: dict[str, str], current: str,
) -> None:  # fmt: skip
    choose(contexts, monkeypatch, variables, current)
    build(tmp_path, docker_host=setting)


def choose(contexts: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], current: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if current:
        (contexts / "config.json").write_text(json.dumps({"auths": {}, "currentContext": current}))


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
