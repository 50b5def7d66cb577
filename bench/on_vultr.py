"""Rented machines: making one against its own boot, and listing many against asking one."""

import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Row, paired, wall
from bench.setting import IMAGE, TOP, Cloud, Setting, fresh, simulated

#: Vultr's marketplace image whose machine comes with Docker.
BAKED = "docker"
REGION, PLAN = "ewr", "vc2-1c-1gb"
CREATES = 3
MACHINES = 50
#: How long each machine takes to answer.
ANSWER_S = 0.5
LISTS = 5
BOOT_LIMIT_S = 120


def rows(folder: Path) -> Iterator[Row]:
    setting = fresh(folder / "vultr")
    with simulated(setting.env) as cloud:
        here = setting.with_env(**cloud.env)
        yield _create(here, cloud)
        recorded = _record(here, cloud)
        key = cloud.env["VULTR_API_KEY"]
    with simulated(setting.env, "--machines", "fake", "--api-key", key) as cloud:
        yield _list(setting.with_env(**cloud.env), cloud, recorded)


# --- making one ---


def _create(setting: Setting, cloud: Cloud) -> Row:
    key = setting.folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)

    def ours() -> float:
        try:
            return wall(setting.mngr(*_words("bench")), setting.env, setting.folder)
        finally:
            setting.run("destroy", "bench", "--force")

    return paired(
        "create on Vultr, baked image", ours, "the machine's own boot", lambda: _boot(cloud, key),
        limit=5, rounds=CREATES, by="+",
    )  # fmt: skip


def _words(name: str) -> list[str]:
    return [
        "create", name, "--provider", "vultr", "-b", f"--vps-image={BAKED}", "--image", IMAGE,
        "--no-code", "--no-connect", "--yes",
    ]  # fmt: skip


def _boot(cloud: Cloud, key: Path) -> float:
    """A machine with the same image and one key: from the order until its first boot is through."""
    public = key.with_suffix(".pub").read_text().strip()
    sent = {"name": "bench", "ssh_key": public}
    key_id = cloud.api("POST", "/ssh-keys", sent)["ssh_key"]["id"]
    began = time.monotonic()
    order = {"region": REGION, "plan": PLAN, "image_id": BAKED, "sshkey_id": [key_id], "label": "bench-boot"}
    id = cloud.api("POST", "/instances", order)["instance"]["id"]
    try:
        while time.monotonic() < began + BOOT_LIMIT_S:
            address = cloud.api("GET", f"/instances/{id}")["instance"]["main_ip"]
            if address not in ("", "0.0.0.0") and booted(address, key):
                return time.monotonic() - began
            time.sleep(0.05)
        raise RuntimeError(f"a machine didn't boot within {BOOT_LIMIT_S} s")
    finally:
        cloud.api("DELETE", f"/instances/{id}")
        cloud.api("DELETE", f"/ssh-keys/{key_id}")


def booted(address: str, key: Path, user: str = "root") -> bool:
    """Whether a login works and cloud-init is through; waits for the latter."""
    options = {
        "IdentitiesOnly": "yes", "BatchMode": "yes", "ConnectTimeout": "5",
        "StrictHostKeyChecking": "no", "UserKnownHostsFile": "/dev/null",
    }  # fmt: skip
    words = [f"-o{name}={value}" for name, value in options.items()]
    ssh = [
        "ssh",
        "-F",
        "/dev/null",
        "-i",
        str(key),
        *words,
        f"{user}@{address}",
        "cloud-init",
        "status",
        "--wait",
    ]
    return subprocess.run(ssh, capture_output=True, timeout=BOOT_LIMIT_S).returncode == 0


# --- listing many ---


