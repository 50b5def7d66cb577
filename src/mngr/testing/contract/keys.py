"""Pinned keys only: a host that shows another key gets nothing; private keys are their owner's."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mngr.testing.contract.base import Base, listed
from mngr.testing.world import World

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUXBMxSSW6Zn0fG4jVJfRsWbYyCNmFOGQ6Yj4RD3dXi"


class Keys(Base):
    def test_another_host_key_than_the_pinned_one_ends_it_before_anything_is_sent(self, world, mngr, agent):
        pins = _files(world, "known_hosts")
        row = next(one for one in listed(mngr, world)["agents"] if one["name"] == agent)
        kept = {path: path.read_text() for path in pins if row["host"]["id"] in path.name}
        assert kept, "no pins for this host"
        try:
            for path, text in kept.items():
                path.write_text("".join(f"{line.split()[0]} {OTHER_KEY}\n" for line in text.splitlines()))
            _end_connections(world)
            done = mngr("exec", agent, "echo reached")
            assert done.code != 0
            assert "reached" not in done.out
        finally:
            for path, text in kept.items():
                path.write_text(text)
        assert mngr.ok("exec", agent, "echo reached").out == "reached\n"

    def test_every_connection_is_strict(self, world, agent):
        for path in _files(world, "ssh"):
            settings = dict(line.split(None, 1) for line in path.read_text().splitlines() if line.strip())
            assert settings["StrictHostKeyChecking"] == "yes", path
            assert settings["IdentitiesOnly"] == "yes", path
            assert settings["GlobalKnownHostsFile"] == "/dev/null", path
            assert settings["ForwardAgent"] == "no", path

    def test_private_keys_are_readable_by_their_owner_alone(self, world, agent):
        for path in world.home.rglob("*"):
            if path.is_file() and b"PRIVATE KEY" in path.read_bytes():
                assert path.stat().st_mode & 0o077 == 0, path
        if world.home.exists() and (world.home / "profile").exists():
            for folder in (world.home / "profile").rglob("keys"):
                assert folder.stat().st_mode & 0o077 == 0, folder

    def test_host_keys_differ_between_hosts(self, world, make):
        make()
        make()
        keys = [
            line.split()[-1]
            for path in _files(world, "known_hosts")
            for line in path.read_text().splitlines()
        ]
        assert len(keys) == len(set(keys)) >= 2


def _files(world: World, kind: str) -> list[Path]:
    """The files themselves: a provider may link the same pins under its cloud's own name for the machine."""
    found = (world.home / "profile").glob(f"providers/*/*/{kind}/*")
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _end_connections(world: World) -> None:
    """Shared connections were checked when they were made; a new one has to be."""
    for path in _files(world, "ssh"):
        alias = path.read_text().split(None, 2)[1]
        subprocess.run(
            ["ssh", "-F", str(path), "-O", "exit", alias],
            env=dict(world.env),
            capture_output=True,
            timeout=20,
        )
