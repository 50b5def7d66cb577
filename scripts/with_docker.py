"""with_docker.py [--may-lack] COMMAND…: runs COMMAND with a Docker daemon and the base images there.

A daemon that runs already is used and left alone. One that is started for COMMAND is stopped after it, also when it
fails or is interrupted, unless another with_docker still needs it. --may-lack: without a daemon COMMAND runs all the
same (tests then skip what needs one, and say so).
"""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
LOCK = Path("/tmp/mngr-docker-users.lock")
#: Tells COMMAND that nobody else uses the daemon: what is on it after a run and wasn't before, the run left.
OURS = "MNGR_DOCKER_IS_OURS"


def main(words: list[str]) -> int:
    may_lack = words[:1] == ["--may-lack"]
    command = words[may_lack:]
    if not command:
        print(__doc__, file=sys.stderr)
        return 2
    # Until COMMAND runs, an interruption ends this; from then on it is for COMMAND, which ends by itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    users = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(users, fcntl.LOCK_SH)
    started = False
    try:
        if not dockerd("status", quiet=True):
            started = True
            if not dockerd("start") and not may_lack:
                return 1
        if not call([SCRIPTS / "images"], stdout=subprocess.DEVNULL) and not may_lack:
            return 1
        return run(command, {**os.environ, **({OURS: "1"} if started else {})})
    except KeyboardInterrupt:
        return 130
    finally:
        if started and alone(users):
            clean = [sys.executable, "-m", "mngr.simcloud", "clean"]
            call(clean, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            dockerd("stop")
        os.close(users)


def dockerd(verb: str, *, quiet: bool = False) -> bool:
    return call([SCRIPTS / "dockerd", verb], stdout=subprocess.DEVNULL if quiet else None)


def call(command: list[str | Path], **options: int | None) -> bool:
    """Whether a short command of ours ended well. It gets no Ctrl-C of its own: what it does is cleaned up after."""
    return subprocess.run(command, timeout=1200, start_new_session=True, **options).returncode == 0  # type: ignore[call-overload]


def alone(users: int) -> bool:
    """Whether no other with_docker runs."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def run(command: list[str], env: dict[str, str]) -> int:
    """Runs it to its end and gives its exit code. Ctrl-C reaches it from the terminal; SIGTERM is handed on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(
        command, env=env, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signum, _: child.send_signal(signum))
    code = child.wait()
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
