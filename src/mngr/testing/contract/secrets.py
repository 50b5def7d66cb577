"""Environment values reach the agent, and nothing else: no command line, log, record, user data, API call."""

from __future__ import annotations

import json
import secrets
import threading
from pathlib import Path

from mngr.testing.contract.base import Base, create, fresh_name, limit, remove
from mngr.testing.world import World, cloud_of


class Secrets(Base):
    def test_an_environment_value_is_seen_by_the_agent_alone(self, world, mngr):
        name, secret = fresh_name(), f"s3cr3t-{secrets.token_hex(12)}"
        file = world.scratch / "env"
        file.write_text(f"TOKEN={secret}\n")
        file.chmod(0o600)
        watch = CommandLines(secret)
        try:
            with watch:
                done = create(mngr, world, name, "--env-file", str(file))
                mngr.ok("stop", name)
                mngr.ok("start", name, limit_s=limit(world))
                got = mngr.ok("exec", name, 'printf %s "$TOKEN"')
            file.unlink()
            assert got.out == secret
            assert watch.looks > 5, "the test hardly looked at process lists"
            assert watch.seen == [], "on a command line"
            assert secret not in done.out + done.err
            assert _holders(world, secret, name) == []
        finally:
            remove(mngr, name)
            file.unlink(missing_ok=True)

    def test_a_bad_environment_value_isnt_repeated_in_the_message(self, world, mngr):
        done = mngr("create", fresh_name(), "--provider", world.provider, "--env", "1BAD=s3cr3t-value")
        assert done.code == 2
        assert "s3cr3t" not in done.out + done.err


class CommandLines:
    """Looks at every process's command line, again and again, while it is entered."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.seen: list[str] = []
        self.looks = 0

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _watch(self) -> None:
        while not self._stop.wait(0.03):
            self.looks += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                if self._text in line:
                    self.seen.append(line.replace(b"\0", b" ").decode(errors="replace")[:200])


def _holders(world: World, secret: str, name: str) -> list[str]:
    """Files of MNGR_HOME (but for the agent's own on `local`), the cloud's call log and user data that hold it."""
    found = []
    for path in world.home.rglob("*"):
        own = not world.isolated and path.match("agents/*/env.sh")
        if path.is_file() and not own and secret.encode() in path.read_bytes():
            found.append(str(path))
    cloud = cloud_of(world)
    if cloud and secret in json.dumps(cloud.calls()):
        found.append("the cloud's calls")
    read = getattr(world, "user_data", None)
    if read and any(secret in text for text in read()):
        found.append("user data")
    return found
