"""`mngr logs` of an agent in a container, while its host is down, however that came."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.cli import Cli

from .conftest import INSTANCE, clear, docker, left, until

OTHER = f"{INSTANCE}-logs"


@pytest.fixture
def mngr(tmp_path_factory: pytest.TempPathFactory, image: str) -> Iterator[Cli]:
    home = tmp_path_factory.mktemp("logs") / "home"
    home.mkdir()
    (home / "config.toml").write_text(f"[providers.{OTHER}]\nbackend = 'docker'\ndefault_image = '{image}'\n")
    mngr = Cli(home)
    script = "printf 'caf\\303\\251\\n10%%\\r100%%\\nready\\n'; exec cat"
    mngr.run("create", f"one.{OTHER}", "--no-code", "--no-connect", "--quiet", "--", "sh", "-c", script)
    until("the agent has spoken", lambda: "ready" in mngr.run("logs", "one").stdout)
    yield mngr
    mngr.run("destroy", "one", "--yes", code=None)
    clear(OTHER)
    assert left(OTHER) == []


@pytest.mark.parametrize("how", ["mngr stop", "docker stop", "docker kill"])
def test_the_last_output_of_a_host_that_is_down_is_shown(mngr: Cli, how: str) -> None:
    container = docker(
        "ps", "-q", "--filter", f"label=mngr.provider={OTHER}", "--filter", "label=mngr.host-name=one"
    )
    if how == "mngr stop":
        mngr.run("stop", "one")
    else:
        docker(*how.split()[1:], container)
    until("it is down", lambda: mngr.host("one")["state"] != "running")
    assert mngr.run("logs", "one").stdout == "café\n100%\nready\n"
    assert mngr.run("logs", "one", "-n", "1").stdout == "ready\n"
    assert mngr.run("logs", "one", "--raw").stdout == "café\n10%\n100%\nready\n"  # \\r is a line end to us
    mngr.run("start", "one")
    until("both runs are there", lambda: mngr.run("logs", "one").stdout == "café\n100%\nready\n" * 2)
