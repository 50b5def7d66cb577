"""Imports go down the list of rooms only (ARCHITECTURE.md), wherever in a file they stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mngr

SOURCE = Path(mngr.__file__).parent

#: From the top to the bottom. A room imports itself and those after it.
ROOMS = [
    "cli", "ops", "backends", "vps_docker", "containers", "vms", "providers", "qemu", "agents", "hosts", "journal",
    "transport", "config", "model",
]  # fmt: skip

#: Nothing outside imports a wing (but SERVED). What a wing may import: None is everything.
WINGS: dict[str, set[str] | None] = {
    "mcp": None,
    "vmservice": {"vms", "config", "model"},
    "simcloud": {"model", "qemu"},
    "testing": None,
}

#: A verb that serves a wing reaches it when it is given.
SERVED = {("cli", "vmservice"), ("cli", "mcp")}

FILES = sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    """The room a file is in; "" for those at the top."""
    parts = path.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else ""


def imported(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, dotted name below `mngr` in parts) of each import of ours, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(path.relative_to(SOURCE.parent).parts[: -node.level]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            first, *rest = name.split(".")
            if first == "mngr" and rest:
                yield node.lineno, rest  # type: ignore[union-attr]


def allowed(importer: str, name: list[str]) -> bool:
    target = name[0]
    if target == importer or target not in {*ROOMS, *WINGS}:
        return True
    if importer in WINGS:
        mine = WINGS[importer]
        return mine is None or target in mine
    if target in WINGS:
        return (importer, target) in SERVED
    return not importer or ROOMS.index(importer) < ROOMS.index(target)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    wrong = [
        f"line {line}: mngr.{'.'.join(name)}"
        for line, name in imported(path)
        if not allowed(room(path), name)
    ]
    assert not wrong, f"{path.relative_to(SOURCE)} may not import {wrong}"


def test_no_backend_is_imported_by_name() -> None:
    wrong = []
    for path in FILES:
        for line, name in imported(path):
            if name[0] == "backends" and len(name) > 1:
                parts = path.relative_to(SOURCE).parts
                own = parts[0] == "backends" and len(parts) > 2 and parts[1] == name[1]
                if not own and room(path) != "testing":
                    wrong.append(f"{path.relative_to(SOURCE)} line {line}: mngr.{'.'.join(name)}")
    assert not wrong


def test_every_package_is_a_known_room() -> None:
    packages = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages <= {*ROOMS, *WINGS}


def test_the_rule_sees_what_it_should(tmp_path: Path) -> None:
    """The checks above, on imports that are known to be right and wrong."""
    assert allowed("cli", ["ops", "create"])
    assert not allowed("model", ["config", "schema"])
    assert not allowed("ops", ["simcloud", "run"])
    assert not allowed("simcloud", ["transport"])
    assert allowed("testing", ["cli", "main"])
    file = SOURCE / "hosts" / "x.py"  # never written: only its place counts
    tree = "def f():\n    from mngr.ops import create\n    from ..cli.main import run\n    import mngr.agents.tmux\n"

    class Fake(type(file)):
        def read_text(self, *args: object, **kwargs: object) -> str:
            return tree

    found = [name for _, name in imported(Fake(file))]
    assert sorted(found) == [["agents", "tmux"], ["cli", "main", "run"], ["ops", "create"]]


# --- names of backends ---

#: (file, name) of strings that are the name of a backend, and why they may be there.
NAMED = {
    ("config/schema.py", "local"): "a setting's default",
    ("ops/doctor.py", "docker"): "the program",
    ("cli/doctor.py", "docker"): "the program",
    ("transport/docker_exec.py", "docker"): "the program",
    ("vms/library.py", "libvirt"): "the library",
    ("containers/docker.py", "docker"): "the program",
    ("qemu/seed.py", "local"): "how cloud-init calls a boot's stage without network",
    ("vps_docker/building.py", "docker"): "a phase: Docker is being installed",
}


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_the_name_of_a_backend_means_something_in_its_own_room_only() -> None:
    """What differs between providers is an ability or a field of the contract: an instance may be called anything."""
    from mngr.providers.registry import in_tree

    found = {
        (str(path.relative_to(SOURCE)), text)
        for path in FILES
        if room(path) not in ("backends", *WINGS)
        for text in strings(ast.parse(path.read_text()))
        if text in in_tree()
    }
    assert found == set(NAMED)
