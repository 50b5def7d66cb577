"""Git on this computer: repositories are found by where they are, whatever the environment says of others."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mngr.model.errors import InvalidInput, MngrError, Unreachable
from mngr.transport.base import Completed, run_local

#: What takes longer than this many seconds (one git command, a bundle on its way home, the end of the remote script)
#: isn't waited for.
LIMIT_S = 1800

#: Variables that tie git to one repository, as a hook or an alias finds them set (`git rev-parse --local-env-vars`, of
#: newer versions too), or that bend what it prints.
BOUND = frozenset((
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_ATTR_SOURCE", "GIT_COMMON_DIR", "GIT_CONFIG",
    "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_EXTERNAL_DIFF", "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE", "GIT_ICASE_PATHSPECS", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX", "GIT_LITERAL_PATHSPECS", "GIT_NAMESPACE", "GIT_NOGLOB_PATHSPECS",
    "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH",
    "GIT_REF_PARANOIA", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
))  # fmt: skip


def environment() -> dict[str, str]:
    """This process's environment, without what ties git to one repository; git speaks English in it, and doesn't lock what
    it only reads."""
    free = {key: value for key, value in os.environ.items() if key not in BOUND}
    return {**free, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}


def run(top: Path, *args: str, input: bytes = b"", env: Mapping[str, str] | None = None) -> Completed:
    """Git in the directory `top`, on this computer. Raises TimedOut; Unreachable where git isn't installed."""
    return run_local(
        ["git", "-C", str(top), *args],
        place="this computer",
        what=f"git {_verb(args)} in {top}",
        input=input,
        timeout=LIMIT_S,
        env={**environment(), **(env or {})},
    )


def text(
    top: Path, *args: str, check: bool = True, input: bytes = b"", env: Mapping[str, str] | None = None
) -> str:
    """What git says in `top`, without the line's end; "" on failure unless `check`, which raises MngrError."""
    done = run(top, *args, input=input, env=env)
    if done.code and check:
        raise MngrError(f"git {_verb(args)} failed in {top}", details=done.error[-1000:])
    return os.fsdecode(done.stdout).strip() if done.code == 0 else ""


def _verb(args: Sequence[str]) -> str:
    at = 2 if args[0] == "-c" else 0
    return next(word for word in args[at:] if not word.startswith("-"))


def words(top: Path, *args: str, input: bytes = b"") -> list[str]:
    """What git lists in `top` with a NUL after each. Raises MngrError."""
    done = run(top, *args, input=input)
    if done.code:
        raise MngrError(f"git can't list the files of {top}", details=done.error)
    if "could not open directory" in done.error:
        raise InvalidInput(
            f"a folder of {top} can't be read: {done.error.splitlines()[0]}",
            hint="let .gitignore name it, make it readable, or --no-code",
        )
    return [os.fsdecode(word) for word in done.stdout.split(b"\0") if word]


def is_set(top: Path, *args: str) -> bool:
    """Whether git's answer is yes (exit code 0)."""
    return run(top, *args).code == 0


def repository(directory: Path) -> Path | None:
    """The top of the git work tree around `directory`, or None. Raises InvalidInput if git doesn't trust it."""
    try:
        done = run(directory, "rev-parse", "--show-toplevel")
    except Unreachable:  # no git here
        return None
    if "dubious ownership" in done.error:
        raise InvalidInput(
            f"git doesn't trust the repository around {directory}, as somebody else owns it",
            hint=f"git config --global --add safe.directory {directory}; or --no-code",
        )
    return Path(os.fsdecode(done.stdout).removesuffix("\n")) if done.code == 0 and done.stdout else None


def own_top(directory: Path) -> bool:
    """Whether `directory` is the top of a work tree itself."""
    top = repository(directory)
    return top is not None and top.resolve() == directory.resolve()


def bare(directory: Path) -> bool:
    """Whether `directory` is a bare repository."""
    try:
        return text(directory, "rev-parse", "--is-bare-repository", check=False) == "true"
    except Unreachable:
        return False


def is_git_dir(directory: Path) -> bool:
    """Whether `directory` is inside a `.git`."""
    try:
        return text(directory, "rev-parse", "--is-inside-git-dir", check=False) == "true"
    except Unreachable:
        return False


def keeper(directory: Path) -> Path | None:
    """Where `pull` brings commits: the top of the work tree around `directory`, or a bare repository. Else None."""
    top = repository(directory)
    if top is None and bare(directory):
        top = Path(text(directory, "rev-parse", "--absolute-git-dir"))
    return top


def config(top: Path) -> dict[str, str]:
    """The settings that hold in `top`; sections and keys in lower case. One without a value is true."""
    found: dict[str, str] = {}
    for word in words(top, "config", "-z", "--list"):
        key, line_end, value = word.partition("\n")
        found[key] = value if line_end else "true"
    return found


def common(top: Path) -> str:
    """The directory that all work trees of a repository share."""
    return os.path.realpath(top / text(top, "rev-parse", "--git-common-dir"))
