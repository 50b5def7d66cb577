"""A fake cloud-init: applies a machine's #cloud-config (as JSON) the way the real modules do, as far as mngr uses it.

`config` is what happens before sshd is up: host keys, files, authorized keys. `final` runs `runcmd`.
https://cloudinit.readthedocs.io/en/latest/reference/modules.html
"""

from __future__ import annotations

import base64
import json
import os
import subprocess

SEED = "/.fakes/seed"
DONE = "/var/lib/cloud/instance/boot-finished"
RESULT = "/run/cloud-init/result.json"
#: The image's own user, and what cloud-init puts before root's keys under `disable_root`.
USER = "debian"
FORCED = 'no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo \'Please login as the user \\"debian\\" rather than the user \\"root\\".\';echo;sleep 10;exit 142" '


def main(stage: str) -> int:
    errors: list[str] = []
    try:
        config = _read(f"{SEED}/user-data")
    except ValueError as error:
        config, errors = {}, [f"failed to parse user data: {error}"]
    if stage == "config":
        _keys(config)
        for file in config.get("write_files", []):
            _write(file)
        return 0
    _run(config.get("runcmd", []))
    os.makedirs(os.path.dirname(DONE), exist_ok=True)
    with open(DONE, "w") as file:
        file.write("done\n")
    with open(RESULT, "w") as file:
        json.dump({"v1": {"datasource": "DataSourceNoCloud", "errors": errors}}, file)
    return 0


def _read(path: str) -> dict:
    with open(path) as file:
        first, _, rest = file.read().partition("\n")
    if first.strip() != "#cloud-config":
        raise ValueError("it doesn't begin with #cloud-config")
    return json.loads(rest)


def _keys(config: dict) -> None:
    os.makedirs("/etc/ssh", exist_ok=True)
    given = config.get("ssh_keys", {})
    key = "/etc/ssh/ssh_host_ed25519_key"
    if given.get("ed25519_private"):
        _put(key, given["ed25519_private"], 0o600)
        _put(f"{key}.pub", given.get("ed25519_public", "") + "\n", 0o644)
    else:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], stdin=subprocess.DEVNULL, check=True
        )
    with open(f"{SEED}/meta-data") as file:
        lines = [*json.load(file).get("public-keys", []), *config.get("ssh_authorized_keys", [])]
    forced = FORCED if config.get("disable_root", True) else ""
    for home, options in (("/root", forced), (f"/home/{USER}", "")):
        os.makedirs(f"{home}/.ssh", mode=0o700, exist_ok=True)
        _put(f"{home}/.ssh/authorized_keys", "".join(f"{options}{line.strip()}\n" for line in lines), 0o600)
    if "hostname" in config:
        subprocess.run(["hostname", config["hostname"]], check=False)


def _write(file: dict) -> None:
    content = file.get("content", "")
    data = base64.b64decode(content) if file.get("encoding") in ("b64", "base64") else content.encode()
    os.makedirs(os.path.dirname(file["path"]), exist_ok=True)
    with open(file["path"], "wb") as out:
        out.write(data)
    os.chmod(file["path"], int(file.get("permissions", "0644"), 8))


def _run(commands: list) -> None:
    """All lines in one sh, without `set -e`; lists are argv."""
    import shlex

    lines = [one if isinstance(one, str) else shlex.join(one) for one in commands]
    with open("/var/log/cloud-init-output.log", "ab") as log:
        subprocess.run(["/bin/sh", "-c", "\n".join(lines)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _put(path: str, text: str, mode: int) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
