"""A container on this computer: making it against a script by hand, a command in it against bare ssh."""

import os
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bench.measure import Row, paired, wall
from bench.setting import IMAGE, TOP, Setting, fresh

BY_HAND = str(TOP / "bench" / "docker-by-hand.sh")
CREATES = 9
EXECS = 15


def rows(folder: Path) -> Iterator[Row]:
    provider = f"bench{os.getpid()}"  # whose state container goes, too
    setting = fresh(folder / "docker").with_env(**{f"MNGR__PROVIDERS__{provider.upper()}__BACKEND": "docker"})
    try:
        yield _create(setting, provider)
        yield _exec(setting, provider)
    finally:
        for words in (["rm", "-f", "-v"], ["volume", "rm", "-f"], ["rmi"]):
            name = f"mngr-state:{provider}" if words == ["rmi"] else f"mngr-state-{provider}"
            subprocess.run(["docker", *words, name], capture_output=True, timeout=60)


def _create(setting: Setting, provider: str) -> Row:
    key = setting.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    numbers = count()

    def ours() -> float:
        name = f"bench-{next(numbers)}"
        argv = setting.mngr(
            "create", name, "--provider", provider, "--image", IMAGE, "--no-code", "--no-connect"
        )
        try:
            return wall(argv, setting.env, setting.folder)
        finally:
            setting.run("destroy", name, "--force")

    def by_hand() -> float:
        name = f"mngr-bench-{setting.folder.parent.name}-{next(numbers)}"
        try:
            return wall([BY_HAND, name, str(key), IMAGE], setting.env, setting.folder)
        finally:
            subprocess.run([BY_HAND, "--rm", name], check=True, timeout=60, capture_output=True)

    return paired("create on docker", ours, "the same by hand", by_hand, limit=1.5, rounds=CREATES)


def _exec(setting: Setting, provider: str) -> Row:
    setting.run("create", "bench", "--provider", provider, "--image", IMAGE, "--no-code", "--no-connect")
    try:
        # Not by `mngr ssh-config`, which looks at how ssh was called: that takes longer than the command.
        [config] = setting.folder.glob(f"**/profile/providers/docker/{provider}/ssh/*.container")
        ssh = ["ssh", "-F", str(config), config.name, "true"]
        return paired(
            "a second exec",
            lambda: wall(setting.mngr("exec", "bench", "true"), setting.env, setting.folder),
            "ssh, warm", lambda: wall(ssh, setting.env, setting.folder), limit=2, rounds=EXECS,
        )  # fmt: skip
    finally:
        setting.run("destroy", "bench", "--force")
