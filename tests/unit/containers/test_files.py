"""Reading files of a container, by what docker's command line says of those that aren't there."""

import os
from pathlib import Path

import pytest

from mngr.containers import files
from mngr.containers.docker import Docker
from mngr.model.errors import NotFound
from mngr.transport.local import Local
from mngr.transport.prefixed import Prefixed

#: docker 20.10, as it was seen: a path that isn't there sounds as a container that isn't.
SAYS = """#!/bin/sh
case "$*" in
"cp mngr-there:/a -") tar -c -C {folder} -f - a ;;
cp*) echo "Error: No such container:path: $2" >&2; exit 1 ;;
*mngr-there) echo there ;;
*) echo "Error: No such container: mngr-gone" >&2; exit 1 ;;
esac
"""


def test_a_file_that_is_not_there_is_told_from_a_container_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\0 text")
    (tmp_path / "docker").write_text(SAYS.format(folder=tmp_path))
    (tmp_path / "docker").chmod(0o755)
    docker = Docker(Prefixed(Local(), ["env", f"PATH={tmp_path}:{os.environ['PATH']}"]))
    assert files.read(docker, "there", ["/a", "/b"]) == {"/a": b"\0 text"}
    assert files.read(docker, "there", ["/b"]) == {}
    with pytest.raises(NotFound):
        files.read(docker, "gone", ["/a"])


def test_a_link_that_an_agent_put_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc/hostname")
    (tmp_path / "docker").write_text(SAYS.format(folder=tmp_path))
    (tmp_path / "docker").chmod(0o755)
    docker = Docker(Prefixed(Local(), ["env", f"PATH={tmp_path}:{os.environ['PATH']}"]))
    assert files.read(docker, "there", ["/a"]) == {"/a": b""}
