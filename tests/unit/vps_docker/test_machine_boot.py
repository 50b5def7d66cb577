"""The scripts of a machine's first boot, run here with a systemd and a Docker that only say what they were asked."""

import os
import subprocess
from pathlib import Path

import pytest

from mngr.hosts import scripts


def run(name: str, root: Path, *, docker: bool = True, enabled: bool = True) -> str:
    """What the script prints, with all of its folders below `root`; `root/asked` has what systemctl was asked."""
    tools = root / "bin"
    tools.mkdir()
    (root / "log").mkdir()
    fakes = {
        "docker": f"exit {0 if docker else 1}",
        "dockerd": "",
        "systemctl": f'echo "$*" >>{root}/asked; case "$*" in *is-enabled*) exit {0 if enabled else 1} ;; esac',
    }
    for tool, text in fakes.items():
        (tools / tool).write_text(f"#!/bin/sh\n{text}\n")
        (tools / tool).chmod(0o755)
    text = scripts.text(name)
    for folder, there in {"/var/lib": "lib", "/var/log": "log", "/run/": "run/"}.items():
        text = text.replace(folder, f"{root}/{there}")
    done = subprocess.run(
        ["sh", "-c", text, name], capture_output=True, text=True, timeout=30,
        env={"PATH": f"{tools}:{os.environ['PATH']}"}, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize(
    ("there", "docker", "word"),
    [
        ([], True, "waiting"),
        (["mngr-baked"], True, "ready"),
        (["mngr-baked"], False, "waiting"),
        (["mngr-baked", "mngr/boot/failed"], True, "failed"),
        (["mngr/boot/ready"], False, "ready"),
    ],
)
def test_a_machine_of_a_baked_image_is_ready_when_its_docker_answers(
    tmp_path: Path, there: list[str], docker: bool, word: str
) -> None:
    for name in there:
        (tmp_path / "lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lib" / name).touch()
    assert run("machine-booted", tmp_path, docker=docker).split() == [word]


@pytest.mark.parametrize("enabled", [True, False])
def test_docker_is_enabled_only_where_it_isnt(tmp_path: Path, enabled: bool) -> None:
    run("machine-boot", tmp_path, enabled=enabled)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert ("enable docker.service" in asked) is not enabled
    assert asked[-1] == "start docker.service"
    assert (tmp_path / "lib/mngr/boot/ready").exists()
