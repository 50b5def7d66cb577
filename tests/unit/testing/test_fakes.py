"""The fakes' programs: none of them starts a Python, and each is in its own process what the real one would be."""

import json
import os
import signal
import subprocess

import pytest

from mngr.testing.cloud import until
from mngr.testing.fakes import Fakes, unavailable

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable() or "-")
ADDRESS = "127.0.0.9"


@pytest.fixture(scope="module")
def fakes():
    with Fakes() as found:
        yield found


@pytest.fixture(scope="module")
def ssh(fakes, tmp_path_factory):
    """The words of an ssh to a machine that is up."""
    folder = tmp_path_factory.mktemp("ssh")
    key, config = folder / "key", folder / "config"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    user_data = {"disable_root": False, "ssh_authorized_keys": [(folder / "key.pub").read_text()]}
    (folder / "user-data").write_text(f"#cloud-config\n{json.dumps(user_data)}")
    (folder / "meta-data").write_text('{"local-hostname": "box", "public-keys": []}')
    env = {**os.environ, **fakes.env}
    subprocess.run([fakes.command, "boot", "one", ADDRESS, folder], check=True, env=env)
    shown = (fakes.root_of(ADDRESS) / "run/sshd.fake").read_text().splitlines()[0]
    (folder / "known").write_text(f"{ADDRESS} {shown}\n")
    config.write_text(
        f"Host box\n HostName {ADDRESS}\n User root\n IdentityFile {key}\n"
        f" UserKnownHostsFile {folder}/known\n StrictHostKeyChecking yes\n"
    )
    return [str(fakes.path / "ssh"), "-F", str(config), "box", "--"]


def run(words, **options):
    return subprocess.run(words, capture_output=True, text=True, **options)


def test_no_python_starts_for_a_command_in_a_container(ssh, tmp_path):
    run([*ssh, "docker run -d --name quiet debian:bookworm-slim sleep 1000"], check=True)
    log = tmp_path / "log"
    traced = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", str(log)]
    done = run([*traced, *ssh, "docker ps && docker exec quiet echo inside"])
    assert done.stdout.endswith("inside\n"), done.stderr
    assert "nsenter" in log.read_text()
    assert "python" not in log.read_text()


def test_a_command_has_its_streams_environment_and_exit_code(ssh):
    """Of its own, and of the docker that it runs; docker's `-e NAME` is its environment's."""
    box = "docker run --rm -i -e WORD debian:bookworm-slim"
    done = run([*ssh, f"WORD=green {box} sh -c 'cat; echo $WORD; echo bad >&2; exit 7'"], input="fed\n")
    assert (done.returncode, done.stdout) == (7, "fed\ngreen\n")
    assert "bad\n" in done.stderr


def test_only_docker_exec_i_reads_its_input(ssh):
    run([*ssh, "docker run -d --name reader debian:bookworm-slim sleep 1000"], check=True)
    assert run([*ssh, "docker exec -i reader cat"], input="fed").stdout == "fed"
    assert run([*ssh, "docker exec reader cat; cat"], input="left").stdout == "left"


def test_ssh_says_why_it_refuses(ssh, tmp_path):
    assert run([*ssh[:-2], "nobody", "--", "true"]).returncode == 255
    (tmp_path / "config").write_text("Host box\n HostName 127.0.0.8\n StrictHostKeyChecking yes\n")
    done = run([ssh[0], "-F", str(tmp_path / "config"), "box", "--", "true"])
    assert done.returncode == 255
    assert done.stderr == "ssh: connect to host 127.0.0.8 port 22: Connection refused\n"


def test_a_docker_that_is_killed_does_no_more(ssh, fakes):
    run([*ssh, "docker run -d --name long debian:bookworm-slim sleep 1000"], check=True)
    servers = _children(fakes)
    with subprocess.Popen([*ssh, "exec docker wait long"]) as waits:
        [waiter] = until(lambda: _children(fakes) - servers, "the run of docker wait")
        [client] = until(lambda: _below(waits.pid), "docker's own process")
        os.kill(client, signal.SIGKILL)
        until(lambda: waiter not in _children(fakes), "its end")


def _below(pid):
    return {int(word) for word in open(f"/proc/{pid}/task/{pid}/children").read().split()}


def _children(fakes):
    return _below(fakes._server.pid)


def test_a_session_that_ends_leaves_no_server():
    fakes = Fakes()
    server = fakes._server
    assert server.poll() is None
    fakes.close()
    assert server.returncode == 0
    assert not fakes.root.exists()
