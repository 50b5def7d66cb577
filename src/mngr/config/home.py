"""Where mngr keeps its files, how it writes them, and which laptop this is."""

import os
import stat
from pathlib import Path

from mngr.model.errors import InvalidInput, MngrError


def home(named: str | Path | None = None) -> Path:
    """`named` (`~` is the user's), else `$MNGR_HOME`, else `~/.mngr`. Not made here: reading commands leave no trace.

    Raises InvalidInput if it is set and empty, or can't be a folder.
    """
    given = os.environ.get("MNGR_HOME") if named is None else os.path.expanduser(named)
    if given == "":
        raise InvalidInput("MNGR_HOME is set and empty", hint="name a folder, or unset it for ~/.mngr")
    path = Path(given or os.path.expanduser("~/.mngr")).absolute()
    _check_folder(path, f"MNGR_HOME {path}" if given else str(path))
    return path


def _check_folder(path: Path, called: str) -> None:
    """Raises InvalidInput if `path`, or what it is in, is something else than a folder."""
    way = "name a folder with MNGR_HOME, or move away what is there"
    try:
        facts = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            target = os.readlink(path)
            raise InvalidInput(f"{called} is a link to {target}, which isn't there", hint=way) from None
    except NotADirectoryError:
        first = next(one for one in reversed(path.parents) if one.exists() and not one.is_dir())
        raise InvalidInput(f"{called} can't be a folder: {first} is a file", hint=way) from None
    except OSError as error:
        raise InvalidInput(f"{called} can't be read: {error.strerror}", hint=way) from None
    else:
        if not stat.S_ISDIR(facts.st_mode):
            raise InvalidInput(f"{called} is a file, not a folder", hint=way)


def laptop_id(home: Path) -> str:
    """This MNGR_HOME's own id, made once and kept in `laptop`. It goes into owner tags. Repeatable, race-free.

    Raises MngrError if it can't be written: without it nobody could say later whose a machine is.
    """
    path = home / "laptop"
    try:
        if not path.exists():
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_laptop(home, path)
        return path.read_text().strip()
    except OSError as error:
        raise MngrError(
            f"{home} can't be written: {error.strerror}",
            hint="mngr keeps there what it makes and whose it is: free or mount the disk, or name another folder with MNGR_HOME",
        ) from None


def _write_laptop(home: Path, path: Path) -> None:
    part = home / f".laptop.{os.urandom(4).hex()}"
    try:
        with open(part, "w") as file:
            file.write(f"laptop-{os.urandom(8).hex()}\n")
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, atomically. Repeatable."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
