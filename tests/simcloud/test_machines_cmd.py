"""A test driver's own machines, run by a command of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from support.simcloud import Simcloud

DRIVER = """#!{python}
import pathlib, sys
log = pathlib.Path({log!r})
verb, id, address, seed, *more = sys.argv[1:]
said = (pathlib.Path(seed) / "user-data").read_text().strip() if verb == "boot" else ""
with log.open("a") as file:
    print(verb, id, address, said, *more, file=file)
if verb == "boot":
    print("127.9.9.9")
"""


def test_each_step_of_a_machine_is_a_call(tmp_path: Path) -> None:
    log, driver = tmp_path / "log", tmp_path / "driver"
    driver.write_text(DRIVER.format(python=sys.executable, log=str(log)))
    driver.chmod(0o755)
    with Simcloud("vultr", "--machines", "fake", "--machines-cmd", str(driver)) as cloud:
        order = {"region": "ewr", "plan": "vc2-1c-1gb", "os_id": 2136, "user_data": "aGVsbG8="}
        id = cloud.api("POST", "/instances", order)[1]["instance"]["id"]
        cloud.settle()
        assert cloud.api("GET", f"/instances/{id}")[1]["instance"]["main_ip"] == "127.9.9.9"
        for verb in ("halt", "start", "reboot"):
            cloud.api("POST", f"/instances/{id}/{verb}")
        disk = cloud.api("POST", "/snapshots", {"instance_id": id})[1]["snapshot"]["id"]
        cloud.settle()
        cloud.api("DELETE", f"/instances/{id}")
        cloud.settle()
    steps = [line.split() for line in log.read_text().splitlines()]
    assert [step[0] for step in steps] == ["boot", "halt", "start", "reboot", "snapshot", "destroy"]
    assert {step[1] for step in steps} == {id}
    assert steps[0][3] == "hello"
    assert steps[1][2] == "127.9.9.9"
    assert steps[4][3] == disk


def test_a_command_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="exit code 1"):
        Simcloud("vultr", "--machines", "fake", "--machines-cmd", "/nowhere")
    assert "--machines-cmd: /nowhere is no executable" in capfd.readouterr().err
