"""Outside calls of one run of mngr, found and held from outside: programs by shims, HTTP by the simulated cloud."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mngr.testing.cli import Cli, Done, finish
from mngr.testing.crash.points import Call, Point
from mngr.testing.world import CloudControl

#: The programs that mngr may run. `strace` (traced.py) shows that it runs no others.
PROGRAMS = ("docker", "git", "qemu-img", "rsync", "scp", "sh", "ssh", "ssh-keygen", "ssh-keyscan", "tmux")

SHIM = Path(__file__).with_name("shim.sh")
#: By which it knows whom to kill.
OWN_ID = "MNGR_CRASH_PID"

#: What somebody else does while a run is held.
Act = Callable[[], object]

#: When a `late` command begins, while the next command is at work.
LATE_S = 0.4

LIMIT_S = 120.0


@dataclass(frozen=True)
class Run:
    """A run, and the calls it made, in the order in which each sort began. `reached`: the point was met.

    `orphan`: the process id of a command that goes on after the run's end, 0 if there is none.
    """

    done: Done
    calls: tuple[Call, ...]
    reached: bool = False
    orphan: int = 0

    def wait_orphan(self) -> None:
        """Waits until the command that outlived its mngr has ended too. Raises AssertionError at the limit."""
        end = time.monotonic() + LIMIT_S
        while self.orphan and Path(f"/proc/{self.orphan}").exists():
            assert time.monotonic() < end, f"process {self.orphan} didn't end within {LIMIT_S:g} s"
            time.sleep(0.02)


def record(mngr: Cli, cloud: CloudControl | None, argv: Sequence[str], *, before: Sequence[str] = ()) -> Run:
    """A run that nobody disturbs; each call waits a moment, for a look at MNGR_HOME as it is then.

    `before`: a command line in front of mngr that becomes it, e.g. strace -D.
    """
    home = Path(mngr.env["MNGR_HOME"])
    with tempfile.TemporaryDirectory(prefix="mngr-crash-", ignore_cleanup_errors=True) as folder:
        watched = _Watched(Path(folder), mngr.env, 0, "record")
        try:
            if cloud:
                cloud.gate("before_commit", times=None)
            process = mngr.start(*argv, env=watched.env, before=before, own_id=OWN_ID)
            found: list[Call] = []
            end = time.monotonic() + LIMIT_S
            while process.poll() is None and time.monotonic() < end:
                for held in cloud.held(0) if cloud else []:
                    n = 1 + sum(call.sort == "http" for call in found)
                    found.append(Call("http", n, (held["method"], held["path"]), home=_digest(home)))
                    cloud.release("go", held=held["id"]) if cloud else None
                found += watched.ready(lambda: _digest(home))
                time.sleep(0.005)
            done = finish(process, argv, limit_s=LIMIT_S)
        finally:
            if cloud:
                cloud.clear()
    return Run(done, tuple(found))


def _digest(folder: Path) -> str:
    """What is in a folder, as a short text that is another one as soon as a byte is."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(str(path).encode())
        try:
            found.update(path.read_bytes() if path.is_file() else b"")
        except OSError:
            continue
    return found.hexdigest()[:16]


def run(
    mngr: Cli,
    cloud: CloudControl | None,
    argv: Sequence[str],
    point: Point,
    meanwhile: Act | None = None,
    *,
    late_s: float = LATE_S,
) -> Run:
    """A run of mngr that ends at `point`; or, for `hold`, that is held there while `meanwhile` is done. `late_s`: so
    long after its mngr has died does a `late` command begin."""
    with tempfile.TemporaryDirectory(prefix="mngr-crash-", ignore_cleanup_errors=True) as folder:
        program = point.sort == "program"
        at, how = (point.n, point.how) if program else (0, "")
        watched = _Watched(Path(folder), mngr.env, at, how, late_s)
        since = len(cloud.calls()) if cloud else 0
        if not program:
            assert cloud
            done, reached = _run_http(mngr, cloud, argv, point, watched, since, meanwhile)
        else:
            process = mngr.start(*argv, env=watched.env, own_id=OWN_ID)
            if meanwhile:
                try:
                    if watched.wait_reached(process):
                        meanwhile()
                finally:
                    watched.let_go()
            done, reached = finish(process, argv, limit_s=LIMIT_S), watched.reached
        return Run(done, (*watched.calls(), *_http(cloud, since)), reached, watched.orphan())


