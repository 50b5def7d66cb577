"""Somebody who has only the docs adds a cloud: the blocks of CONTRIBUTING.md as they are, and a `cloud.py` of their own.

Once as a package of their own, found through its entry point, which passes the whole contract; once as a folder of a
copy of the tree, which touches no other file.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import mngr
from mngr.testing.cli import Cli
from mngr.testing.contract import AccountContract, ProviderContract, SshContract
from mngr.testing.fakes import Fakes
from mngr.testing.rented import RentedWorld
from support import nimbus
from support.nimbus.sky import Sky

DOCS = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text()
CLOUD = Path(nimbus.__path__[0]) / "cloud.py"


def block(before: str) -> str:
    """The indented block of CONTRIBUTING.md below the line that starts with `before`."""
    lines = DOCS.splitlines()
    [start] = [at for at, line in enumerate(lines) if line.startswith(before)]
    found: list[str] = []
    for line in lines[start + 1 :]:
        if line.startswith("    ") or not line:
            found.append(line[4:])
        elif any(found):
            break
    return "\n".join(found).strip() + "\n"


def write(folder: Path, package: str, *more: str) -> Path:
    """The folder of the backend, whose modules are imported as `package`."""
    folder.mkdir(parents=True)
    init = "\n\n".join([block("`__init__.py`:"), *more]).replace("mngr.backends.nimbus", package)
    (folder / "__init__.py").write_text(init)
    (folder / "config.py").write_text(block("`config.py`:"))
    (folder / "environment").write_text("NIMBUS_TOKEN\n")
    shutil.copy(CLOUD, folder)
    return folder


def install(site: Path) -> Path:
    """A distribution `mngr-nimbus` in `site`, as an installer would leave it."""
    write(site / "mngr_nimbus", "mngr_nimbus", block("`__init__.py`, its end"))
    info = site / "mngr_nimbus-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mngr-nimbus\nVersion: 1.0\n")
    _, _, points = block("`pyproject.toml`").partition("\n")
    (info / "entry_points.txt").write_text("[mngr]\n" + points.replace('"', ""))
    return site


class TestNimbusAsAPackage(ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory: pytest.TempPathFactory, fakes: Fakes) -> Iterator[RentedWorld]:
        top = tmp_path_factory.mktemp("nimbus")
        sky = Sky(fakes, top / "seeds")
        settings = {"PYTHONPATH": str(install(top / "site"))}
        yield RentedWorld("nimbus", sky, top, fakes, settings=settings)  # type: ignore[arg-type]
        sky.stop()
        assert [name for name in fakes.machines() if name.startswith("nimbus")] == []


def test_a_folder_of_the_tree_is_all_that_it_takes(tmp_path: Path, fakes: Fakes) -> None:
    tree = tmp_path / "src" / "mngr"
    shutil.copytree(Path(mngr.__path__[0]), tree, ignore=shutil.ignore_patterns("__pycache__"))
    folder = write(tree / "backends" / "nimbus", "mngr.backends.nimbus")
    sky = Sky(fakes, tmp_path / "seeds")
    try:
        world = RentedWorld("nimbus", sky, tmp_path, fakes, settings={"PYTHONPATH": str(tree.parent)})  # type: ignore[arg-type]
        user = Cli(world.env, tmp_path)
        assert "nimbus" in user.ok("plugin", "list").out
        # Its variable is set: it is asked without being used before.
        assert user.ok("list").out == "no agents yet; `mngr create my-agent` makes one\n"
        assert {call["path"] for call in sky.calls()} == {"/machines"}
        user.ok("create", "a1", "--provider", "nimbus", "--yes", "--no-connect", "--no-code", "--", "cat")
        assert user.ok("exec", "a1", "echo hello").out == "hello\n"
        user.ok("destroy", "a1", "--yes")
        assert world.things() == []
        wrong = user("create", "a2", "--provider", "nimbus", "--no-code", "-b", "--vps-plan=tiny")
        assert (wrong.code, "small, large" in wrong.err) == (2, True)
        keyless = Cli({**world.env, "NIMBUS_TOKEN": ""}, tmp_path)("create", "a3", "--provider", "nimbus")
        assert (keyless.code, "NIMBUS_TOKEN" in keyless.err) == (2, True)
    finally:
        sky.stop()
    size = sum(
        len([line for line in one.read_text().splitlines() if line]) for one in folder.glob("[!_.]*.*")
    )
    assert size < 200
