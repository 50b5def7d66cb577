"""What is started on a host at the moment when it stops itself, idle: it runs afterwards, whoever came first."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from mngr.testing.docker import DockerWorld
from mngr.testing.world import cli, listing

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

#: As the watcher does it, but slowly.
STOPS = "echo 'idle since=1 last=boot mode=io timeout=1 at=1' >/mngr/stop/reason; sleep 3; touch /mngr/stop/exit; pkill -f '[w]atch.sh'"


@pytest.mark.parametrize(
    "words",
    [
        ("start", "first"),
        ("create", "second@first", "--no-code", "--no-connect", "--", "sleep", "600"),
        ("create", "second@first", "--from", "code", "--no-connect", "--", "sleep", "600"),
    ],
    ids=["start", "create", "code"],
)
def test_an_agent_that_comes_too_late_for_its_host_runs_after_all(
    docker: DockerWorld, words: Sequence[str]
) -> None:
    mngr = cli(docker)
    (docker.scratch / "code").mkdir()
    (docker.scratch / "code" / "file").write_text("there")
    image = ("--image", "mngr/agent:bookworm")
    mngr.ok(
        "create",
        "first",
        "--provider",
        docker.provider,
        *image,
        "--no-code",
        "--no-connect",
        "--",
        "sleep",
        "600",
    )
    container = "mngr-" + listing(docker)["hosts"][0]["id"]
    docker.docker("exec", "-d", container, "sh", "-c", STOPS)
    end = time.monotonic() + 20
    while "reason" not in docker.docker("exec", container, "ls", "/mngr/stop"):
        assert time.monotonic() < end
    done = mngr.ok(*words)
    assert "start host" in done.err
    [host] = listing(docker)["hosts"]
    assert host["state"] == "running"
    assert not host["idle"]["stop_reason"]
    name = words[1].partition("@")[0]
    [agent] = [one for one in listing(docker)["agents"] if one["name"] == name]
    assert agent["state"] in ("running", "waiting")
    assert mngr.ok("exec", name, "echo here").out == "here\n"
    if "--from" in words:
        assert mngr.ok("exec", name, "cat file").out == "there"