def _run_http(
    mngr: Cli,
    cloud: CloudControl,
    argv: Sequence[str],
    point: Point,
    watched: _Watched,
    since: int,
    meanwhile: Act | None,
) -> tuple[Done, bool]:
    """HTTP calls are held (or their answers lost) by the cloud."""
    reached = False
    try:
        if point.how == "lose":
            cloud.fault("lose_answer", method=point.method, path=point.path, nth=point.n)
        else:
            at = "after_commit" if point.how == "after" else "before_commit"
            cloud.gate(at, method=point.method, path=point.path, nth=point.n)
        process = mngr.start(*argv, env=watched.env, own_id=OWN_ID)
        end = time.monotonic() + LIMIT_S
        while point.how != "lose" and not reached and process.poll() is None and time.monotonic() < end:
            if cloud.held(0.2):
                reached = True
                if meanwhile:
                    meanwhile()
                else:
                    process.send_signal(signal.SIGKILL)
                cloud.release("go" if meanwhile else "drop")
        done = finish(process, argv, limit_s=LIMIT_S)
        alike = [
            call for call in _http(cloud, since) if (call.argv[0], call.shape) == (point.method, point.path)
        ]
        return done, reached or (point.how == "lose" and len(alike) >= point.n)
    finally:
        cloud.clear()


class _Watched:
    """A folder of shims and of the calls that went through them, and the environment that puts it to use."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], at: int, how: str, late_s: float = LATE_S
    ) -> None:
        self._calls = folder / "calls"
        shims = folder / "shims"
        self._calls.mkdir()
        shims.mkdir()
        path = env.get("PATH", os.defpath)
        for name in PROGRAMS:
            if shutil.which(name, path=path):
                (shims / name).symlink_to(SHIM)
        self.env = {
            "PATH": f"{shims}:{path}",
            "MNGR_CRASH_PATH": path,
            "MNGR_CRASH_CALLS": str(self._calls),
            "MNGR_CRASH_AT": str(at),
            "MNGR_CRASH_HOW": how,
            "MNGR_CRASH_LATE_S": str(late_s),
        }

    @property
    def reached(self) -> bool:
        return (self._calls / "reached").exists()

    def wait_reached(self, process: subprocess.Popen[str]) -> bool:
        """Waits until the point is met, or the process has ended without."""
        end = time.monotonic() + LIMIT_S
        while not self.reached and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        return self.reached

    def let_go(self) -> None:
        """Lets a held call go on."""
        (self._calls / "go").touch()

    def calls(self) -> list[Call]:
        found = sorted(int(path.name) for path in self._calls.iterdir() if path.name.isdigit())
        return [Call("program", n, tuple(self._argv(n)), self._fed(n)) for n in found]

    def ready(self, look: Callable[[], str]) -> list[Call]:
        """The recorded calls that wait to begin; looks around for each, and lets it go."""
        found = []
        for path in sorted(self._calls.glob("*.ready")):
            n = int(path.name.removesuffix(".ready"))
            found.append(Call("program", n, tuple(self._argv(n)), self._fed(n), look()))
            path.unlink()
            (self._calls / f"{n}.go").touch()
        return found

    def orphan(self) -> int:
        path = self._calls / "late"
        return int(path.read_text()) if self.reached and path.exists() else 0

    def _fed(self, n: int) -> bool:
        path = self._calls / f"{n}.input"
        return path.exists() and path.stat().st_size > 0

    def _argv(self, n: int) -> list[str]:
        return (self._calls / str(n)).read_bytes().decode(errors="replace").split("\0")[:-1]


def _http(cloud: CloudControl | None, since: int) -> list[Call]:
    if cloud is None:
        return []
    calls = cloud.calls(since)
    return [Call("http", n, (one["method"], one["path"])) for n, one in enumerate(calls, 1)]
