"""run_tests.py [SUITE…] [-- PYTEST-ARGS…]: the folders of tests/ one after another, and a summary of all.

A suite is a folder of tests/. The pure ones come first, those with real machines last. After each, what it left
behind is looked for, ended, and counted as a failure.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import leftovers

TOP = Path(__file__).resolve().parents[1]

#: In this order; folders that aren't named here come after these. How many tests at once (most wait more than they
#: compute), and what stays together: files, or classes and their worlds.
ORDER = {
    "unit": ("-n2",),
    "local": ("-n3",),
    "simcloud": ("-n2", "--dist=loadfile"),
    "simcloud_ovh": ("-n2", "--dist=loadfile"),
    "simcloud_azure": ("-n2", "--dist=loadfile"),
    "vultr": ("-n4",),
    "ovh": ("-n8",),
    "azure": ("-n2",),
    "docker": ("-n2", "--dist=loadfile"),
    "contract": ("-n4", "--dist=loadscope"),
    "clouds": ("-n4",),
    "crash": ("-n4",),
    "e2e": (),  # its machines are many already
    "qemu": (),
}
NOT_SUITES = {"support", "__pycache__"}

#: A suite that takes longer is ended, and has failed. With all crash points that is hours.
LIMIT_S = 4 * 3600 if os.environ.get("MNGR_CRASH") == "full" else 1200


@dataclass
class Result:
    suite: str
    seconds: float = 0
    passed: int = 0
    failed: list[str] = field(default_factory=list)
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
    results: list[Result] = []
    try:
        for suite in suites or known:
            results.append(run(suite, arguments))
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        report(results)
        return 130
    report(results)
    return 1 if any(one.failed for one in results) else 0


def run(suite: str, arguments: list[str]) -> Result:
    """One pytest over one folder. Its end is our business, also when we are interrupted."""
    print(f"\n=== {suite} ===", flush=True)
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    before = docker_left()
    result = Result(suite)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mngr-tests-") as folder:
        said = Path(folder) / "junit.xml"
        told = Path(folder) / "crash"
        env = {
            **os.environ, **leftovers.mark(mark), "MNGR_TEST_RUN": f"test-{mark}", "MNGR_CRASH_REPORT": str(told),
        }  # fmt: skip
        many = ORDER.get(suite, ())
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-ra",
            "--tb=short",
            f"--junitxml={said}",
            f"tests/{suite}",
            *many,
            *arguments,
        ]
        process = subprocess.Popen(words, cwd=TOP, env=env)
        try:
            code = process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            code = None
            result.failed.append(f"it didn't end within {LIMIT_S} s")
        finally:
            stop(process)
            left = leftovers.end_processes(mark)
        result.seconds = time.monotonic() - began
        read(said, result)
        if told.exists():
            print(told.read_text(), end="", flush=True)
    if code not in (0, 1, 5, None):
        result.failed.append(f"pytest ended with exit code {code}")
    left += sorted(docker_left() - before) + sorted(
        leftovers.docker_objects(f"label=mngr.simcloud=test-{mark}")
    )
    result.failed += [f"left behind: {one}" for one in left]
    return result


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
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = [one for one in case if one.tag in ("failure", "error")]
        skips = [one for one in case if one.tag == "skipped"]
        if bad:
            why = " ".join((bad[0].get("message") or "").split())
            result.failed.append(f"{name}: {why[:600]}")
        elif skips:
            result.skipped[skips[0].get("message") or "no reason given"] += 1
        else:
            result.passed += 1


def report(results: list[Result]) -> None:
    print(f"\n{'suite':<12}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for one in results:
        print(
            f"{one.suite:<12}{one.passed:>8}{len(one.failed):>8}{one.skipped.total():>8}{one.seconds:>9.1f}"
        )
    total = sum(one.seconds for one in results)
    print(f"{'all':<12}{sum(one.passed for one in results):>8}{sum(len(one.failed) for one in results):>8}"
          f"{sum(one.skipped.total() for one in results):>8}{total:>9.1f}")  # fmt: skip
    skipped = sum((one.skipped for one in results), Counter[str]())
    for reason, count in skipped.most_common():
        print(f"skipped {count}: {reason}")
    for one in results:
        for what in one.failed:
            print(f"failed: {one.suite}: {what}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