class Recorded:
    """One machine's answer to `mngr list`, and its tags, from which others are made."""

    def __init__(self, host_id: str, name: str, answer: bytes, tags: list[str]) -> None:
        self.host_id = host_id
        self.name = name
        self.answer = answer
        self.tags = tags

    def of(self, host_id: str, name: str) -> tuple[bytes, list[str]]:
        """The answer and the tags of another machine. `name` is as long as the recorded one."""
        new = {self.host_id.encode(): host_id.encode(), self.name.encode(): name.encode()}
        guard, _, rest = self.answer.partition(b"\n")
        sizes, _, body = rest.partition(b"\0")
        rows, parts = [], []
        for size, key in (row.split() for row in sizes.splitlines()[:-1]):
            part, body = body[: int(size)], body[int(size) :]
            parts.append(_retarred(part, new) if key == b"store" else _replaced(part, new))
            rows.append(b"%d %s\n" % (len(parts[-1]), _replaced(key, new)))
        rows.append(b"%d total\n" % sum(len(part) for part in parts))
        text = [tag.replace(self.host_id, host_id) for tag in self.tags]
        return b"".join([guard, b"\n", *rows, b"\0", *parts, body]), [
            tag.replace(f"={self.name}", f"={name}") for tag in text
        ]


def _replaced(data: bytes, new: dict[bytes, bytes]) -> bytes:
    for old, by in new.items():
        data = data.replace(old, by)
    return data


def _retarred(data: bytes, new: dict[bytes, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as old, tarfile.open(fileobj=out, mode="w") as tar:
        for entry in old:
            content = old.extractfile(entry)
            body = _replaced(content.read(), new) if content else b""
            entry.name = _replaced(entry.name.encode(), new).decode()
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body) if content else None)
    return out.getvalue()


def _shimmed(setting: Setting, **env: str) -> Setting:
    """With bench/ssh-shim.sh as `ssh`."""
    folder = setting.folder / "bin"
    folder.mkdir(exist_ok=True)
    shim = folder / "ssh"
    if not shim.exists():
        shim.symlink_to(TOP / "bench" / "ssh-shim.sh")
    path = f"{folder}:{setting.env.get('PATH', os.defpath)}"
    return setting.with_env(PATH=path, BENCH_SSH=shutil.which("ssh") or "ssh", **env)


def _record(setting: Setting, cloud: Cloud) -> Recorded:
    setting.run(*_words("bench-00"))
    try:
        folder = setting.folder / "recorded"
        folder.mkdir()
        listed = json.loads(_shimmed(setting, BENCH_RECORD=str(folder)).run("list", "--format", "json"))
        [host] = listed["hosts"]
        [machine] = cloud.api("GET", "/instances")["instances"]
        return Recorded(host["id"], host["name"], (folder / host["id"]).read_bytes(), machine["tags"])
    finally:
        setting.run("destroy", "bench-00", "--force")


def _list(setting: Setting, cloud: Cloud, recorded: Recorded) -> Row:
    folder = setting.folder / "canned"
    folder.mkdir()
    for number in range(MACHINES):
        host_id = f"host-{number:016x}"
        answer, tags = recorded.of(host_id, f"bench-{number:02}")
        (folder / host_id).write_bytes(answer)
        order = {
            "region": REGION,
            "plan": PLAN,
            "image_id": BAKED,
            "label": f"bench-{number:02}",
            "tags": tags,
        }
        cloud.api("POST", "/instances", order)
    shimmed = _shimmed(setting, BENCH_REPLAY=str(folder), BENCH_WAIT=str(ANSWER_S))
    end = time.monotonic() + 30
    listed: list[str] = []
    while len(listed) != MACHINES and time.monotonic() < end:
        found = json.loads(shimmed.run("list", "--format", "json"))
        listed = [agent["name"] for agent in found["agents"] if agent["state"] != "unknown"]
    if len(listed) != MACHINES:
        raise RuntimeError(f"list shows {len(listed)} of {MACHINES} agents")
    probe = [str(setting.folder / "bin" / "ssh"), "-F", "none", f"host-{0:016x}", "--", "probe"]
    return paired(
        f"list, {MACHINES} machines",
        lambda: wall(shimmed.mngr("list"), shimmed.env, shimmed.folder),
        "one machine's answer", lambda: wall(probe, shimmed.env, shimmed.folder), limit=3, rounds=LISTS,
    )  # fmt: skip
