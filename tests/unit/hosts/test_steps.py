"""A remote script that fails says at which step, and why."""

from __future__ import annotations

import io
import os
import re
import tarfile
from pathlib import Path

import pytest

from mngr.hosts import scripts
from mngr.hosts.scripts import script
from mngr.transport.base import CommandFailed, Completed
from mngr.transport.local import Local

FOLDER = Path(scripts.__file__).parent
#: Scripts that failing commands end.
OF_STEPS = sorted(
    file.stem for file in FOLDER.glob("*.sh") if re.search(r"^set -e", file.read_text(), re.MULTILINE)
)


def tar(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_", "."))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


FILES = tar(host_json=b"{}", commands__run_sh=b"")


def failing(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, body: str) -> None:
    """The command `name` does `body` instead."""
    command = folder / "bin" / name
    command.parent.mkdir(exist_ok=True)
    command.write_text(f"#!/bin/sh\n{body}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo 'disk on fire' >&2; exit 1", "disk on fire"),
        ("exit 1", "exit code 1, and it said nothing"),
        ("printf 'no line end' >&2; exit 7", "no line end"),
        ("exit 137", "ended by signal 9, and it said nothing"),
    ],
)
def test_the_message_names_the_step_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, why: str
) -> None:
    failing(monkeypatch, tmp_path, "sync", body)
    (tmp_path / "host").mkdir()
    with pytest.raises(CommandFailed) as failed:
        script(Local(), "host-files", str(tmp_path / "host"), input=FILES)
    assert str(failed.value).endswith(f": write the files to the disk (sync): {why}")
    assert "mngr-step" not in str(failed.value) + failed.value.details
    assert not list((tmp_path / "host").glob(".new-host-*"))


def test_a_script_that_succeeds_says_nothing(tmp_path: Path) -> None:
    assert script(Local(), "host-files", str(tmp_path), input=FILES).stderr == b""


def test_the_exit_code_stays_what_the_script_chose(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = script(Local(), "code-receive", str(tmp_path / "file"), "", check=False)
    assert (done.code, done.error) == (4, f"{tmp_path / 'file'} isn't empty")


def test_a_failure_without_a_step_says_how_it_ended() -> None:
    assert Completed(3, b"", b"").why() == "exit code 3, and it said nothing"


@pytest.mark.parametrize("name", OF_STEPS)
def test_each_script_that_a_failing_command_ends_names_its_steps(name: str) -> None:
    text = (FOLDER / f"{name}.sh").read_text()
    assert "#include steps\n" in text
    assert re.search(r"^\s*doing \S", text, re.MULTILINE)
    assert all("failed $?" in line for line in text.splitlines() if line.endswith(" EXIT"))
