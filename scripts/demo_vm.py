"""The demo of `mngr vm serve`: an agent's workflow by the service's tools, with a guest that really boots.

libvirtd, the service and the server of images are the demo's own; all of it ends with it.
"""

import functools
import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mngr.qemu import img
from mngr.simcloud.images.build import names
from mngr.simcloud.images.whole import whole_disk
from mngr.testing.libvirtd import Libvirtd, missing

BOOT_LIMIT_S = 600
STOP_LIMIT_S = 300
START_LIMIT_S = 60


class Agent:
    """Calls tools, and shows what it calls and what comes back. `rows`: what each took."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token
        self.rows: list[tuple[str, float]] = []

    def call(self, tool: str, **given: Any) -> Any:
        """Raises SystemExit if that fails."""
        said = ", ".join(f"{name}={json.dumps(value)}" for name, value in given.items())
        print(f"\n> {tool}({said})", flush=True)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/tools/{tool}", json.dumps(given).encode(), headers)
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=BOOT_LIMIT_S + 60) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as problem:
            raise SystemExit(f"demo: {tool}: {problem.read().decode(errors='replace')}") from None
        self.rows.append((tool, time.monotonic() - began))
        print(json.dumps(told, indent=2), flush=True)
        return told


def play(folder: Path, env: dict[str, str]) -> None:
    """Raises SystemExit if something isn't as it is to be."""
    if why := missing():
        raise SystemExit(f"demo: {why}")
    print(
        "Debian as an image that boots by itself, on a server of this computer's; a libvirtd; and `mngr vm serve` on it."
    )
    shop = folder / "images"
    shop.mkdir()
    images = names()
    img.run("convert", "-O", "qcow2", str(whole_disk(images.stock, images)), str(shop / "debian.qcow2"))
    libvirtd = Libvirtd()
    try:
        env = {
            **env, "MNGR_HOME": str(folder / "home"), "LIBVIRT_URI": libvirtd.uri, "SSH_KEY_DIR": str(folder / "keys"),
            "LIBVIRT_STORAGE_PATH": str(folder / "vms"), "VM_PROVISIONER_PRIVATE_IMAGES": "true",
        }  # fmt: skip
        with served(shop) as url, service(env) as (address, token):
            workflow(Agent(address, token), f"{url}/debian.qcow2", shop / "debian.qcow2", folder)
        left = [path for path in (folder / "vms").glob("*") if path.is_file()]
    finally:
        libvirtd.stop()
    if left:
        raise SystemExit(f"demo: left beside the disks: {left}")


def workflow(agent: Agent, url: str, image: Path, folder: Path) -> None:
    with image.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    vm = agent.call(
        "vm_create", name="test-env", memory=512, vcpus=2, network="user", user="me", imageUrl=url, imageSha256=sha256,
        timeout=BOOT_LIMIT_S,
    )  # fmt: skip
    key = agent.call("ssh_key_generate", name="test-key", comment="the agent's")
    agent.call("vm_inject_ssh_key", vmName="test-env", keyName="test-key")
    agent.call("vm_stop", name="test-env", timeout=STOP_LIMIT_S)
    agent.call("vm_start", name="test-env")
    words = [
        "ssh", "-F", "none", "-i", key["privateKeyPath"], "-p", str(vm["sshPort"]), "-o", "IdentitiesOnly=yes",
        "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={folder / 'known_hosts'}", "-o", "BatchMode=yes",
        "-o", "LogLevel=ERROR", f"me@{vm['ip']}", "uname -srm; id -un; uptime -p",
    ]  # fmt: skip
    print(f"\n$ ssh -i {key['privateKeyPath']} -p {vm['sshPort']} me@{vm['ip']}", flush=True)
    began = time.monotonic()
    print(first_answer(words, began + BOOT_LIMIT_S), end="", flush=True)
    agent.rows.append(("ssh, once it lets in", time.monotonic() - began))
    agent.call("vm_delete", name="test-env")
    if agent.call("vm_list")["vms"]:
        raise SystemExit("demo: a VM is left")
    print(f"\n{'TOOL':<28}{'SECONDS':>8}")
    for name, seconds in agent.rows:
        print(f"{name:<28}{seconds:>8.1f}")


def first_answer(words: list[str], end: float) -> str:
    """What a command of ssh says, once the guest is up. Raises SystemExit if it isn't by then."""
    while True:
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
            if not done.returncode:
                return done.stdout
            said = done.stderr.strip()
        except subprocess.TimeoutExpired:
            said = "no answer"
        if time.monotonic() > end:
            raise SystemExit(f"demo: the VM lets nobody in: {said}")
        time.sleep(1)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A server of the folder's files, on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def service(env: dict[str, str]) -> Iterator[tuple[str, str]]:
    """`mngr vm serve`: its address, and a token. It takes no Ctrl-C of its own: it ends when the demo does."""
    mngr = str(Path(sys.executable).with_name("mngr"))
    print("\n$ mngr vm token create agent --scope destructive", flush=True)
    words = [mngr, "vm", "token", "create", "agent", "--scope", "destructive", "--format", "json"]
    token = json.loads(
        subprocess.run(words, env=env, check=True, capture_output=True, text=True, timeout=60).stdout
    )["token"]
    print("$ mngr vm serve", flush=True)
    process = subprocess.Popen(
        [mngr, "vm", "serve", "--port", "0"],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline().strip()
        if not line.startswith("serving at "):
            raise SystemExit("demo: the service didn't start")
        print(line, flush=True)
        yield line.removeprefix("serving at "), token
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
