"""files.py [ROOM…]: what every file of src/mngr (or of these rooms) is, by its own first line."""

import ast
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
SOURCE = TOP / "src" / "mngr"
ROOMS = (
    "cli", "ops", "backends", "vps_docker", "vms", "providers", "agents", "hosts", "journal", "transport", "config",
    "model", "vmservice", "simcloud", "testing",
)  # fmt: skip


def main(rooms: list[str]) -> int:
    for name in rooms or ROOMS:
        if (SOURCE / name).is_dir():
            print(room(SOURCE / name))
    return 0


def room(folder: Path) -> str:
    rows = [(path, what(path)) for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".sh")]
    lines = [f"  {path.relative_to(folder)!s:<32} {said}" for path, said in rows if said]
    return "\n".join([f"{folder.name}/", *lines])


def what(path: Path) -> str:
    """The first sentence of a module's docstring, or of a script's first comment; "" for an empty file."""
    if path.suffix == ".py":
        said = ast.get_docstring(ast.parse(path.read_text())) or ""
        said = said.split("\n\n")[0]
    else:
        comments = []
        for line in path.read_text().splitlines():
            if line.startswith("#!"):
                continue
            if not line.startswith("#"):
                break
            comments.append(line.lstrip("# "))
        said = " ".join(comments)
        said = said.partition(": ")[2] or said
    first = " ".join(said.split())
    return first.partition(". ")[0].rstrip(".:").replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
