"""Where mngr keeps its files, and which laptop this is."""

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
        part = home / f".laptop.{os.getpid()}"
        part.write_text(f"laptop-{os.urandom(8).hex()}\n")
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        part.unlink()
    return path.read_text().strip()
