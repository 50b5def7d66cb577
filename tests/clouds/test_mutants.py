"""The cloud suite can be trusted: a cloud that is broken on purpose fails at the test that is about what it broke."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import xml.etree.ElementTree
from collections import defaultdict
from pathlib import Path

from mngr.testing.cloud_contract import CloudContract

MUTANTS = Path(__file__).with_name("mutants")

#: A mutant that fails so is broken otherwise than it means to be.
NO_MISTAKE = ("AttributeError", "TypeError", "NameError", "KeyError", "ImportError", "ExceptionGroup")


def test_each_mutant_is_found_by_the_test_that_is_about_it(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    argv = [
        sys.executable,
        "-m",
        "pytest",
        str(MUTANTS / "suite.py"),
        "-q",
        "--tb=line",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [*argv, f"--junitxml={report}", "--import-mode=importlib"],
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTEST_ADDOPTS": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        key = (case.get("classname", "").rpartition(".")[2], case.get("name", "").partition("[")[0])
        found[key] += [one.get("message", "") for one in case if one.tag in ("failure", "error")]
    alive = [key for key, messages in found.items() if not messages]
    assert not alive, f"the suite passed these mutants: {alive}"
    broken = {
        key: words for key, words in found.items() if any(word.startswith(NO_MISTAKE) for word in words)
    }
    assert not broken, f"these mutants broke by themselves: {broken}"


def test_each_test_of_the_suite_has_a_mutant_that_it_finds() -> None:
    tests = {name for name in dir(CloudContract) if name.startswith("test_")}
    assert tests == set(_found_by("nimbus")) | set(_found_by("vultr"))


def _found_by(name: str) -> dict[str, list[type]]:
    spec = importlib.util.spec_from_file_location(f"mutants_{name}", MUTANTS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FOUND_BY
