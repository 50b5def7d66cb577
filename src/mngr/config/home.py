"""Where mngr keeps its files, how it writes them, and which laptop this is."""

import os
from pathlib import Path


def home() -> Path:
    """`$MNGR_HOME`, else `~/.mngr`. Not made here: reading commands leave no trace."""
    return Path(os.environ.get("MNGR_HOME") or os.path.expanduser("~/.mngr")).absolute()


def laptop_id(home: Path) -> str:
    """This MNGR_HOME's own id, made once and kept in `laptop`. It goes into owner tags. Repeatable, race-free."""
    path = home / "laptop"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = home / f".laptop.{os.urandom(4).hex()}"
        part.write_text(f"laptop-{os.urandom(8).hex()}\n")
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        part.unlink()
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, atomically. Repeatable."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
