"""`tell_url` from a container whose image has no curl."""

from __future__ import annotations

from pathlib import Path

from support.cli import Cli
from support.ear import Ear

from .conftest import INSTANCE, clear, docker, until


def test_curl_comes_when_there_is_something_to_tell(tmp_path: Path, image: str) -> None:
    instance, home = f"{INSTANCE}-told", tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text(
        f"tell_url = 'http://127.0.0.1:8099/topic'\nquiet = 2\n[providers.{instance}]\nbackend = 'docker'\n"
    )
    cli = Cli(home)
    words = ("--provider", instance, "--image", "debian:bookworm-slim", "--no-code", "--no-connect")
    try:
        cli.run(
            "create",
            "a1",
            *words,
            "--",
            "sh",
            "-c",
            "until [ -e /tmp/go ]; do sleep 0.2; done; echo works; exec sleep 1000",
        )
        container = f"mngr-{cli.agent('a1')['host']['id']}"
        ear = Ear(8099, f"/proc/{docker('inspect', '-f', '{{.State.Pid}}', container)}/ns/net")
        docker("exec", container, "touch", "/tmp/go")
        until("a1's waiting is told", lambda: ("/topic", "a1 waiting") in ear.heard, 120)
        ear.close()
    finally:
        cli.run("destroy", "@a1", "--yes", code=None)
        docker("rm", "-f", "-v", f"mngr-state-{instance}", check=False)
        clear(instance)
