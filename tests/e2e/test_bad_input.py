"""What goes wrong on the way to a rented machine: one clear message, its exit code, and nothing billed or left behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.cli import Cli
from support.simcloud import Simcloud

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

BAKED = ("--provider", "vultr", "-b", "--vps-image=docker", "--image", "mngr/agent:bookworm", "--no-code")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Simcloud]:
    with Simcloud("vultr") as cloud:
        yield cloud


@pytest.fixture
def cli(cloud: Simcloud, tmp_path: Path) -> Iterator[Cli]:
    """A fresh MNGR_HOME; afterwards nothing may be billed, journalled or pinned."""
    cli = Cli(tmp_path / "home", cloud.env)
    yield cli
    cloud.ask("DELETE", "/faults")
    cloud.settle()
    assert cloud.resources() == []
    assert list((cli.home / "journal").glob("*")) == []
    assert list(cli.home.glob("profile/providers/*/*/known_hosts/*")) == []


@pytest.mark.parametrize(
    ("args", "code", "says", "hint"),
    [
        (["-b", "--vps-plan=nope"], 2, "plan 'nope'", "vc2-1c-1gb"),
        (["-b", "--vps-region=mars"], 2, "region 'mars'", "ewr"),
        (["-b", "--vps-pln=x"], 2, "--vps-pln", "did you mean --vps-plan"),
        (["-b", "--file=nosuch-folder/Dockerfile", "-b", "."], 2, "nosuch-folder/Dockerfile", "--file="),
        (["-b", "nosuch-folder/context"], 2, "nosuch-folder/context", "-b ."),
        (["--idle-mode", "often"], 2, "idle mode 'often'", "disabled"),
        (["--snapshot", "snap-nope"], 3, "snap-nope", "mngr snapshot list"),
    ],
)
def test_a_mistake_in_the_order_is_found_before_anything_is_bought(
    cloud: Simcloud, cli: Cli, args: list[str], code: int, says: str, hint: str
) -> None:
    before = len(cloud.bill()["lines"])
    done = cli.run("create", "bad", *BAKED, *args, code=code)
    assert says in done.stderr
    assert hint in done.stderr
    assert "Traceback" not in done.stderr
    assert len(cloud.bill()["lines"]) == before


@pytest.mark.parametrize(("key", "code", "says"), [("", 2, "VULTR_API_KEY"), ("wrong", 5, "VULTR_API_KEY")])
def test_credentials_that_are_missing_or_wrong(cli: Cli, key: str, code: int, says: str) -> None:
    cli.env["VULTR_API_KEY"] = key
    assert says in cli.run("create", "bad", *BAKED, code=code).stderr


def test_a_build_that_fails_shows_its_end(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM mngr/agent:bookworm\nRUN echo the-reason && exit 9\n")
    done = cli.run(
        "create",
        "bad",
        "--provider",
        "vultr",
        "-b",
        "--vps-image=docker",
        "-b",
        str(tmp_path),
        "--no-code",
        code=1,
    )
    assert "the-reason" in done.stderr
    assert "building the image" in done.stderr


def test_a_dockerfile_from_outside_the_context_builds(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / ("long-" * 30 + "ünï")).write_text("arrived")
    (tmp_path / "My Dockerfile").write_text("FROM mngr/agent:bookworm\nCOPY . /context\n")
    cli.run(
        "create", "built", "--provider", "vultr", "-b", "--vps-image=docker", "-b", f"--file={tmp_path / 'My Dockerfile'}",
        "-b", str(tmp_path / "context"), "--no-code",
    )  # fmt: skip
    assert cli.run("exec", "built", "cat /context/long-*").stdout == "arrived"
    cli.run("destroy", "built", "--yes")


def test_no_capacity(cloud: Simcloud, cli: Cli) -> None:
    cloud.fault("no_capacity", method="POST", path="/instances")
    assert "not available" in cli.run("create", "bad", *BAKED, code=1).stderr


def test_a_machine_that_never_boots_is_given_back(cloud: Simcloud, cli: Cli) -> None:
    cloud.fault("boot_never", method="POST", path="/instances")
    cli.env["MNGR__PROVIDERS__VULTR__VPS_BOOT_TIMEOUT"] = "5"
    done = cli.run("create", "bad", *BAKED, code=1)
    assert "isn't up 5 s after its order" in done.stderr
    assert "vps_boot_timeout" in done.stderr


def test_a_machine_with_another_host_key_is_told_nothing_and_given_back(cloud: Simcloud, cli: Cli) -> None:
    cloud.fault("refuse_key", method="POST", path="/instances")
    cli.env["MNGR__PROVIDERS__VULTR__VPS_BOOT_TIMEOUT"] = "60"
    assert "another SSH host key" in cli.run("create", "bad", *BAKED, code=1).stderr


def test_a_first_boot_that_fails_shows_its_log(cloud: Simcloud, cli: Cli) -> None:
    cloud.fault("cloud_init_fail", method="POST", path="/instances")
    done = cli.run("create", "bad", "--provider", "vultr", "--no-code", code=1)
    assert "first boot" in done.stderr
    assert "docker.io" in done.stderr
