"""`--export`: the lines that a shell evals, and the cloud that goes on behind it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

SHELLS = ("sh", "bash")
TYPED = """
eval "$($PYTHON -m mngr.simcloud vultr --machines fake --export --api-key "$KEY")" || exit 9
printf '%s\\n' "$VULTR_API_KEY" "$SIMCLOUD_CONTROL" "$SIMCLOUD_PID"
"""


def gone(pid: int, limit_s: float = 60) -> bool:
    end = time.monotonic() + limit_s
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_evals_it_and_the_cloud_ends_with_the_session(shell: str) -> None:
    key = """it's "$(touch odd)" `x` $HOME"""
    env = {**os.environ, "PYTHON": sys.executable, "KEY": key}
    with subprocess.Popen(
        [shell, "-c", TYPED + "read wait\n"], env=env, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as session:  # fmt: skip
        assert session.stdin
        assert session.stdout
        said = [session.stdout.readline().rstrip("\n") for _ in range(3)]
        assert said[0] == key
        with urllib.request.urlopen(f"{said[1]}/bill", timeout=30) as answer:
            assert answer.status == 200
        assert Path(f"/proc/{said[2]}").exists()
        session.stdin.write("\n")
    assert gone(int(said[2]))


def test_azures_is_exported_for_tls_as_its_sdks_want_it() -> None:
    typed = """
    eval "$($PYTHON -m mngr.simcloud azure --machines fake --machines-cmd true --registered --export)" || exit 9
    exec 2>&1
    $PYTHON -m mngr azure prepare --allowed-ssh-cidr 203.0.113.4/32; code=$?
    kill "$SIMCLOUD_PID"
    exit $code
    """
    done = subprocess.run(
        ["sh", "-c", typed], env={**os.environ, "PYTHON": sys.executable}, stdout=subprocess.PIPE, text=True,
        timeout=120, start_new_session=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "mngr in westus is ready" in done.stdout


def test_a_cloud_that_can_t_start_makes_the_eval_fail() -> None:
    typed = TYPED.replace("--export", "--export --machines-cmd true --machines qemu")
    done = subprocess.run(
        ["sh", "-c", typed], env={**os.environ, "PYTHON": sys.executable, "KEY": "k"}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (9, "")
    assert "simcloud: --machines-cmd goes with" in done.stderr
