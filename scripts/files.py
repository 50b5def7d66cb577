"""files.py [--write]: what every file of src/mngr is, by its own first line; --write puts that at the end of ARCHITECTURE.md."""

import ast
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
SOURCE = TOP / "src" / "mngr"
ROOMS = (
    "cli", "ops", "backends", "vps_docker", "vms", "providers", "agents", "hosts", "journal", "transport", "config",
    "model", "vmservice", "simcloud", "testing",
)  # fmt: skip
HEAD = "## Every file\n\nBy its own first line; `scripts/files.py --write` makes this anew.\n"


def main(words: list[str]) -> int:
    text = HEAD + "".join(room(SOURCE / name) for name in ROOMS if (SOURCE / name).is_dir())
    if words != ["--write"]:
        print(text, end="")
        return 0
    page = TOP / "ARCHITECTURE.md"
    before, _, _ = page.read_text().partition(HEAD.splitlines()[0])
    page.write_text(before.rstrip() + "\n\n" + text)
    return 0


def room(folder: Path) -> str:
    rows = [(path, what(path)) for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".sh")]
    lines = [f"| `{path.relative_to(folder)}` | {said} |\n" for path, said in rows if said]
    return f"\n### {folder.name}\n\n| | |\n|---|---|\n" + "".join(lines)


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
