"""A container on this computer: making it against a script by hand, a command in it against bare ssh."""

import os
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from bench.measure import Row, paired, wall
from bench.setting import IMAGE, TOP, Setting, fresh
from mngr.containers.image import prepared_name

BY_HAND = str(TOP / "bench" / "docker-by-hand.sh")
CREATES = 9
EXECS = 15


def rows(folder: Path) -> Iterator[Row]:
    provider = f"bench{os.getpid()}"  # whose state container goes, too
    setting = fresh(folder / "docker").with_env(**{f"MNGR__PROVIDERS__{provider.upper()}__BACKEND": "docker"})
    try:
        yield _create(setting, provider)
        yield _build(setting, provider)
        yield _exec(setting, provider)
    finally:
        for words in (["rm", "-f", "-v"], ["volume", "rm", "-f"], ["rmi"]):
            name = f"mngr-state:{provider}" if words == ["rmi"] else f"mngr-state-{provider}"
            subprocess.run(["docker", *words, name], capture_output=True, timeout=60)


def _create(setting: Setting, provider: str) -> Row:
    key = setting.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    numbers = count()

    def by_hand() -> float:
        name = f"mngr-bench-{setting.folder.parent.name}-{next(numbers)}"
        try:
            return wall([BY_HAND, name, str(key), IMAGE], setting.env, setting.folder)
        finally:
            subprocess.run([BY_HAND, "--rm", name], check=True, timeout=60, capture_output=True)

    ours = _creating(setting, provider, "--image", IMAGE)
    return paired("create on docker", ours, "the same by hand", by_hand, limit=1.5, rounds=CREATES)


def _creating(setting: Setting, provider: str, *words: str) -> Callable[[], float]:
    def create() -> float:
        argv = setting.mngr("create", "timed", "--provider", provider, *words, "--no-code", "--no-connect")
        try:
            return wall(argv, setting.env, setting.folder)
        finally:
            setting.run("destroy", "timed", "--force")

    return create


def _build(setting: Setting, provider: str) -> Row:
    """An image that lacks something, from a context that doesn't change; the same image by its name."""
    text = f"FROM {IMAGE}\nRUN dpkg --purge rsync && echo {os.getpid()}\nWORKDIR /srv\nENV A=1\n"
    (setting.folder / "context").mkdir()
    (setting.folder / "context" / "Dockerfile").write_text(text)
    name = f"mngr-bench:{os.getpid()}"
    subprocess.run(
        ["docker", "build", "-t", name, "context"],
        cwd=setting.folder,
        check=True,
        capture_output=True,
        timeout=300,
    )
    try:
        return paired(
            "create -b, nothing changed", _creating(setting, provider, "-b", "context"),
            "the same with --image", _creating(setting, provider, "--image", name), limit=1.2, rounds=CREATES,
        )  # fmt: skip
    finally:
        shown = [
            "image",
            "ls",
            "--filter",
            f"label=mngr.provider={provider}",
            "--format",
            "{{.Repository}}:{{.Tag}}",
        ]
        kept = subprocess.run(["docker", *shown], capture_output=True, text=True, timeout=60).stdout.split()
        subprocess.run(["docker", "rmi", *kept, prepared_name(name), name], capture_output=True, timeout=60)


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
