"""`from mngr import Mngr` on a container: the example's first life, and what only a host of its own shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr import Mngr
from mngr.model.errors import TimedOut

from .conftest import INSTANCE, clear, docker

TOP = Path(__file__).resolve().parents[2]
PROVIDER = f"{INSTANCE}-front"


@pytest.fixture
def home(tmp_path: Path, image: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(
        f"[providers.{PROVIDER}]\nbackend = 'docker'\ndefault_image = '{image}'\n"
    )
    monkeypatch.setenv("MNGR_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    try:
        yield home
    finally:
        clear(PROVIDER)


def test_the_example_is_the_first_life_on_docker_too(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, TOP / "examples/first_life.py", PROVIDER], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            f"first is running on first.{PROVIDER}",
            "first running running",
            "3 hello",
            "after a stop: stopped, its host stopped",
            "after a start: running, its host running",
            "its host is gone, too",
        ],
    ), done.stderr
    assert not docker(
        "ps", "-aq", "--filter", f"label=mngr.provider={PROVIDER}", "--filter", "label=mngr.host-id"
    )


def test_what_a_host_of_its_own_can(home: Path, tmp_path: Path) -> None:
    agent = Mngr().create(f"box.{PROVIDER}", command=["sleep", "1000"], labels={"team": "search"})
    with pytest.raises(TimedOut):
        agent.exec("sleep 77.7 & sleep 77.7", timeout=1)
    assert agent.exec("pgrep -fc 'sleep 77[.]7'").text.strip() == "0"
    assert agent.exec(["cat"], input=b"\0\xff").stdout == b"\0\xff"
    assert agent.exec("exit 255").code == 255
    agent.exec("git init -q . && echo new >file")
    [loss] = agent.losses()
    assert (loss.commits, loss.untracked) == (0, 1)
    subprocess.run(["git", "init", "-q", tmp_path / "repo"], check=True)
    assert agent.pull(tmp_path / "repo").untracked == 1
    snapshot = agent.snapshot(to=tmp_path / "box.tar")
    assert (tmp_path / "box.tar").exists()
    assert [one.id for one in agent.host.snapshots().snapshots] == [snapshot.id]
    again = Mngr().host("box")
    assert (again.id, [one.labels for one in again.agents]) == (agent.host.id, [{"team": "search"}])
    done = again.destroy()
    assert done.snapshots_left is not None
    assert (done.host_gone, done.snapshots_left.count) == (True, 1)
    Mngr().destroy_snapshot(snapshot.id)
    assert Mngr().snapshots().snapshots == []
