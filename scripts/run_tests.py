"""run_tests.py [SUITE…] [-- PYTEST-ARGS…]: the folders of tests/, and a summary of all.

A suite is a folder of tests/. Two lanes run side by side, as most tests wait more than they compute. Each takes the longest
suite that is left, the first lane those with real machines before the others, and the second none of those: so they
never run beside each other. The lane that is ready first goes on with those that only compute, which give way to all else
(nice); the other one with those that need a computer that answers at once. What a suite says is printed when it ends. After
each, what it left behind is looked for, ended, and counted as a failure; what is left on a Docker that is ours alone, at the end.
A few tests that fail get a second try, alone, when all else is done: those that pass then are named, and fail nothing.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import leftovers

TOP = Path(__file__).resolve().parents[1]

#: The longest first; folders that aren't named here come after these. How many tests at once (most wait more than they
#: compute), and what stays together: files, or classes and their worlds. `worksteal` where tests take unlike times: who
#: has nothing left takes of what others have.
ORDER = {
    "crash": ("-n4", "--dist=worksteal"),
    "contract": ("-n4", "--dist=loadscope"),
    "docker": ("-n2", "--dist=loadfile"),
    "programs": ("-n4", "--dist=loadscope"),
    "qemu": (),
    "ovh": ("-n4", "--dist=worksteal"),
    "azure": ("-n3", "--dist=worksteal"),
    "vms": ("-n2", "--dist=loadfile"),
    "local": ("-n3",),
    "vultr": ("-n4",),
    "unit": ("-n2",),
    "clouds": ("-n4",),
    "simcloud": ("-n2", "--dist=loadfile"),
    "simcloud_ovh": ("-n2", "--dist=loadfile"),
    "simcloud_azure": ("-n2", "--dist=loadfile"),
    "e2e": (),  # its machines are many already
}
#: Those with real machines: one at a time.
REAL = {"crash", "contract", "docker", "qemu", "programs"}
#: When all of these are done: hosts that are idle at the same time, which have to be seen to be so.
LAST = {"e2e"}
#: Beside those, and in nobody's way.
NICE = {"unit", "clouds", "simcloud_ovh", "simcloud_azure"}
#: So many that failed beside others may have met a busy computer; more are no accident.
SECOND_TRIES = 6
NOT_SUITES = {"support", "__pycache__"}

#: A suite that takes longer is ended, and has failed. With all crash points that is hours.
LIMIT_S = 4 * 3600 if os.environ.get("MNGR_CRASH") == "full" else 3000


@dataclass
class Result:
    suite: str
    seconds: float = 0
    passed: int = 0
    #: What is wrong with the suite as a whole, and, by their node ids, with its tests.
    failed: list[str] = field(default_factory=list)
    bad: dict[str, str] = field(default_factory=dict)
    #: Tests that failed beside others and passed alone.
    unsteady: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)


def main(words: list[str]) -> int:
    cut = words.index("--") if "--" in words else len(words)
    suites, arguments = words[:cut], words[cut + 1 :]
    there = [
        path.name for path in (TOP / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py"))
    ]
    known = [*(one for one in ORDER if one in there), *sorted(set(there) - ORDER.keys() - NOT_SUITES)]
    if unknown := set(suites) - set(known):
        print(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run = Run(arguments, live=len(suites or known) == 1)
    before = docker_left()
    asked = sorted(suites or known, key=known.index)
    real, last, nice = (deque(one for one in asked if one in some) for some in (REAL, LAST, NICE))
    others = deque(one for one in asked if one not in REAL | LAST | NICE)

    def lane(*queues: deque[str]) -> None:
        run.lane(*queues)
        # Who comes first has time for these; the other one finds itself alone with them.
        run.lane(*((last, nice) if next(ready) else (nice,)))

    ready = iter((False, True))
    threads = [threading.Thread(target=lane, args=queues) for queues in ((real, others), (others,))]
    code = 0
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run.second_tries()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        code = 130
    finally:
        run.end()
        for thread in threads:
            if thread.is_alive():
                thread.join()
    if left := sorted(docker_left() - before):
        run.results.append(Result("Docker", failed=[f"left behind: {one}" for one in left]))
    run.report()
    return code or (1 if any(one.failed or one.bad for one in run.results) else 0)


class Run:
    """Suites of one start of this program, and what became of them. `live`: what they say is shown as it comes."""

    def __init__(self, arguments: list[str], *, live: bool) -> None:
        self.results: list[Result] = []
        self._arguments = arguments
        self._live = live
        self._began = time.monotonic()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self._lock = threading.Lock()

    def lane(self, *queues: deque[str]) -> None:
        """One suite after another, until the queues are empty; other lanes may take from them, too."""
        for queue in queues:
            while queue and not self._ended:
                try:
                    suite = queue.popleft()
                except IndexError:
                    break  # the other lane was faster
                result = Result(suite)
                self.results.append(result)
                try:
                    self._suite(result, [f"tests/{suite}", *ORDER.get(suite, ())])
                except Exception as error:
                    result.failed.append(f"it can't be run: {error!r}")

    def second_tries(self) -> None:
        """Runs the tests that failed once more, one after another, if they are few."""
        if sum(len(one.bad) for one in self.results) > SECOND_TRIES:
            return
        for result in [one for one in self.results if one.bad]:
            # Tests of one class go on from each other where they are kept together.
            whole = "--dist=loadscope" in ORDER.get(result.suite, ())
            again = Result(result.suite)
            self._suite(again, sorted({one.rpartition("::")[0] if whole else one for one in result.bad}))
            result.seconds += again.seconds
            result.failed += again.failed
            if again.passed and not again.bad:
                result.passed += len(result.bad)
                result.unsteady, result.bad = result.bad, {}

    def end(self) -> None:
        """Ends what runs (nothing, usually); no other suite begins."""
        with self._lock:
            self._ended = True
            running = list(self._processes)
        for process in running:
            stop(process)

    def _suite(self, result: Result, what: list[str]) -> None:
        """One pytest. Its end is our business, also when we are interrupted."""
        suite = result.suite
        mark = f"{os.getpid()}-{secrets.token_hex(4)}"
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mngr-tests-") as folder:
            file, told, said = (Path(folder) / name for name in ("junit.xml", "crash", "output"))
            env = {
                **os.environ, **leftovers.mark(mark), "MNGR_TEST_RUN": f"test-{mark}", "MNGR_CRASH_REPORT": str(told),
            }  # fmt: skip
            words = [
                *(("nice", "-n", "5") if suite in NICE else ()),
                sys.executable, "-m", "pytest", "-q", "-ra", "--tb=short", f"--junitxml={file}", *what, *self._arguments,
            ]  # fmt: skip
            with said.open("wb") as out, self._lock:
                if self._ended:
                    return
                print(f"{self._clock()} {suite} …", flush=True)
                # Out of our terminal's group: Ctrl-C comes once, from us.
                process = subprocess.Popen(
                    words, cwd=TOP, env=env, stdin=subprocess.DEVNULL, start_new_session=True,
                    **({} if self._live else {"stdout": out, "stderr": out}),
                )  # fmt: skip
                self._processes.add(process)
            try:
                code = process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                code = None
                result.failed.append(f"it didn't end within {LIMIT_S} s")
            stop(process)
            self._processes.discard(process)
            left = leftovers.end_processes(mark)
            result.seconds = time.monotonic() - began
            read(file, result)
            crash = told.read_text() if told.exists() else ""
            with self._lock:
                print(f"\n=== {suite} ===\n{said.read_text(errors='replace')}{crash}", flush=True)
        if code not in (0, 1, 5, None):
            result.failed.append(f"pytest ended with exit code {code}")
        left += sorted(leftovers.docker_objects(f"label=mngr.simcloud=test-{mark}"))
        result.failed += [f"left behind: {one}" for one in left]

    def _clock(self) -> str:
        return f"{(time.monotonic() - self._began) / 60:5.1f} min:"

    def report(self) -> None:
        results = sorted(self.results, key=lambda one: [*ORDER, one.suite].index(one.suite))
        print(f"\n{'suite':<16}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
        rows = [
            *(
                (one.suite, one.passed, len(one.failed) + len(one.bad), one.skipped.total(), one.seconds)
                for one in results
            )
        ]
        rows.append((
            "all", *(sum(row[part] for row in rows) for part in (1, 2, 3)), time.monotonic() - self._began,
        ))  # fmt: skip
        for suite, passed, failed, skipped, seconds in rows:
            print(f"{suite:<16}{passed:>8}{failed:>8}{skipped:>8}{seconds:>9.1f}")
        why = sum((one.skipped for one in results), Counter[str]())
        for reason, count in why.most_common():
            print(f"skipped {count}: {reason}")
        for one in results:
            for name, why in one.unsteady.items():
                print(f"failed beside others, passed alone: {name}: {why}")
            for what in [*one.failed, *(f"{name}: {why}" for name, why in one.bad.items())]:
                print(f"failed: {one.suite}: {what}")
        sys.stdout.flush()


def stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def docker_left() -> set[str]:
    """Everything on a daemon that is ours alone; nothing on a shared one, where others come and go."""
    return leftovers.docker_objects() if os.environ.get("MNGR_DOCKER_IS_OURS") else set()


def read(file: Path, result: Result) -> None:
    """pytest's own account of what happened."""
    if not file.exists():
        return
    for case in xml.parse(file).iter("testcase"):
        name = node_id(case.get("classname") or "", case.get("name") or "")
        bad = [one for one in case if one.tag in ("failure", "error")]
        skips = [one for one in case if one.tag == "skipped"]
        if bad:
            why = " ".join((bad[0].get("message") or "").split())
            result.bad[name] = why[:600]
        elif skips:
            result.skipped[skips[0].get("message") or "no reason given"] += 1
        else:
            result.passed += 1


def node_id(classname: str, name: str) -> str:
    """pytest's own name of a test, of those that JUnit's format has: package.module.Class, and the function."""
    parts = classname.split(".")
    for cut in range(len(parts), 0, -1):
        file = Path(*parts[:cut]).with_suffix(".py")
        if (TOP / file).is_file():
            return "::".join([str(file), *parts[cut:], name])
    return f"{classname}::{name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
